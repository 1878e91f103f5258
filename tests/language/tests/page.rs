//! The program of the language page, as it stands there.
#![no_std]

use program::{Dense, Mlp, loss, step};

#[rustfmt::skip]
mod program {
    use kiln::prelude::*;

    #[derive(Clone, Tree)]
    pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; I]; O], pub b: [f32; O] }

    #[derive(Clone, Tree)]
    pub struct Mlp { pub l1: Dense<64, 32>, pub l2: Dense<32, 10> }

    #[jit]
    pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }

    #[jit]
    pub fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] { dense(&p.l2, relu(dense(&p.l1, x))) }

    #[jit]
    pub fn loss(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
        let z = vmap(logits, in_axes = (None, 0))(p, x);
        -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
    }

    #[jit(ram = "16 KiB")]
    pub fn step(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
        let (l, g) = value_and_grad(loss)(p, x, y);
        *p = *p - lr * g;                     // tree arithmetic, in place
        l
    }
}

#[test]
fn it_learns() {
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let l1 = Dense { w: [(); 32].map(|()| [(); 64].map(|()| random() * 0.25)), b: [0.0; 32] };
    let l2 = Dense { w: [(); 10].map(|()| [(); 32].map(|()| random() * 0.35)), b: [0.0; 10] };
    let mut p = Mlp { l1, l2 };
    let x = [(); 16].map(|()| [(); 64].map(|()| random()));
    let y = core::array::from_fn(|n| (n % 10) as u8);
    let first = step(&mut p, &x, &y, 0.2);
    let mut last = first;
    for _ in 0..100 {
        last = step(&mut p, &x, &y, 0.2);
    }
    assert!((first - core::f32::consts::LN_10).abs() < 0.2, "{first}");
    assert!(last < 0.1 * first, "{first} -> {last}");
    assert_eq!(loss(&p, &x, &y), {
        let mut q = p.clone();
        step(&mut q, &x, &y, 0.0)
    });
    assert!(step::RAM_BYTES <= 16 * 1024);
    assert!(step::FLOPS > 0 && step::GRAPH.starts_with("graph step("));
}
