fn all(x: &[[f32; 101]; 7]) -> (f32, [f32; 101], [f32; 7], [f32; 7], [f32; 7], [[f32; 101]; 7], [f32; 7], f64) {
    (
        sum(x), mean(x, axis = 0), std(x, axis = 1), logsumexp(x, axis = 1), prod(x, axis = 1), cumsum(x, axis = 1),
        max(x, axis = 1), sum(x as f64),
    )
}
