fn spectrum(x: &[f32; 32], y: &[f64; 24]) -> ([f32; 17], [f32; 32], [f64; 13]) {
    let z = fft::rfft(x);
    (abs(z), fft::irfft(z), real(fft::rfft(y)))
}
