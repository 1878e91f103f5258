fn factor(m: &[[f32; 6]; 6], b: &[f32; 6]) -> ([[f32; 6]; 6], [f32; 6], f32, [f32; 6], [[f32; 6]; 6]) {
    let a = m.dot(m.T()) + 2.0 * eye(6);
    let (q, r) = linalg::qr(m);
    let (w, v) = linalg::eigh(a);
    let slope = grad(|b| sum(square(linalg::solve(a, b))))(b);
    (linalg::cholesky(a), linalg::solve(m, b) + slope, linalg::det(m), w, q.dot(r) + v * v)
}
