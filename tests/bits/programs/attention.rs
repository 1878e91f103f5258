fn norm(x: [[f32; 16]; 9]) -> [[f32; 16]; 9] {
    let m = mean(x, axis = 1, keepdims = true);
    let v = var(x, axis = 1, keepdims = true);
    (x - m) * rsqrt(v + 1e-5)
}
fn block(x: [[f32; 16]; 9], w: [[f32; 48]; 16]) -> f32 {
    let qkv = matmul(norm(x), w);
    let (q, k, v) = (qkv[(.., 0..16)], qkv[(.., 16..32)], qkv[(.., 32..48)]);
    let p = softmax(matmul(q, k.T()) / 4.0, axis = 1);
    sum(square(gelu(matmul(p, v)) + x))
}
fn slopes(x: &[[f32; 16]; 9], w: &[[f32; 48]; 16]) -> (f32, [[f32; 48]; 16]) { value_and_grad(block, argnums = 1)(x, w) }
