//! What is counted: of every function `NAME_function`, `NAME_gradient` and `NAME_product`; `turns_N`, a branch for each of N slices
//! that takes the side of one product.

use crate::{Draw, cnn, gru, kalman, kernels, mlp, rigid, turns};

fn drawn<T: Draw>(seed: u32) -> T {
    T::draw(&mut { seed })
}

fn scaled<const N: usize, const M: usize>(seed: u32, by: f32) -> [[f32; N]; M] {
    drawn::<[[f32; N]; M]>(seed).map(|row| row.map(|x| by * x))
}

fn diagonal<const N: usize>(by: f32) -> [[f32; N]; N] {
    core::array::from_fn(|i| core::array::from_fn(|j| if i == j { by } else { 0.0 }))
}

fn network(seed: u32) -> mlp::Mlp {
    mlp::Mlp {
        l1: mlp::Dense { w: scaled(seed, 0.125), b: drawn(seed + 1) },
        l2: mlp::Dense { w: scaled(seed + 2, 0.25), b: drawn(seed + 3) },
    }
}

fn layers(seed: u32) -> cnn::Cnn {
    cnn::Cnn { c1: drawn(seed), c2: drawn(seed + 1), w: scaled(seed + 2, 0.1), b: drawn(seed + 3) }
}

fn gate(seed: u32) -> gru::Gate {
    gru::Gate { w: scaled(seed, 0.3), u: scaled(seed + 1, 0.2), b: drawn(seed + 2) }
}

fn gates(seed: u32) -> gru::Gru {
    gru::Gru { z: gate(seed), r: gate(seed + 3), h: gate(seed + 6) }
}

fn model(seed: u32) -> kalman::Model {
    let mut a = scaled(seed, 0.1);
    (0..4).for_each(|i| a[i][i] += 0.8);
    kalman::Model { a, q: diagonal(0.1), h: drawn(seed + 1), r: diagonal(0.5) }
}

/// A class for every sample.
fn classes() -> [u8; 16] {
    core::array::from_fn(|i| (i % 10) as u8)
}

crate::derivatives! {
    mlp_function(p: &mlp::Mlp = &network(1), x: &[[f32; 64]; 16] = &drawn(9), y: &[u8; 16] = &classes()) -> f32 = mlp::f;
    mlp_gradient(p: &mlp::Mlp = &network(1), x: &[[f32; 64]; 16] = &drawn(9), y: &[u8; 16] = &classes()) -> mlp::Mlp = kernels::mlp_gradient;
    mlp_product(v: &mlp::Mlp = &network(41), p: &mlp::Mlp = &network(1), x: &[[f32; 64]; 16] = &drawn(9), y: &[u8; 16] = &classes()) -> mlp::Mlp = kernels::mlp_product;
    cnn_function(p: &cnn::Cnn = &layers(1), x: &[[[[f32; 12]; 12]; 1]; 1] = &drawn(9), y: i32 = 3) -> f32 = cnn::f;
    cnn_gradient(p: &cnn::Cnn = &layers(1), x: &[[[[f32; 12]; 12]; 1]; 1] = &drawn(9), y: i32 = 3) -> cnn::Cnn = kernels::cnn_gradient;
    cnn_product(v: &cnn::Cnn = &layers(41), p: &cnn::Cnn = &layers(1), x: &[[[[f32; 12]; 12]; 1]; 1] = &drawn(9), y: i32 = 3) -> cnn::Cnn = kernels::cnn_product;
    gru_function(p: &gru::Gru = &gates(1), xs: &[[f32; 8]; 32] = &drawn(19), y: &[f32; 16] = &drawn(20)) -> f32 = gru::f;
    gru_gradient(p: &gru::Gru = &gates(1), xs: &[[f32; 8]; 32] = &drawn(19), y: &[f32; 16] = &drawn(20)) -> gru::Gru = kernels::gru_gradient;
    gru_product(v: &gru::Gru = &gates(41), p: &gru::Gru = &gates(1), xs: &[[f32; 8]; 32] = &drawn(19), y: &[f32; 16] = &drawn(20)) -> gru::Gru = kernels::gru_product;
    kalman_function(m: &kalman::Model = &model(1), zs: &[[f32; 2]; 20] = &drawn(9)) -> f32 = kalman::f;
    kalman_gradient(m: &kalman::Model = &model(1), zs: &[[f32; 2]; 20] = &drawn(9)) -> kalman::Model = kernels::kalman_gradient;
    kalman_product(v: &kalman::Model = &model(41), m: &kalman::Model = &model(1), zs: &[[f32; 2]; 20] = &drawn(9)) -> kalman::Model = kernels::kalman_product;
    rigid_function(torques: &[[f32; 3]; 50] = &drawn(1), inertia: &[[f32; 3]; 3] = &diagonal(2.0), inverse: &[[f32; 3]; 3] = &diagonal(0.5), goal: &[f32; 4] = &[0.5; 4]) -> f32 = rigid::f;
    rigid_gradient(torques: &[[f32; 3]; 50] = &drawn(1), inertia: &[[f32; 3]; 3] = &diagonal(2.0), inverse: &[[f32; 3]; 3] = &diagonal(0.5), goal: &[f32; 4] = &[0.5; 4]) -> [[f32; 3]; 50] = kernels::rigid_gradient;
    rigid_product(v: &[[f32; 3]; 50] = &drawn(41), torques: &[[f32; 3]; 50] = &drawn(1), inertia: &[[f32; 3]; 3] = &diagonal(2.0), inverse: &[[f32; 3]; 3] = &diagonal(0.5), goal: &[f32; 4] = &[0.5; 4]) -> [[f32; 3]; 50] = kernels::rigid_product;
    turns_64(x: &[f32; 64] = &[-1.0; 64], n: f32 = 0.5) -> [f32; 64] = turns::of_64;
    turns_128(x: &[f32; 128] = &[-1.0; 128], n: f32 = 0.5) -> [f32; 128] = turns::of_128;
}
