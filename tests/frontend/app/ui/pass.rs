use kiln::prelude::*;

#[jit]
fn double(x: f32) -> f32 {
    x * 2.0
}

fn main() {
    assert_eq!(double::GRAPH, "*double []");
}
