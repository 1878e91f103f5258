fn f(x: &[f64; 12]) -> [[f64; 12]; 12] {
    let u = x / 2.1;
    stack([
        exp(x), log(abs(x)), sin(x), cos(x), tan(x), asin(u), atan(x), tanh(x), erf(x), sqrt(abs(x)), cbrt(x), abs(x).powf(1.7),
    ])
}
