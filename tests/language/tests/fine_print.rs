//! The fine print: calling forms, trees, mutation, names, what stands beside a kernel.
#![no_std]

use kiln::prelude::*;

mod calling_forms {
    use super::*;

    #[jit]
    fn literals(x: f32) -> (f32, f32, f32) {
        let (_, a) = jvp(|v| x * v, (2.0,), (1.0,));
        let (_, pull) = vjp(|v| v * v, (x,));
        (a, pull(1.0).0, jvp(|v| v * v, (x,), (0.5,)).1)
    }

    #[jit]
    fn per_argument(x: f32, y: &[f32; 2]) -> (f32, [f32; 2]) {
        let (_, pullback) = vjp(|a, b| a * sum(b), (x, y));
        pullback(1.0)
    }

    #[jit]
    fn lines(x: &[f32; 2], v: &[f32; 2]) -> [f32; 2] {
        hvp(|x| x[0] * x[0] * x[1])(x, v)
    }

    #[test]
    fn literals_are_primals_tangents_and_cotangents() {
        assert_eq!(literals(3.0), (3.0, 6.0, 3.0));
        assert_eq!(per_argument(2.0, &[3.0, 4.0]), (7.0, [2.0, 2.0]));
        assert_eq!(lines(&[1.0, 2.0], &[1.0, 10.0]), [24.0, 2.0]);
    }
}

mod trees {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Node {
        pub a: f32,
        pub b: [f32; 2],
    }

    #[jit]
    fn energy(n: &Node) -> f32 {
        n.a * n.a + sum(n.b * n.b)
    }

    /// Every leaf has the batch axis.
    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Batch<const K: usize> {
        pub a: [f32; K],
        pub b: [[f32; 2]; K],
    }

    #[jit]
    fn energies(n: &Batch<3>) -> [f32; 3] {
        vmap(|n| n.a * n.a + sum(n.b * n.b))(n)
    }

    #[jit]
    fn several(nodes: &[Node; 2]) -> f32 {
        energy(&nodes[0]) + 10.0 * energy(&nodes[1])
    }

    #[jit]
    fn mapped(t: &Node, u: &Node) -> Node {
        tree_map(|x, y| x - 2.0 * y, t, u)
    }

    #[jit]
    fn elementwise(t: &Node) -> Node {
        abs(t) + 1.0
    }

    #[jit]
    fn gradient(t: &Node) -> Node {
        grad(energy)(t)
    }

    #[test]
    fn arithmetic_and_functions_act_leaf_by_leaf() {
        let t = Node { a: -1.0, b: [2.0, -3.0] };
        let u = Node { a: 1.0, b: [1.0, 1.0] };
        assert_eq!(energy(&t), 14.0);
        assert_eq!(several(&[t.clone(), u.clone()]), 44.0);
        let batch = Batch { a: [1.0, 2.0, 3.0], b: [[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]] };
        assert_eq!(energies(&batch), [2.0, 6.0, 13.0]);
        assert_eq!(mapped(&t, &u), Node { a: -3.0, b: [0.0, -5.0] });
        assert_eq!(elementwise(&t), Node { a: 2.0, b: [3.0, 4.0] });
        assert_eq!(gradient(&t), Node { a: -2.0, b: [4.0, -6.0] });
    }
}

mod mutation {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Counter {
        pub n: i32,
    }

    #[jit]
    impl Counter {
        fn bump(&mut self, by: i32) {
            self.n += by;
        }
    }

    #[jit]
    fn push(x: &mut [f32; 2], v: f32) -> f32 {
        let old = x[0];
        x[0] = x[1];
        x[1] = v;
        old
    }

    #[jit]
    fn locals(v: f32) -> ([f32; 2], f32, i32) {
        let mut line = [1.0, 2.0];
        let out = push(&mut line, v);
        let mut c = Counter { n: 1 };
        c.bump(4);
        (line, out, c.n)
    }

    #[jit]
    fn part(p: &mut [[f32; 2]; 2], v: f32) -> f32 {
        push(&mut p[1], v)
    }

    #[test]
    fn locals_and_parts_are_passed_as_mutable_references() {
        assert_eq!(locals(5.0), ([2.0, 5.0], 1.0, 5));
        let mut p = [[1.0, 2.0], [3.0, 4.0]];
        assert_eq!(part(&mut p, 9.0), 3.0);
        assert_eq!(p, [[1.0, 2.0], [4.0, 9.0]]);
    }
}

mod names {
    use super::*;

    #[jit]
    fn gradient(x: f32) -> f32 {
        x + 1.0
    }

    #[jit]
    fn exp(x: f32) -> f32 {
        x * 100.0
    }

    #[jit]
    fn user_wins(x: f32) -> f32 {
        gradient(x) + exp(x)
    }

    #[jit]
    fn paths(x: &[f32; 3]) -> ([f32; 3], [f32; 3]) {
        (nn::relu(x), lax::rsqrt(x * x))
    }

    #[test]
    fn what_the_user_defines_wins() {
        assert_eq!(user_wins(2.0), 203.0);
        assert_eq!(paths(&[-1.0, 0.5, 4.0]), ([0.0, 0.5, 4.0], [1.0, 2.0, 0.25]));
    }
}

mod beside {
    use super::*;

    #[jit]
    fn mix(x: &[f32; 64], w: &[[f32; 64]; 64]) -> [f32; 64] {
        let h = matmul(w, x);
        matmul(w, h / sum(h))
    }

    #[jit(workspace = "caller")]
    fn with_workspace(x: &[f32; 64], w: &[[f32; 64]; 64]) -> [f32; 64] {
        let h = matmul(w, x);
        matmul(w, h / sum(h))
    }

    #[jit(ram = 4096, fast)]
    fn limited(x: &[f32; 64]) -> f32 {
        sum(x * x)
    }

    #[derive(Clone, Tree)]
    pub struct Gain {
        pub k: f32,
    }

    #[jit]
    impl Gain {
        fn apply(&self, x: &[f32; 4]) -> [f32; 4] {
            x * self.k
        }
    }

    static mut WORKSPACE: mix::Workspace = mix::Workspace::new();

    #[test]
    fn facts_and_workspaces_stand_beside_the_kernel() {
        const _: (usize, usize, u64, &str) = (mix::RAM_BYTES, mix::FLASH_CONST_BYTES, mix::FLOPS, mix::GRAPH);
        let x: [f32; 64] = core::array::from_fn(|n| n as f32);
        let mut w = [[0.0; 64]; 64];
        for (n, row) in w.iter_mut().enumerate() {
            row[n] = 2.0;
        }
        let plain = mix(&x, &w);
        // SAFETY: no other test takes this workspace.
        let ws = unsafe { &mut *core::ptr::addr_of_mut!(WORKSPACE) };
        assert_eq!(mix::with(ws, &x, &w), plain);
        let mut ws = with_workspace::Workspace::new();
        assert_eq!(with_workspace(&x, &w, &mut ws), plain);
        assert!(mix::RAM_BYTES >= 64 * 4 && mix::FLOPS >= 2 * 2 * 64 * 64);
        assert!(mix::GRAPH.contains("dot"), "{}", mix::GRAPH);
        assert_eq!(limited(&[1.0; 64]), 64.0);
        assert_eq!(Gain { k: 2.0 }.apply(&[1.0; 4]), [2.0; 4]);
        assert!(Gain_apply::FLOPS >= 4);
    }
}

mod options {
    use super::*;

    #[jit]
    fn scale(x: f32, by: Option<f32>) -> f32 {
        match by {
            Some(k) => x * k,
            None => x,
        }
    }

    #[jit]
    fn both(x: f32) -> (f32, f32) {
        (scale(x, Some(3.0)), scale(x, None))
    }

    #[test]
    fn an_option_with_a_static_discriminant() {
        assert_eq!(both(2.0), (6.0, 2.0));
    }
}

mod complex {
    use super::*;

    #[jit]
    fn rotate(z: Complex<f32>, a: &[f32; 2]) -> ([Complex<f32>; 2], f32) {
        let turned = Complex::new(cos(a), sin(a)) * z * Complex { re: 0.0, im: 1.0 };
        (turned, z.re * z.im)
    }

    #[test]
    fn complex_numbers_are_built_and_taken_apart() {
        let (turned, product) = rotate(Complex::new(2.0, 3.0), &[0.0, core::f32::consts::PI]);
        assert_eq!((turned[0], product), (Complex::new(-3.0, 2.0), 6.0));
        assert!((turned[1] - Complex::new(3.0, -2.0)).norm_sqr() < 1e-10);
    }
}

mod scalar_methods {
    use super::*;

    #[jit]
    fn ints(x: i32, y: i32) -> (i32, u32, bool) {
        (x.min(y).max(3).wrapping_mul(2), (x as u32).count_ones(), (2..=5).contains(&x))
    }

    #[jit]
    fn floats(x: f32) -> (f32, f32, bool) {
        (x.powi(3).max(0.5).ln_1p(), x.clamp(-1.0, 1.0).recip(), (0.0..=1.0).contains(&x))
    }

    #[test]
    fn rusts_methods_of_numbers() {
        assert_eq!((ints(5, 2), ints(7, 9)), ((6, 2, true), (14, 3, false)));
        assert_eq!(floats(1.0), (2.0f32.ln(), 1.0, true));
        assert!(!floats(1.5).2 && floats(-4.0).1 == -1.0);
    }
}
