//! Bindings and data, dtypes, literals, static values, keyword arguments.
#![no_std]

use kiln::prelude::*;

mod bindings {
    use super::*;

    #[jit]
    fn patterns(x: &[f32; 3]) -> f32 {
        let (a, b) = (x[0], x[1]);
        let [_, _, c] = x;
        let a = a * 2.0;
        let mut s = a;
        s += b;
        s = s - c;
        s
    }

    #[jit]
    fn tuples(x: f32) -> (f32, (f32, [f32; 2])) {
        let t = (x, (x * 2.0, [x, 1.0]));
        (t.0, (t.1.0, t.1.1))
    }

    #[jit]
    fn blocks(x: f32) -> f32 {
        let y = {
            let z = x * x;
            z + 1.0
        };
        y * { 2.0 }
    }

    #[jit]
    fn closures(x: f32, k: f32) -> f32 {
        let scale = |v| v * k;
        let add = |a: f32, b: f32| -> f32 { a + scale(b) };
        add(x, add(x, x))
    }

    #[jit]
    fn literals(x: f32) -> ([f32; 4], [[f32; 2]; 2]) {
        let z = [0.0; 4];
        (z + x, [[x, 1.0], [2.0, x]])
    }

    #[jit]
    fn destructuring(x: f32, y: f32) -> f32 {
        let mut a = x;
        let mut b = y;
        (a, b) = (b, a);
        a * 10.0 + b
    }

    #[test]
    fn let_tuples_closures_blocks_and_literals() {
        assert_eq!(patterns(&[1.0, 2.0, 4.0]), 0.0);
        assert_eq!(tuples(3.0), (3.0, (6.0, [3.0, 1.0])));
        assert_eq!(blocks(3.0), 20.0);
        assert_eq!(closures(1.0, 2.0), 7.0);
        assert_eq!(literals(5.0), ([5.0; 4], [[5.0, 1.0], [2.0, 5.0]]));
        assert_eq!(destructuring(1.0, 2.0), 21.0);
    }
}

mod structs {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct State {
        pub x: f32,
        pub v: f32,
        pub history: [f32; 3],
    }

    #[jit]
    fn step(s: &State, dt: f32) -> State {
        let State { x, v, .. } = s;
        State { x: x + v * dt, v: v * 0.5, ..*s }
    }

    #[jit]
    fn record(s: &mut State) {
        s.history[1] = s.x;
        s.v *= 2.0;
    }

    #[jit]
    fn arithmetic(a: &State, b: &State, k: f32) -> State {
        (a + b) * k
    }

    #[jit]
    fn leaf_by_leaf(a: &State) -> State {
        tree_map(|v| v * 2.0, a)
    }

    #[test]
    fn fields_update_and_arithmetic() {
        let s = State { x: 1.0, v: 4.0, history: [0.0, 1.0, 2.0] };
        assert_eq!(step(&s, 0.5), State { x: 3.0, v: 2.0, history: [0.0, 1.0, 2.0] });
        let mut t = s.clone();
        record(&mut t);
        assert_eq!(t, State { x: 1.0, v: 8.0, history: [0.0, 1.0, 2.0] });
        assert_eq!(arithmetic(&s, &t, 2.0), State { x: 4.0, v: 24.0, history: [0.0, 4.0, 8.0] });
        assert_eq!(leaf_by_leaf(&s), State { x: 2.0, v: 8.0, history: [0.0, 2.0, 4.0] });
    }
}

mod dtypes {
    use super::*;

    #[jit]
    fn weak(x: &[f64; 2], n: &[i8; 2]) -> ([f64; 2], [i8; 2]) {
        (x * 2.0 + 1, n * 2 + 1)
    }

    #[jit]
    fn casts(n: &[i32; 3], x: f32) -> ([f32; 3], i32, u8, bool) {
        (n as f32 * 0.5, x as i32, (x * 2.0) as u8, (n[0] as bool))
    }

    #[jit]
    fn integers(a: &[i32; 4], b: &[i32; 4]) -> ([i32; 4], [i32; 4]) {
        (a / b, a % b)
    }

    #[jit]
    fn wrapping(a: u8, b: i16) -> (u8, i16) {
        (a + 200, b * 1000)
    }

    #[jit]
    fn bits(a: u32, b: u32) -> (u32, u32, u32, u32, u32, u32) {
        (a & b, a | b, a ^ b, a << 2, a >> 1, !a)
    }

    #[jit]
    fn comparisons(x: &[f32; 3], y: &[f32; 3]) -> ([bool; 3], [bool; 3], [bool; 3]) {
        (x < y, x == y, !(x >= y) | (x != x))
    }

    #[jit]
    fn logic(a: bool, b: bool) -> (bool, bool, bool) {
        (a && b, a || b, !a)
    }

    #[jit]
    fn remainder_of_floats(x: f32, y: f32) -> f32 {
        x % y
    }

    #[jit]
    fn half_to_even(x: &[f32; 4]) -> [f32; 4] {
        round(x)
    }

    #[test]
    fn literals_take_the_dtype_they_meet_and_as_converts() {
        assert_eq!(weak(&[1.0, 2.0], &[3, -4]), ([3.0, 5.0], [7, -7]));
        assert_eq!(casts(&[1, 2, -3], 2.75), ([0.5, 1.0, -1.5], 2, 5, true));
    }

    #[test]
    fn integers_truncate_wrap_and_shift() {
        assert_eq!(integers(&[7, -7, 7, -7], &[2, 2, -2, -2]), ([3, -3, -3, 3], [1, -1, 1, -1]));
        assert_eq!(wrapping(100, 100), (44, 100_000_i32 as i16));
        assert_eq!(bits(12, 10), (8, 14, 6, 48, 6, !12));
    }

    #[test]
    fn comparisons_and_logic_are_elementwise() {
        let nan = f32::NAN;
        assert_eq!(
            comparisons(&[1.0, 2.0, nan], &[2.0, 2.0, 0.0]),
            ([true, false, false], [false, true, false], [true, false, true])
        );
        assert_eq!(logic(true, false), (false, true, false));
        assert_eq!(remainder_of_floats(-7.5, 2.0), -1.5);
        assert_eq!(half_to_even(&[0.5, 1.5, 2.5, -0.5]), [0.0, 2.0, 2.0, -0.0]);
    }
}

mod statics {
    use super::*;

    #[jit]
    fn shapes(x: &[[f32; 3]; 2]) -> [f32; 6] {
        let (n, m) = x.shape();
        let flat = x.reshape((n * m,));
        if x.len() == 2 && n < m { flat } else { flat * 0.0 }
    }

    #[jit]
    fn taken_side_only(x: &[f32; 3]) -> f32 {
        // The other side would not compile.
        if x.len() > 5 { x[7] } else { x[2] }
    }

    #[jit]
    fn static_match(x: f32) -> f32 {
        match 3 % 2 {
            0 => x,
            1 => -x,
            _ => x * 2.0,
        }
    }

    #[test]
    fn shapes_and_branches_are_evaluated_while_tracing() {
        assert_eq!(shapes(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(taken_side_only(&[1.0, 2.0, 3.0]), 3.0);
        assert_eq!(static_match(2.0), -2.0);
    }
}

mod keywords {
    use super::*;

    #[jit]
    fn reductions(x: &[[f32; 3]; 2]) -> ([f32; 2], [[f32; 1]; 2], f32) {
        (sum(x, axis = 1), max(x, axis = 1, keepdims = true), x.mean())
    }

    #[jit]
    fn scaled(x: f32, by: f32, plus: f32) -> f32 {
        x * by + plus
    }

    #[jit]
    fn own(x: f32) -> f32 {
        scaled(x, plus = 1.0, by = 3.0)
    }

    #[jit]
    fn dtype(n: &[f32; 2]) -> [u8; 3] {
        zeros((3,), dtype = u8) + 7
    }

    #[jit]
    fn methods(x: &[[f32; 3]; 2]) -> ([[f32; 2]; 3], [f32; 3], f32) {
        (x.T(), x.exp().log().sum(axis = 0).round(), x.max())
    }

    #[test]
    fn keyword_arguments_are_assignments() {
        let x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(reductions(&x), ([6.0, 15.0], [[3.0], [6.0]], 3.5));
        assert_eq!(own(2.0), 7.0);
        assert_eq!(dtype(&[0.0; 2]), [7, 7, 7]);
        assert_eq!(methods(&x), ([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]], [5.0, 7.0, 9.0], 6.0));
    }
}

#[jit]
fn many_results(x: &[f32; 3]) -> (f32, f32, f32, [f32; 3], [f32; 3], i32, bool, f32, f32, [f32; 1], (f32, f32), u8) {
    (
        x[0],
        x[1],
        x[2],
        x * 2.0,
        cumsum(x),
        argmax(x),
        any(x > 1.0),
        sum(x),
        prod(x),
        x[..1],
        (max(x), min(x)),
        x[2] as u8,
    )
}

#[test]
fn tuples_are_as_long_as_results_need() {
    let out = many_results(&[1.0, 2.0, 4.0]);
    let (a, b, c, twice, sums, largest, over, sum, product, first, ends, last) = out;
    assert_eq!((a, b, c, twice, sums), (1.0, 2.0, 4.0, [2.0, 4.0, 8.0], [1.0, 3.0, 7.0]));
    assert_eq!((largest, over, sum, product, first, ends, last), (2, true, 7.0, 8.0, [1.0], (4.0, 1.0), 4));
}

#[jit]
mod static_assertions {
    use kiln::prelude::*;
    pub const TAPS: usize = 4;
    #[jit(inline)]
    pub fn halves<const N: usize>(x: &[f32; N]) -> f32 {
        const { assert!(N > 0) };
        assert!(N % 2 == 0, "{N} is odd");
        debug_assert_eq!(x.len(), N);
        sum(x[..N / 2]) - sum(x[N / 2..])
    }
    pub fn of_four(x: &[f32; 4]) -> f32 {
        assert_ne!(TAPS, 5);
        halves(x)
    }
    pub fn complex(x: &[f32; 2]) -> ([Complex<f32>; 2], [Complex<f64>; 1]) {
        let z = x.astype(Complex::<f32>) + zeros(2, dtype = Complex::<f32>);
        (z * z, ones((1,), dtype = Complex::<f64>))
    }
}

#[test]
fn assertions_hold_of_what_is_static() {
    assert_eq!(static_assertions::of_four(&[1.0, 2.0, 4.0, 8.0]), -9.0);
    let z = |re| Complex::new(re, 0.0);
    assert_eq!(static_assertions::complex(&[2.0, 3.0]), ([z(4.0), z(9.0)], [Complex::new(1.0, 0.0)]));
}
