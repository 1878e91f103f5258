//! Programs within budgets of memory: other loops, the same bits.

use kiln::prelude::*;

/// Three convolutions with their activations, of which the last takes every second row, and a pool.
#[jit(inline)]
fn network(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    let layer =
        |x, w, s| relu(conv(x, w, stride = (s, s), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")));
    mean(layer(layer(layer(x, a, 1), b, 1), c, 2), axis = (0, 1, 2))
}

#[jit]
fn plain(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    network(x, a, b, c)
}

#[jit(ram = 3200)]
fn in_rows(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    network(x, a, b, c)
}

#[test]
fn convolutions_in_strips_of_rows_have_the_same_bits() {
    let number = |n: usize| (n * 37 % 23) as f32 / 7.0 - 1.5;
    let window = |n: usize| number(n) * 0.25;
    let x = [core::array::from_fn(|i| core::array::from_fn(|j| core::array::from_fn(|k| number(i * 12 + j * 2 + k))))];
    let a = core::array::from_fn(|i| {
        core::array::from_fn(|j| core::array::from_fn(|k| core::array::from_fn(|l| window(i * 24 + j * 8 + k * 4 + l))))
    });
    let b = core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            core::array::from_fn(|k| core::array::from_fn(|l| window(i * 48 + j * 16 + k * 4 + l)))
        })
    });
    let mut c = core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            core::array::from_fn(|k| core::array::from_fn(|l| window(i * 36 + j * 12 + k * 3 + l)))
        })
    });
    assert!(plain::RAM_BYTES > 4608 && in_rows::RAM_BYTES <= 3200, "{} {}", plain::RAM_BYTES, in_rows::RAM_BYTES);
    assert!(in_rows::GRAPH.contains("conv_rows"), "{}", in_rows::GRAPH);
    let bits = |y: [f32; 3]| y.map(f32::to_bits);
    assert_eq!(bits(plain(&x, &a, &b, &c)), bits(in_rows(&x, &a, &b, &c)));
    // Rows that are not there are no zeros: they would make infinity no number.
    c[0][0][0][0] = f32::INFINITY;
    let (p, r) = (plain(&x, &a, &b, &c), in_rows(&x, &a, &b, &c));
    assert_eq!(bits(p), bits(r));
}
