use kiln::prelude::*;

#[jit]
fn total<const N: usize>(x: &[f32; N]) -> f32 {
    sum(x)
}

#[jit]
fn fixed(x: f32) -> f32 {
    x
}

#[jit]
fn apply(f: impl Fn(f32) -> f32, x: f32) -> f32 {
    f(x)
}

instantiate!(fn too_many = total::<4, 5>);
instantiate!(fn needless = fixed);
instantiate!(fn of_functions = apply);
instantiate!(fn with_signature(x: &[f32; 4]) -> f32 = total::<4>);

fn main() {}
