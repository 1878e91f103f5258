fn collatz(n: u32) -> u32 {
    let mut n = n;
    let mut steps = 0u32;
    while n > 1 && steps < 1000 {
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}
fn newton(a: f32) -> f32 {
    let mut x = a;
    loop {
        let next = 0.5 * (x + a / x);
        if abs(next - x) < 1e-6 { break; }
        x = next;
    }
    x
}
fn all(n: &[u32; 8], a: &[f32; 6], k: &[i32; 5]) -> ([u32; 8], [f32; 6], [f32; 5]) {
    let m = |k: i32| match k { 0 => 1.5, 1 | 2 => sin(a[0]), 3..=5 => a[1] / a[2], _ => -1.0 };
    (vmap(collatz)(n + 20), vmap(newton)(abs(a) + 0.5), vmap(m)(k))
}
