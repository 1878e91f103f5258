//! What `#[jit]` accepts: items and calls.
#![no_std]

use kiln::prelude::*;

mod free_functions {
    use super::*;

    #[jit]
    fn double(x: &[f32; 3]) -> [f32; 3] {
        x * 2.0
    }

    #[jit]
    fn by_value(x: f32, y: f32) -> f32 {
        x * y + 1.0
    }

    #[jit]
    fn in_place(x: &mut [f32; 3], by: f32) {
        *x += by;
    }

    #[jit]
    fn both(x: &mut [f32; 2], y: &[f32; 2]) -> f32 {
        *x = *x + y;
        sum(*x)
    }

    #[test]
    fn parameters_are_values_references_and_mutable_references() {
        assert_eq!(double(&[1.0, 2.0, 3.0]), [2.0, 4.0, 6.0]);
        assert_eq!(by_value(2.0, 3.0), 7.0);
        let mut x = [1.0, 2.0, 3.0];
        in_place(&mut x, 0.5);
        assert_eq!(x, [1.5, 2.5, 3.5]);
        let mut x = [1.0, 2.0];
        assert_eq!(both(&mut x, &[10.0, 20.0]), 33.0);
        assert_eq!(x, [11.0, 22.0]);
    }
}

mod methods {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Filter {
        pub state: f32,
        pub gain: f32,
    }

    #[jit]
    impl Filter {
        fn new(gain: f32) -> Self {
            Filter { state: 0.0, gain: gain }
        }

        fn push(&mut self, x: f32) -> f32 {
            self.state += self.gain * (x - self.state);
            self.state
        }

        fn energy(&self) -> f32 {
            self.square(self.state)
        }

        fn square(&self, x: f32) -> f32 {
            x * x * self.gain
        }
    }

    #[jit]
    fn two_steps(f: &mut Filter, x: f32, y: f32) -> f32 {
        f.push(x);
        f.push(y) + f.energy()
    }

    #[test]
    fn every_method_and_associated_function_is_a_kernel() {
        let mut f = Filter::new(0.5);
        assert_eq!(f, Filter { state: 0.0, gain: 0.5 });
        assert_eq!(f.push(4.0), 2.0);
        assert_eq!(f.energy(), 2.0);
        let mut f = Filter::new(0.5);
        assert_eq!(two_steps(&mut f, 4.0, 4.0), 3.0 + 4.5);
        assert_eq!(f.state, 3.0);
    }
}

mod generics {
    use super::*;

    #[jit]
    fn total<const N: usize>(x: &[f32; N]) -> f32 {
        sum(x) / N as f32
    }

    #[jit]
    fn three(x: &[f32; 3]) -> f32 {
        total(x)
    }

    #[jit]
    fn spread<const N: usize>(x: f32) -> [f32; N] {
        [x; N]
    }

    #[jit]
    fn four(x: f32) -> [f32; 4] {
        spread::<4>(x)
    }

    #[jit]
    fn square<T>(x: T) -> T {
        x * x
    }

    #[jit]
    fn squares(x: f32, y: i32) -> (f32, i32) {
        (square(x), square(y))
    }

    #[jit]
    fn apply(f: impl Fn(f32) -> f32, x: f32) -> f32 {
        f(f(x))
    }

    #[jit]
    fn twice(x: f32) -> f32 {
        apply(|v| v * 3.0, x)
    }

    kiln::instantiate!(fn total_5 = total::<5>);

    #[test]
    fn dims_and_dtypes_are_inferred_or_written() {
        assert_eq!(three(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(four(2.0), [2.0; 4]);
        assert_eq!(squares(1.5, -3), (2.25, 9));
        assert_eq!(twice(2.0), 18.0);
        assert_eq!(total_5(&[1.0, 2.0, 3.0, 4.0, 5.0]), 3.0);
    }
}

mod trees {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Pair(pub f32, pub [f32; 2]);

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Dense<const I: usize, const O: usize> {
        pub w: [[f32; I]; O],
        pub b: [f32; O],
    }

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Deep<const N: usize> {
        pub layers: [Dense<N, N>; 2],
        pub scale: Pair,
    }

    #[jit]
    fn run(p: &Deep<2>, x: &[f32; 2]) -> [f32; 2] {
        let mut h = x;
        #[unroll]
        for layer in p.layers {
            h = matmul(layer.w, h) + layer.b;
        }
        h * p.scale.0 + p.scale.1
    }

    #[jit]
    fn step(p: &mut Deep<2>, x: &[f32; 2]) -> f32 {
        let (l, g) = value_and_grad(|p| sum(run(p, x)))(p);
        *p = *p - 0.5 * g;
        l
    }

    #[jit]
    fn swap(p: &Pair) -> Pair {
        Pair(p.1[0], [p.0, p.1[1]])
    }

    fn deep() -> Deep<2> {
        let layer = Dense { w: [[1.0, 0.0], [0.0, 2.0]], b: [1.0, 0.0] };
        Deep { layers: [layer.clone(), layer], scale: Pair(2.0, [0.0, 1.0]) }
    }

    #[test]
    fn structs_nest_and_have_dims_tuples_and_arrays() {
        assert_eq!(run(&deep(), &[1.0, 1.0]), [6.0, 9.0]);
        assert_eq!(swap(&Pair(1.0, [2.0, 3.0])), Pair(2.0, [1.0, 3.0]));
        let mut p = deep();
        assert_eq!(step(&mut p, &[1.0, 1.0]), 15.0);
        // d/d scale.0 = 3 + 4, d/d scale.1 = [1, 1].
        assert_eq!(p.scale, Pair(2.0 - 3.5, [-0.5, 0.5]));
        assert_eq!(p.layers[1].b, [0.0, -1.0]);
    }
}

#[jit]
const N: usize = 4;

#[jit]
mod inside {
    pub const HALF: f32 = 0.5;

    pub fn halve(x: f32) -> f32 {
        x * HALF
    }

    pub fn quarter(x: f32) -> f32 {
        halve(halve(x))
    }
}

mod paths {
    use super::inside;
    use super::inside::quarter as fourth;
    use kiln::prelude::*;
    use kiln_language_tests::layers::{self, Dense};

    #[jit]
    fn calls(x: f32) -> f32 {
        inside::halve(x) + fourth(x) + super::inside::HALF
    }

    #[jit]
    fn sized(x: &[f32; super::N]) -> f32 {
        sum(x) * super::N as f32
    }

    #[jit]
    fn from_a_library(p: &Dense<2, 3>, x: &[f32; 2]) -> [f32; 3] {
        layers::leaky(p.apply(x))
    }

    #[test]
    fn calls_by_any_path() {
        assert_eq!(inside::quarter(8.0), 2.0);
        assert_eq!(calls(8.0), 6.5);
        assert_eq!(sized(&[1.0; 4]), 16.0);
        let p = Dense { w: [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], b: [0.0, 0.0, 0.0] };
        assert_eq!(from_a_library(&p, &[2.0, 4.0]), [2.0, 4.0, -1.5]);
    }
}

#[kiln::jit]
mod tuples_of_references {
    pub fn sums(x: (&[f32; 2], (&[i32; 3], f32)), y: &(&f32, [f32; 2])) -> (f32, i32) {
        let (a, (b, c)) = x;
        (sum(a) + c * y.0 + y.1[1], b.sum())
    }
    pub fn taken_apart((a, [b, c]): (&[f32; 2], &[f32; 2])) -> f32 {
        a[0] * b - a[1] * c
    }
}

#[test]
fn a_tuple_of_references_is_a_parameter() {
    let (a, b) = ([1.0, 2.0], [3, 4, 5]);
    assert_eq!(tuples_of_references::sums((&a, (&b, 10.0)), &(&0.5, [7.0, 8.0])), (16.0, 12));
    assert_eq!(tuples_of_references::taken_apart((&a, &[3.0, 4.0])), -5.0);
}

/// Kernels of the methods of generic types.
mod instances_of_methods {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Momentum<T, const N: usize> {
        v: T,
        rates: [f32; N],
    }

    #[jit]
    impl<const N: usize, T: Clone> Momentum<T, N> {
        fn step(&mut self, p: &mut T, g: &T) -> f32 {
            self.v = self.v * 0.5 + *g;
            *p = *p - self.v * self.rates[0];
            sum(self.rates)
        }

        fn scaled<const K: usize>(&self, k: &[f32; K]) -> Self {
            Momentum { v: self.v * k[K - 1], ..*self }
        }

        fn new(v: T, rate: f32) -> Self {
            Momentum { v, rates: [rate; N] }
        }
    }

    kiln::instantiate!(fn step_3 = Momentum::<[f32; 3], 2>::step);
    kiln::instantiate!(fn scaled_3 = self::Momentum::<[f32; 3], 2>::scaled::<4>);
    kiln::instantiate!(fn new_3 = Momentum::<[f32; 3], 2>::new);

    #[test]
    fn they_are_functions() {
        let mut m = new_3([1.0, 2.0, 3.0], 0.5);
        let mut p = [0.0; 3];
        assert_eq!(step_3(&mut m, &mut p, &[1.0; 3]), 1.0);
        assert_eq!((m.v, p), ([1.5, 2.0, 2.5], [-0.75, -1.0, -1.25]));
        assert_eq!(scaled_3(&m, &[0.0, 0.0, 0.0, 2.0]), Momentum { v: [3.0, 4.0, 5.0], rates: [0.5; 2] });
        assert!(step_3::RAM_BYTES > 0);
    }
}

/// Clippy looks at the signature beside what Kiln made of the body.
#[deny(clippy::pedantic)]
mod as_clippy_likes_it {
    use kiln::prelude::*;

    #[jit]
    pub fn autonomous(_t: f32, y: [f32; 2]) -> [f32; 2] {
        [y[1], -y[0]]
    }
}

#[test]
fn a_parameter_may_be_unused() {
    assert_eq!(as_clippy_likes_it::autonomous(1.0, [2.0, 3.0]), [3.0, -2.0]);
}
