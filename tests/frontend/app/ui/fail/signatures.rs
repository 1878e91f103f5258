use kiln::prelude::*;

#[jit]
async fn waits(x: f32) -> f32 {
    x
}

#[jit]
unsafe fn dares(x: f32) -> f32 {
    x
}

#[jit]
extern "C" fn foreign(x: f32) -> f32 {
    x
}

#[jit]
const fn early(x: f32) -> f32 {
    x
}

#[jit]
fn slice(x: &[f32]) -> f32 {
    sum(x)
}

#[jit]
fn lends(x: &[f32; 4]) -> &f32 {
    x[0]
}

#[jit]
fn heap(x: Vec<f32>) -> f32 {
    sum(x)
}

#[jit]
fn calls_them(x: &[f32; 4]) -> f32 {
    slice(x) + lends(x) + heap(x)
}

#[jit]
fn dynamic(g: &dyn Fn(f32) -> f32, x: f32) -> f32 {
    g(x)
}

#[jit]
fn points(x: *const f32) -> f32 {
    0.0
}

#[jit]
fn outside(self, x: f32) -> f32 {
    x
}

#[derive(Clone, Tree)]
struct Gain {
    k: f32,
}

#[jit]
impl Gain {
    fn boxed(self: core::pin::Pin<&Self>, x: f32) -> f32 {
        x
    }
}

fn main() {
    calls_them(&[1.0; 4]);
}

#[jit]
fn changes_inside(x: (&mut f32, f32)) {
    *x.0 = x.1;
}

#[jit]
fn scattered(x: [&f32; 2]) -> f32 {
    x[0] + x[1]
}
