//! The workloads. To add one, write its line here and its table in `workloads.toml`.

use digits::model::{Mlp, logits, loss, step};

use crate::inputs::{Draw, labels, network};

crate::workloads! {
    mlp_inference(p: &Mlp = &network(), x: &[f32; 64] = &Draw::from_seed(2)) -> [f32; 10] = logits;
    mlp_loss(p: &Mlp = &network(), x: &[[f32; 64]; 16] = &Draw::from_seed(2), y: &[u8; 16] = &labels()) -> f32 = loss;
    mlp_step(p: &mut Mlp = &mut network(), x: &[[f32; 64]; 16] = &Draw::from_seed(2), y: &[u8; 16] = &labels(), lr: f32 = 0.05) -> f32
        = step;
}
