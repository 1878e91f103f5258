use kiln::prelude::*;

#[jit(rma = "16 KiB", fsat)]
fn misspelt(x: f32) -> f32 {
    x
}

#[jit(ram = "16 kB", workspace = "heap", fast = true)]
fn mistaken(x: f32) -> f32 {
    x
}

#[jit(inline, ram = "1 KiB")]
fn contradictory(x: f32) -> f32 {
    x
}

#[jit(ram)]
fn unlimited(x: f32) -> f32 {
    x
}

fn main() {
    unlimited(1.0);
    misspelt(1.0);
    mistaken(1.0);
}
