fn halves(x: &[f32; 16], h: &[f16; 16], b: &[bf16; 16]) -> ([f16; 16], [bf16; 16], f16, [f32; 16]) {
    (x as f16 * h + h, b * b - x as bf16, sum(h), exp(h) as f32 + b as f32)
}
