use kiln::prelude::*;

#[jit]
fn slice(x: &[f32]) -> f32 {
    sum(x)
}

#[jit]
fn speak(x: f32) -> f32 {
    println!("{x}");
    x
}

#[jit]
fn answer(x: f32) -> f32 {
    let word = "yes";
    let letter = 'y';
    x
}

#[jit]
async fn later(x: f32) -> f32 {
    x
}

fn main() {}
