struct Dense<const I: usize, const O: usize> { w: [[f32; I]; O], b: [f32; O] }
struct Mlp { l1: Dense<20, 12>, l2: Dense<12, 5> }
fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
fn logits(p: &Mlp, x: &[f32; 20]) -> [f32; 5] { dense(&p.l2, tanh(dense(&p.l1, x))) }
fn loss(p: &Mlp, x: &[[f32; 20]; 16], y: &[u8; 16]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}
fn step(p: &mut Mlp, x: &[[f32; 20]; 16], y: &[u8; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
