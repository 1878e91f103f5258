//! What emitted kernels rely on.

use kiln::rt::*;

#[test]
fn reads_and_writes_past_the_end_are_harmless() {
    let mut x = [1_i32, 2, 3];
    assert_eq!([0, 2, 3, usize::MAX].map(|i| ld(&x, i)), [1, 3, 0, 0]);
    st(&mut x, 3, 9);
    st(&mut x, 1, 9);
    assert_eq!(x, [1, 9, 3]);
}

#[test]
fn nested_arrays_and_scalars_are_seen_flat() {
    let mut x = [[[1_u8, 2], [3, 4]], [[5, 6], [7, 8]]];
    assert_eq!(flat::<_, _, 8>(&x), &[1_u8, 2, 3, 4, 5, 6, 7, 8]);
    let all: &mut [u8; 8] = flat_mut(&mut x);
    all[6] = 0;
    assert_eq!(x[1][1], [0, 8]);
    assert_eq!(flat::<_, _, 1>(&2.5_f64), &[2.5_f64]);
    let none: &[f32; 0] = flat(&[[0.0_f32; 0]; 3]);
    assert!(none.is_empty());
    let zeros: [[bool; 3]; 2] = zero();
    assert_eq!(zeros, [[false; 3]; 2]);
    assert_eq!(zero::<_, [num_complex::Complex<f32>; 2]>(), [num_complex::Complex::new(0.0, 0.0); 2]);
}

#[test]
fn arena_views_of_all_sizes_and_types() {
    let mut arena = Arena::<64>::new();
    {
        type V = (Wr<f64, 8, 2>, Wr<u8, 0, 3>, Rd<i16, 4, 2>, Wr<f32, 24, 4>, Rd<u8, 64, 0>);
        let (a, b, c, d, e) = arena.views::<V>();
        *a = [1.5, -2.5];
        *b = [1, 2, 3];
        d.copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((c, e), (&[0, 0], &[]));
        // All at once, so that an aliasing rule that they broke would show under Miri.
        a[0] += f64::from(d[3]) + f64::from(b[2]) + f64::from(c[1]);
    }
    let (x, y) = arena.views::<(Rd<f64, 8, 2>, Rd<f64, 16, 1>)>();
    assert_eq!((x, y), (&[8.5, -2.5], &[-2.5]));
    let (bits,) = arena.views::<(Rd<u32, 24, 1>,)>();
    assert_eq!(bits[0], 1.0_f32.to_bits());
    assert_eq!(format!("{:?}", Arena::<24>::default()), "Arena<24>");
}

#[test]
fn arena_in_a_static_takes_sixteen_views() {
    use std::sync::Mutex;
    static WORKSPACE: Mutex<Arena<64>> = Mutex::new(Arena::new());
    let mut ws = WORKSPACE.lock().unwrap();
    let v = ws.views::<(
        Wr<i32, 0, 1>,
        Wr<i32, 4, 1>,
        Wr<i32, 8, 1>,
        Wr<i32, 12, 1>,
        Wr<i32, 16, 1>,
        Wr<i32, 20, 1>,
        Wr<i32, 24, 1>,
        Wr<i32, 28, 1>,
        Wr<i32, 32, 1>,
        Wr<i32, 36, 1>,
        Wr<i32, 40, 1>,
        Wr<i32, 44, 1>,
        Wr<i32, 48, 1>,
        Wr<i32, 52, 1>,
        Wr<i32, 56, 1>,
        Wr<i32, 60, 1>,
    )>();
    v.0[0] = 1;
    v.15[0] = 16;
    assert_eq!(ws.views::<(Rd<i32, 0, 16>,)>().0[15], 16);
}

/// Numbers whose sums depend on the order.
fn rough(i: usize) -> f32 {
    let bits = (i as u32).wrapping_mul(2_654_435_761) >> 9;
    (bits as f32 / 4_194_304.0 - 1.0) * [1e-3, 1.0, 1e3][i % 3]
}

#[test]
fn reduce_follows_the_documented_order_at_every_length() {
    fn check<const N: usize>() {
        let x: [f32; N] = std::array::from_fn(rough);
        let got = reduce::<f32, N>(|i| ld(&x, i), |a, b| a + b);
        assert_eq!(got.to_bits(), lanes_reduce(&x, |a, b| a + b).to_bits(), "{N} elements");
        assert_eq!(got.to_bits(), by_the_book(&x).to_bits(), "{N} elements");
        let largest = reduce_any_order::<f32, N>(|i| ld(&x, i), max);
        assert_eq!(Some(largest), x.iter().copied().reduce(f32::max));
    }
    check::<1>();
    check::<2>();
    check::<3>();
    check::<7>();
    check::<8>();
    check::<13>();
    check::<15>();
    check::<16>();
    check::<17>();
    check::<31>();
    check::<32>();
    check::<33>();
    check::<48>();
    check::<100>();
    check::<1000>();
}

/// The order of sums, word by word as `lanes_reduce` documents it.
fn by_the_book(x: &[f32]) -> f32 {
    let mut lanes: Vec<Option<f32>> =
        (0..16).map(|l| x.iter().skip(l).step_by(16).copied().reduce(|a, b| a + b)).collect();
    for h in [8, 4, 2, 1] {
        for l in 0..h {
            if let Some(high) = lanes[l + h] {
                lanes[l] = lanes[l].map(|low| low + high);
            }
        }
    }
    lanes[0].unwrap()
}

#[test]
fn contract_sums_in_order_for_every_shape_of_tile() {
    fn check<const M: usize, const N: usize>() {
        let k = [5, 3, 2];
        let a = |m: usize, [x, y, z]: [usize; 3]| rough(m * 1000 + x * 100 + y * 10 + z);
        let b = |n: usize, [x, y, z]: [usize; 3]| rough(n * 7000 + x + 13 * y + 31 * z);
        let mut got = vec![None; M * N];
        contract::<f32, Base, false, M, N, 3>(k, a, b, |m, n, v| {
            assert!(got[m * N + n].replace(v).is_none(), "({m}, {n}) came twice");
        });
        for m in 0..M {
            for n in 0..N {
                let mut sum = 0.0_f32;
                for x in 0..k[0] {
                    for y in 0..k[1] {
                        for z in 0..k[2] {
                            sum += a(m, [x, y, z]) * b(n, [x, y, z]);
                        }
                    }
                }
                let got = got[m * N + n].map(f32::to_bits);
                assert_eq!(got, Some(sum.to_bits()), "({m}, {n}) of {M} x {N}");
            }
        }
    }
    check::<1, 1>();
    check::<1, 5>();
    check::<1, 63>();
    check::<6, 1>();
    check::<31, 1>();
    check::<2, 3>();
    check::<4, 4>();
    check::<5, 9>();
    check::<7, 31>();
    check::<8, 17>();
    check::<11, 26>();
}

#[test]
fn contract_of_integers_wraps_and_one_to_four_indices_agree() {
    let mut one = 0_u8;
    contract::<u8, Base, false, 1, 1, 1>([16], |_, [k]| k as u8 * 9, |_, [k]| k as u8 + 30, |_, _, v| one = v);
    let mut four = 0_u8;
    let flat = |[a, b, c, d]: [usize; 4]| ((a * 2 + b) * 2 + c) * 2 + d;
    contract::<u8, Base, false, 1, 1, 4>(
        [2; 4],
        |_, k| flat(k) as u8 * 9,
        |_, k| flat(k) as u8 + 30,
        |_, _, v| four = v,
    );
    let exact: u32 = (0..16).map(|k| k * 9 * (k + 30)).sum();
    assert_eq!((u32::from(one), u32::from(four)), (exact % 256, exact % 256));
    let mut empty = 7_i32;
    contract::<i32, Base, false, 1, 1, 2>([3, 0], |_, _| 1, |_, _| 1, |_, _, v| empty = v);
    assert_eq!(empty, 0);
}

#[test]
fn check_errors_are_errors() {
    let e: Box<dyn std::error::Error> = Box::new(kiln::CheckError::new("dt must be positive", 3, &[]));
    assert_eq!(e.to_string(), "line 3: dt must be positive");
}
