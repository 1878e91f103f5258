use kiln::prelude::*;

#[derive(Clone, Tree)]
pub struct Net {
    pub w: [[f32; 3]; 3],
    pub b: [f32; 3],
}

#[jit]
impl Net {
    pub fn run(&self, x: &[f32; 3]) -> [f32; 3] {
        matmul(self.w, x) + self.b
    }
}

const SCALE: f32 = 2.0;

#[jit]
fn method(n: &Net, x: &[f32; 3]) -> [f32; 3] {
    n.runn(x)
}

#[jit]
fn function(n: &Net, x: &[f32; 3]) -> [f32; 3] {
    Net::apply(n, x)
}

#[jit]
fn constant(x: f32) -> f32 {
    x * SCALE
}

#[jit]
fn built_in(x: &[f32; 3]) -> [f32; 3] {
    sofmax(x)
}

// Callers of what has a mistake see none.
#[jit]
fn caller(n: &Net, x: &[f32; 3]) -> [f32; 3] {
    method(n, x) * constant(2.0)
}

fn main() {
    let n = Net { w: [[1.0; 3]; 3], b: [0.0; 3] };
    let _ = (caller(&n, &[1.0; 3]), built_in(&[1.0; 3]), caller::RAM_BYTES);
}
