// Windows of three columns, sums that go on from sums.
fn net(c1: &[[[[f32; 3]; 3]; 1]; 8], c2: &[[[[f32; 3]; 3]; 8]; 12], x: &[[[[f32; 8]; 8]; 1]; 1]) -> f32 {
    let h = tanh(conv(x, c1, padding = "SAME"));
    sum(square(conv(h, c2, padding = "SAME")))
}
fn filter(a: &[[f32; 4]; 4], q: &[[f32; 4]; 4], x: &[[f32; 4]; 6]) -> f32 {
    let mut p = q;
    let mut c = 0.0;
    for z in x {
        p = matmul(matmul(a, p), a.T()) + q;
        c = c + dot(z, matmul(p, z));
    }
    c
}
fn slopes(
    c1: &[[[[f32; 3]; 3]; 1]; 8], c2: &[[[[f32; 3]; 3]; 8]; 12], x: &[[[[f32; 8]; 8]; 1]; 1], a: &[[f32; 4]; 4], v: &[[f32; 4]; 4], q: &[[f32; 4]; 4], z: &[[f32; 4]; 6],
) -> ([[[[f32; 3]; 3]; 1]; 8], [[[[f32; 3]; 3]; 8]; 12], [[f32; 4]; 4], [[f32; 4]; 4]) {
    let (g1, g2) = grad(net, argnums = (0, 1))(c1, c2, x);
    (g1, g2, grad(filter)(a, q, z), hvp(filter)(a, q, z, v))
}
