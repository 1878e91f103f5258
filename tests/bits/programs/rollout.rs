fn cost(u: [f32; 12], s: [f32; 4]) -> f32 {
    let mut s = s;
    let mut c = 0.0;
    for t in 0..12 {
        let (p, v, a, w) = (s[0], s[1], s[2], s[3]);
        s = [p + 0.05 * v, v + 0.05 * (u[t] - sin(a)), a + 0.05 * w, w + 0.05 * (cos(a) * u[t] - 9.8 * sin(a))];
        c += s[0] * s[0] + 0.1 * u[t] * u[t] + (1.0 - cos(s[2]));
    }
    c
}
fn second(u: &[f32; 12], s: &[f32; 4], v: &[f32; 12]) -> ([f32; 12], [f32; 12], [[f32; 4]; 4]) {
    (grad(cost)(u, s), hvp(|u| cost(u, s))(u, v), hessian(|s| cost(u, s))(s))
}
