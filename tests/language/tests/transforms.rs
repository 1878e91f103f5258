//! Transformations in any order and any depth.
#![no_std]

use kiln::prelude::*;

mod reverse {
    use super::*;

    #[jit]
    fn f(x: f32, y: f32) -> f32 {
        x * x * y + y * y * y
    }

    #[jit]
    fn first(x: f32, y: f32) -> f32 {
        grad(f)(x, y)
    }

    #[jit]
    fn second_argument(x: f32, y: f32) -> f32 {
        grad(f, argnums = 1)(x, y)
    }

    #[jit]
    fn both(x: f32, y: f32) -> (f32, f32) {
        grad(f, argnums = (0, 1))(x, y)
    }

    #[jit]
    fn with_value(x: f32, y: f32) -> (f32, f32) {
        value_and_grad(f)(x, y)
    }

    #[jit]
    fn with_aux(x: f32) -> (f32, f32) {
        grad(|v| (v * v * v, v + 1.0), has_aux = true)(x)
    }

    #[jit]
    fn twice(x: f32, y: f32) -> f32 {
        grad(grad(f, argnums = 1), argnums = 1)(x, y)
    }

    #[jit]
    fn pulled(x: &[f32; 2], ct: &[f32; 2]) -> ([f32; 2], [f32; 2]) {
        let (y, pullback) = vjp(|v| v * v, (x,));
        (y, pullback(ct).0)
    }

    #[jit]
    fn stopped(x: f32) -> f32 {
        grad(|v| v * stop_gradient(v))(x)
    }

    #[jit]
    fn bound_and_passed(x: f32) -> f32 {
        let df = grad(|v| v * v);
        let apply = |g, v| g(v) + g(2.0 * v);
        apply(df, x)
    }

    #[test]
    fn gradients() {
        assert_eq!(first(2.0, 3.0), 12.0);
        assert_eq!(second_argument(2.0, 3.0), 31.0);
        assert_eq!(both(2.0, 3.0), (12.0, 31.0));
        assert_eq!(with_value(2.0, 3.0), (39.0, 12.0));
        assert_eq!(with_aux(2.0), (12.0, 3.0));
        assert_eq!(twice(2.0, 3.0), 18.0);
        assert_eq!(pulled(&[1.0, 3.0], &[10.0, 1.0]), ([1.0, 9.0], [20.0, 6.0]));
        assert_eq!(stopped(5.0), 5.0);
        assert_eq!(bound_and_passed(1.0), 6.0);
    }
}

mod forward {
    use super::*;

    #[jit]
    fn pushed(x: f32, y: f32) -> (f32, f32) {
        jvp(|a, b| a * b, (x, y), (1.0, 10.0))
    }

    #[jit]
    fn linear(x: f32, t: f32) -> (f32, f32) {
        let (y, push) = linearize(|v| v * v, x);
        (y, push(t))
    }

    #[test]
    fn tangents() {
        assert_eq!(pushed(2.0, 3.0), (6.0, 23.0));
        assert_eq!(linear(3.0, 2.0), (9.0, 12.0));
    }
}

mod batching {
    use super::*;

    #[jit]
    fn affine(w: &[f32; 2], x: &[f32; 2]) -> f32 {
        dot(w, x) + 1.0
    }

    #[jit]
    fn batch(w: &[f32; 2], x: &[[f32; 2]; 3]) -> [f32; 3] {
        vmap(affine, in_axes = (None, 0))(w, x)
    }

    #[jit]
    fn columns(w: &[f32; 2], x: &[[f32; 3]; 2]) -> [f32; 3] {
        vmap(affine, in_axes = (None, 1))(w, x)
    }

    #[jit]
    fn out_columns(x: &[[f32; 2]; 3]) -> [[f32; 3]; 2] {
        vmap(|r| r * 2.0, out_axes = 1)(x)
    }

    #[jit]
    fn per_sample_gradients(w: &[f32; 2], x: &[[f32; 2]; 3]) -> [[f32; 2]; 3] {
        vmap(grad(|w, x| affine(w, x) * affine(w, x)), in_axes = (None, 0))(w, x)
    }

    #[jit]
    fn gradient_of_a_batch(w: &[f32; 2], x: &[[f32; 2]; 3]) -> [f32; 2] {
        grad(|w| sum(vmap(affine, in_axes = (None, 0))(w, x)))(w)
    }

    #[jit]
    fn of_a_map(x: &[[f32; 2]; 3]) -> [[f32; 2]; 3] {
        vmap(vmap(grad(|v| v * v * v)))(x)
    }

    #[test]
    fn maps_nest_with_gradients() {
        let (w, x) = ([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
        assert_eq!(batch(&w, &x), [2.0, 3.0, 4.0]);
        assert_eq!(columns(&w, &[[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), [2.0, 3.0, 4.0]);
        assert_eq!(out_columns(&x), [[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]]);
        assert_eq!(per_sample_gradients(&w, &x), [[4.0, 0.0], [0.0, 6.0], [8.0, 8.0]]);
        assert_eq!(gradient_of_a_batch(&w, &x), [2.0, 2.0]);
        assert_eq!(of_a_map(&x), [[3.0, 0.0], [0.0, 3.0], [3.0, 3.0]]);
    }
}

mod custom_rules {
    use super::*;

    #[jit]
    #[custom_jvp(root_rule)]
    fn root(x: f32) -> f32 {
        sqrt(x)
    }

    /// At zero the derivative is taken to be zero.
    #[jit]
    fn root_rule(p: (f32,), t: (f32,)) -> (f32, f32) {
        let y = root(p.0);
        let safe = where_(p.0 > 0.0, y, 1.0);
        (y, where_(p.0 > 0.0, t.0 / (2.0 * safe), 0.0))
    }

    #[jit]
    fn slope(x: f32) -> f32 {
        grad(root)(x)
    }

    #[jit]
    fn slopes(x: &[f32; 2]) -> [f32; 2] {
        vmap(grad(root))(x)
    }

    #[test]
    fn a_custom_rule_replaces_the_derivative() {
        assert_eq!(slope(4.0), 0.25);
        assert_eq!(slope(0.0), 0.0);
        assert_eq!(slopes(&[0.25, 0.0]), [1.0, 0.0]);
    }
}

#[kiln::jit]
mod axes_of_structs {
    use kiln::prelude::*;
    pub struct Line {
        w: [f32; 2],
        b: f32,
    }
    fn of(w: [f32; 2], b: f32) -> Line {
        Line { w, b }
    }
    fn at(p: &Line, x: [f32; 2]) -> f32 {
        dot(p.w, x) + p.b
    }
    pub fn all(w: &[[f32; 2]; 3], b: f32, x: [f32; 2]) -> ([f32; 3], [f32; 3]) {
        let lines = vmap(of, in_axes = (0, None), out_axes = Line { w: 0, b: None })(w, b);
        let turned =
            vmap(|p| Line { b: -p.b, ..p }, in_axes = (Line { w: 0, b: None },), out_axes = Line { b: None, w: 0 })(
                lines,
            );
        (
            vmap(at, in_axes = (Line { b: None, w: 0 }, None))(lines, x),
            vmap(|p, x| at(p, x), in_axes = (Line { w: 0, b: None }, None))(turned, x),
        )
    }
}

#[test]
fn axes_are_given_per_field() {
    let w = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    assert_eq!(axes_of_structs::all(&w, 0.5, [1.0, 10.0]), ([21.5, 43.5, 65.5], [20.5, 42.5, 64.5]));
}
