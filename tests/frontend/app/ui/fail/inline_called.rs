use kiln::prelude::*;

#[jit(inline)]
fn quiet(x: f32) -> f32 {
    x
}

fn main() {
    quiet(1.0);
}
