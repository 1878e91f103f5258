use kiln::prelude::*;

#[jit]
struct Pair {
    a: f32,
}

#[jit]
static TABLE: [f32; 2] = [1.0, 2.0];

#[jit]
trait Layer {}

#[jit]
impl f32 {}

#[jit]
impl [f32; 3] {}

#[derive(Tree)]
enum Choice {
    A,
}

#[derive(Tree)]
struct Borrowed<'a> {
    a: &'a [f32; 4],
}

fn main() {}
