//! Control flow is Rust's.
#![no_std]

use kiln::prelude::*;

mod for_loops {
    use super::*;

    #[jit]
    fn sum_of_squares(x: &[f32; 20]) -> f32 {
        let mut s = 0.0;
        for i in 0..20 {
            s += x[i] * x[i];
        }
        s
    }

    #[jit]
    fn orders(x: &[f32; 6]) -> (f32, f32, f32) {
        let mut back = 0.0;
        for i in (0..6).rev() {
            back = back * 2.0 + x[i];
        }
        let mut even = 0.0;
        for i in (0..6).step_by(2) {
            even += x[i];
        }
        let mut part = 0.0;
        for i in 2..5 {
            part += x[i];
        }
        (back, even, part)
    }

    #[jit]
    fn over_arrays(x: &[f32; 4], y: &[f32; 4]) -> (f32, f32, f32) {
        let mut a = 0.0;
        for v in x {
            a = a * 2.0 + v;
        }
        let mut b = 0.0;
        for (i, v) in x.iter().enumerate() {
            b += v * i as f32;
        }
        let mut c = 0.0;
        for (u, v) in x.iter().zip(y) {
            c += u * v;
        }
        (a, b, c)
    }

    #[jit]
    fn filled(x: f32) -> [f32; 8] {
        let mut y = [0.0; 8];
        y[0] = x;
        for i in 1..8 {
            y[i] = y[i - 1] * 2.0;
        }
        y
    }

    #[jit]
    fn nested(x: &[[f32; 3]; 4]) -> ([f32; 4], f32) {
        let mut rows = [0.0; 4];
        let mut total = 0.0;
        for i in 0..4 {
            for j in 0..3 {
                rows[i] += x[i][j];
                total += x[i][j] * (i * 3 + j) as f32;
            }
        }
        (rows, total)
    }

    #[jit]
    fn unrolled(x: f32) -> f32 {
        let mut y = x;
        #[unroll]
        for k in 0..3 {
            y = y + k as f32;
        }
        y
    }

    #[jit]
    fn left_early(x: &[f32; 8]) -> (f32, i32) {
        let mut s = 0.0;
        let mut n = 0;
        for v in x {
            if v < 0.0 {
                break;
            }
            if v > 10.0 {
                continue;
            }
            s += v;
            n += 1;
        }
        (s, n)
    }

    #[test]
    fn ranges_arrays_and_their_adaptors() {
        let x: [f32; 20] = core::array::from_fn(|n| n as f32);
        assert_eq!(sum_of_squares(&x), 2470.0);
        assert_eq!(orders(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), (321.0, 9.0, 12.0));
        assert_eq!(over_arrays(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 1.0, 0.0]), (26.0, 20.0, 4.0));
    }

    #[test]
    fn carried_variables_and_filled_arrays() {
        assert_eq!(filled(1.0), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]);
        let x = [[1.0; 3], [2.0; 3], [3.0; 3], [4.0; 3]];
        assert_eq!(nested(&x), ([3.0, 6.0, 9.0, 12.0], 3.0 + 2.0 * 12.0 + 3.0 * 21.0 + 4.0 * 30.0));
        assert_eq!(unrolled(1.0), 4.0);
    }

    #[test]
    fn break_and_continue_under_traced_conditions() {
        assert_eq!(left_early(&[1.0, 2.0, 11.0, 3.0, -1.0, 5.0, 6.0, 7.0]), (6.0, 3));
        assert_eq!(left_early(&[1.0; 8]), (8.0, 8));
    }
}

mod branches {
    use super::*;

    #[jit]
    fn sign_of(x: f32) -> f32 {
        if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            0.0
        }
    }

    #[jit]
    fn changed(x: &[f32; 3], c: bool) -> ([f32; 3], f32) {
        let mut y = x;
        let mut k = 1.0;
        if c {
            y[1] = 10.0;
            k = 2.0;
        }
        (y, k)
    }

    #[jit]
    fn chosen(n: i32, x: f32) -> f32 {
        match n {
            0 => x,
            1 | 2 => x * 10.0,
            3..=5 => {
                let y = x + 1.0;
                y * y
            }
            k if k < 0 => -x,
            _ => 0.0,
        }
    }

    #[jit]
    fn optional(x: f32) -> f32 {
        let some = Some(2.0);
        let none: Option<f32> = None;
        let a = if let Some(k) = some { x * k } else { x };
        if let Some(k) = none { a * k } else { a + 1.0 }
    }

    #[test]
    fn both_sides_are_lowered_to_a_branch() {
        assert_eq!((sign_of(3.0), sign_of(-2.0), sign_of(0.0)), (1.0, -1.0, 0.0));
        assert_eq!(changed(&[1.0, 2.0, 3.0], true), ([1.0, 10.0, 3.0], 2.0));
        assert_eq!(changed(&[1.0, 2.0, 3.0], false), ([1.0, 2.0, 3.0], 1.0));
        for (n, want) in [(0, 3.0), (1, 30.0), (2, 30.0), (3, 16.0), (5, 16.0), (6, 0.0), (-1, -3.0)] {
            assert_eq!(chosen(n, 3.0), want, "{n}");
        }
        assert_eq!(optional(3.0), 7.0);
    }
}

mod while_loops {
    use super::*;

    #[jit]
    fn halvings(x: f32) -> (f32, i32) {
        let mut y = x;
        let mut n = 0;
        while y > 1.0 {
            y = y / 2.0;
            n += 1;
        }
        (y, n)
    }

    #[jit]
    fn newton(a: f32) -> f32 {
        let mut x = a;
        loop {
            let next = 0.5 * (x + a / x);
            if abs(next - x) <= 0.0 {
                break;
            }
            x = next;
        }
        x
    }

    #[test]
    fn while_and_loop_run_until_their_condition() {
        assert_eq!(halvings(9.0), (0.5625, 4));
        assert_eq!(halvings(0.5), (0.5, 0));
        assert_eq!(newton(9.0), 3.0);
    }
}

mod derivatives {
    use super::*;

    #[jit]
    fn power(x: f32, n: i32) -> f32 {
        let mut y = 1.0;
        for i in 0..8 {
            if i < n {
                y = y * x;
            }
        }
        y
    }

    #[jit]
    fn slope(x: f32, n: i32) -> f32 {
        grad(power)(x, n)
    }

    #[jit]
    fn curvature(x: f32, n: i32) -> f32 {
        grad(grad(power))(x, n)
    }

    #[jit]
    fn kinked(x: f32) -> f32 {
        if x > 1.0 { x * x } else { 3.0 * x }
    }

    #[jit]
    fn kinked_slopes(x: &[f32; 3]) -> [f32; 3] {
        vmap(grad(kinked))(x)
    }

    #[jit]
    fn doubled(x: f32) -> f32 {
        let mut y = x;
        #[bound(16)]
        while y < 100.0 {
            y = y * 3.0;
        }
        y
    }

    #[jit]
    fn doubled_slope(x: f32) -> f32 {
        grad(doubled)(x)
    }

    #[jit]
    fn chosen(n: i32, x: f32) -> f32 {
        match n {
            0 => x * x,
            1 => sin(x),
            _ => 5.0 * x,
        }
    }

    #[jit]
    fn chosen_slope(n: i32, x: f32) -> f32 {
        grad(chosen, argnums = 1)(n, x)
    }

    #[test]
    fn reverse_mode_works_through_for_if_match_and_bounded_while() {
        assert_eq!(power(3.0, 4), 81.0);
        assert_eq!(slope(3.0, 4), 108.0);
        assert_eq!(curvature(3.0, 4), 108.0);
        assert_eq!(kinked_slopes(&[0.5, 2.0, -1.0]), [3.0, 4.0, 3.0]);
        assert_eq!(doubled(2.0), 162.0);
        assert_eq!(doubled_slope(2.0), 81.0);
        assert_eq!(chosen_slope(0, 3.0), 6.0);
        assert_eq!(chosen_slope(1, 0.0), 1.0);
        assert_eq!(chosen_slope(7, 0.0), 5.0);
    }
}

/// A kernel of so many loop nests that they are called in groups.
mod long {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    struct Net {
        w: [[f32; 8]; 8],
        b: [f32; 8],
    }

    #[jit(inline)]
    fn layer(p: &Net, x: &[f32; 8], n: i32) -> [f32; 8] {
        let y = maximum(matmul(p.w, x) + p.b, 0.0) - x * 0.25;
        if y[0] > 0.0 { y + (n as f32) * 0.01 } else { -y }
    }

    #[jit]
    fn rolled(p: &mut Net, x: &[f32; 8]) -> ([f32; 8], f32) {
        let mut y = *x;
        for i in 0..120 {
            y = layer(p, y, i as i32);
            p.b = p.b * 0.99 + y * 0.001;
        }
        (y, sum(p.b))
    }

    #[jit]
    fn written_out(p: &mut Net, x: &[f32; 8]) -> ([f32; 8], f32) {
        let mut y = *x;
        #[unroll]
        for i in 0..120 {
            y = layer(p, y, i as i32);
            p.b = p.b * 0.99 + y * 0.001;
        }
        (y, sum(p.b))
    }

    #[test]
    fn written_out_it_is_the_same_as_rolled() {
        let w = core::array::from_fn(|i| core::array::from_fn(|j| ((i * 5 + j * 3) % 7) as f32 * 0.1 - 0.3));
        let mut a = Net { w, b: [0.1, -0.2, 0.3, 0.0, 0.5, -0.1, 0.2, 0.4] };
        let mut b = a.clone();
        let x = [1.0, -0.5, 0.25, 2.0, 0.0, -1.0, 0.75, 0.5];
        assert_eq!(rolled(&mut a, &x), written_out(&mut b, &x));
        assert_eq!(a, b);
    }
}

/// Literals inside of what a loop carries and a branch yields.
#[jit]
mod nested_literals {
    use kiln::prelude::*;

    pub fn sums(x: &[f32; 6]) -> (f32, (f32, [f32; 2]), [(f32, i32); 2]) {
        let mut s = (0.0, (1.0, [0.0, 0.0]));
        let mut best = [(0.0, -1), (0.0, -1)];
        for (i, &v) in x.iter().enumerate() {
            s.0 += v;
            s.1.0 *= v;
            s.1.1[i % 2] += v;
            if v > best[0].0 {
                best[1] = best[0];
                best[0] = (v, i as i32);
            }
        }
        (s.0, s.1, best)
    }

    pub fn sides(x: f32) -> ([f32; 2], (f32, [f32; 2])) {
        let a = if x > 0.0 { [x, 1.0] } else { [0.0, 0.0] };
        (a, if x > 1.0 { (x, [2.0, 3.0]) } else { (0.0, a) })
    }

    pub fn widened(x: i32, y: i64) -> (i32, i64) {
        (y.clamp(i32::MIN.into(), i32::MAX.into()) as i32, y + i64::from(x) + x.into())
    }
}

#[test]
fn literals_inside_of_tuples_are_carried() {
    let x = [1.0, 2.0, 0.5, 4.0, 0.25, 1.0];
    assert_eq!(nested_literals::sums(&x), (8.75, (1.0, [1.75, 7.0]), [(4.0, 3), (2.0, 1)]));
    assert_eq!(nested_literals::sides(0.5), ([0.5, 1.0], (0.0, [0.5, 1.0])));
    assert_eq!(nested_literals::sides(2.0), ([2.0, 1.0], (2.0, [2.0, 3.0])));
    assert_eq!(nested_literals::widened(-3, 1 << 40), (i32::MAX, (1 << 40) - 6));
}
