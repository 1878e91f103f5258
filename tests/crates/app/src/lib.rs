//! A program of two libraries: globs, renames, re-exports of re-exports, methods under `vmap` and `grad`, instances of what is
//! generic.
#![no_std]
use kiln::prelude::*;
use nn::prelude::*;
use optim::net::ln;
use optim::{Momentum, clip as clip_norm, schedule::*};

#[derive(Clone, Debug, PartialEq, Tree)]
pub struct Model {
    pub l: [Dense<4, 4>; 2],
    pub gate: Gate,
    pub head: (Dense<4, 2>, f32),
}

#[jit]
impl Model {
    pub fn logits(&self, x: &[f32; 4]) -> [f32; 2] {
        let mut h = ln(*x);
        for l in self.l.iter() {
            h = l.forward(h) + h;
        }
        h = self.gate.run(h);
        let (head, cap) = self.head;
        let z = head.forward(h);
        vmap(softcap, in_axes = (0, None))(z, cap)
    }
    pub fn loss(&self, x: &[[f32; 4]; 8], y: &[u8; 8]) -> f32 {
        let z = vmap(Self::logits, in_axes = (None, 0))(self, x);
        -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
    }
    pub fn train(&mut self, opt: &mut Momentum<Model>, x: &[[f32; 4]; 8], y: &[u8; 8], t: f32) -> f32 {
        let (l, g) = value_and_grad(Model::loss)(self, x, y);
        let g = g * cosine(t);
        opt.step(self, &g);
        l
    }
}
kiln::instantiate!(pub fn norm_8 = layer_norm::<8>);
kiln::instantiate!(
    /// A step of plain descent.
    pub fn sgd_3 = optim::sgd::<[f32; 3]>
);
kiln::instantiate!(pub fn dense_forward = Dense::<4, 2>::forward);
kiln::instantiate!(pub fn momentum_step = optim::Momentum::<[f32; 3]>::step);
kiln::instantiate!(#[jit(workspace = "caller")] pub fn clip_3 = clip_norm::<3>);

#[jit]
pub fn with_caller(g: &Gate, x: &[f32; 4]) -> [f32; 4] {
    g.run(x) + g.a.scaled(2.0).forward(x)
}

#[jit]
pub fn decayed(d: &Dense<4, 2>, x: &[f32; 4]) -> [f32; 2] {
    let mut d = *d;
    d.decay(0.5);
    d.forward(x)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    fn dense<const I: usize, const O: usize>(k: f32) -> Dense<I, O> {
        Dense {
            w: core::array::from_fn(|i| core::array::from_fn(|j| ((i * 3 + j * 5) % 7) as f32 * 0.1 * k - 0.2)),
            b: [0.1 * k; O],
        }
    }
    #[test]
    fn it_learns() {
        let mut m = Model {
            l: [dense(1.0), dense(0.5)],
            gate: Gate { a: dense(0.7), g: dense(-0.3) },
            head: (dense(0.9), 3.0),
        };
        let mut opt = Momentum { v: m.clone(), rate: 0.1, beta: 0.9 };
        opt.v = Model { l: [dense(0.0), dense(0.0)], ..opt.v };
        let x: [[f32; 4]; 8] = core::array::from_fn(|i| core::array::from_fn(|j| ((i * 7 + j * 3) % 5) as f32 - 2.0));
        let y = core::array::from_fn(|i| (x[i][0] > 0.0) as u8);
        let first = m.loss(&x, &y);
        let mut last = first;
        for t in 0..200 {
            last = m.train(&mut opt, &x, &y, t as f32 / 400.0);
        }
        assert!(last < first * 0.7, "{first} {last}");
    }
    #[test]
    fn instances() {
        assert!(norm_8(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])[0] < -1.4);
        let mut p = [1.0, 2.0, 3.0];
        sgd_3(&mut p, &[1.0; 3], 0.5);
        assert_eq!(p, [0.5, 1.5, 2.5]);
        let mut mo = Momentum { v: [0.0; 3], rate: 0.5, beta: 0.9 };
        momentum_step(&mut mo, &mut p, &[1.0; 3]);
        assert_eq!((p, mo.v), ([0.0, 1.0, 2.0], [1.0; 3]));
        let mut ws = clip_3::Workspace::new();
        assert_eq!(clip_3(&[3.0, 4.0, 0.0], 1.0, &mut ws), [0.6, 0.8, 0.0]);
        let g = Gate { a: dense(0.7), g: dense(-0.3) };
        let mut ws = nn::Gate_run::Workspace::new();
        let r = g.run(&[1.0, 2.0, 0.5, -1.0], &mut ws);
        assert!(r.iter().all(|v| v.is_finite()));
        assert!(dense_forward(&dense(1.0), &[1.0; 4])[0].is_finite());
        assert!(with_caller(&g, &[1.0; 4])[0].is_finite() && decayed(&dense(1.0), &[1.0; 4])[0].is_finite());
    }
}
