use kiln::prelude::*;

#[derive(Tree)]
struct Dense {
    w: [[f32; 2]; 3],
    bias: [f32; 2],
}

#[derive(Tree)]
struct Mlp {
    l1: Dense,
    l3: Dense,
}

static MLP: Mlp = kiln::include_tree!(Mlp, "../../language/tests/weights/mlp.safetensors");

static ABSENT: Mlp = kiln::include_tree!(Mlp, "mlp.safetensors");

static NO_FILE: Mlp = kiln::include_tree!(Mlp);

fn main() {}
