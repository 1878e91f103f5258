fn products(a: &[[f32; 33]; 17], b: &[[f32; 21]; 33], x: &[f32; 21]) -> ([[f32; 21]; 17], [f32; 17], [[f32; 33]; 33]) {
    let y = matmul(a, b);
    (y, y.dot(x), a.T().dot(a))
}
