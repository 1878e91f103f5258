fn f(x: &[f32; 40]) -> [[f32; 40]; 18] {
    let u = x / 2.1;
    stack([
        exp(x), log(abs(x)), log1p(abs(x)), expm1(x), sin(x), cos(x), tan(x), asin(u), acos(u), atan(x), sinh(x), cosh(x),
        tanh(x), erf(x), sqrt(abs(x)), cbrt(x), rsqrt(abs(x)), abs(x).powf(1.7),
    ])
}
