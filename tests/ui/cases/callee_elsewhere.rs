use kiln::prelude::*;

mod model {
    pub fn smooth(x: f32) -> f32 {
        x * 0.5
    }
}

#[jit]
fn f(x: f32) -> f32 {
    model::smooth(x) + 1.0
}

fn main() {
    let _ = f(1.0);
}
