struct Gru { w: [[f32; 4]; 18], u: [[f32; 6]; 18], b: [f32; 18] }
fn cell(p: &Gru, h: [f32; 6], x: [f32; 4]) -> [f32; 6] {
    let a = matmul(p.w, x) + p.b;
    let c = matmul(p.u, h);
    let z = sigmoid(a[0..6] + c[0..6]);
    let r = sigmoid(a[6..12] + c[6..12]);
    let n = tanh(a[12..18] + r * c[12..18]);
    (1.0 - z) * n + z * h
}
fn loss(p: &Gru, x: &[[f32; 4]; 10]) -> f32 {
    let mut h = [0.0f32; 6];
    for t in 0..10 {
        h = cell(p, h, x[t]);
    }
    sum(h * h)
}
fn slopes(p: &Gru, x: &[[f32; 4]; 10]) -> Gru { grad(loss)(p, x) }
