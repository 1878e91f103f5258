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

#[derive(Tree)]
struct Pairs<const N: usize, const M: usize> {
    x: [[f32; M]; N],
}

#[jit(inline)]
impl<const N: usize> Pairs<N, 2> {
    fn difference(&self, k: u8) -> f32 {
        self.x[k][0] - self.x[k][1]
    }
}

instantiate!(fn of_some = Pairs::<3, 2>::difference);
instantiate!(fn too_many = total::<4, 5>);
instantiate!(fn needless = fixed);
instantiate!(fn of_functions = apply);
instantiate!(fn with_signature(x: &[f32; 4]) -> f32 = total::<4>);

fn main() {}
