//! What the networks give on this machine: the same bits as on any other, to be compared with those of `cargo xtask bench`.

use kiln_bench_nets::{ds_cnn, input, mobilenet, resnet8};

fn main() {
    let bits = |values: &[f32]| values.iter().fold(0.0f32, |sum, value| sum + value).to_bits();
    println!("ds_cnn {:08x}", bits(&ds_cnn::ds_cnn(&ds_cnn::WEIGHTS, &input(1))));
    println!("resnet8 {:08x}", bits(&resnet8::resnet8(&resnet8::WEIGHTS, &input(1))));
    println!("mobilenet {:08x}", bits(&mobilenet::mobilenet(&mobilenet::WEIGHTS, &input(1))));
}
