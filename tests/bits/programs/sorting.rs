fn order(x: &[f32; 24], k: &[i32; 24]) -> ([f32; 24], [i32; 24], [f32; 5], [i32; 5], i32, [f32; 24], [i32; 24]) {
    let (v, i) = top_k(x, 5);
    (sort(x), argsort(x), v, i, argmin(x), cumsum(x), sort(k))
}
