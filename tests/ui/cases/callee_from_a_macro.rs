use kiln::prelude::*;

macro_rules! plain {
    ($name:ident) => {
        fn $name(x: f32) -> f32 {
            x * 0.5
        }
    };
}

plain!(smooth);

#[jit]
fn f(x: f32) -> f32 {
    smooth(x) + 1.0
}

fn main() {
    let _ = f(1.0);
}
