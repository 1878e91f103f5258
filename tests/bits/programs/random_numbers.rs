fn draws(key: &[u32; 2]) -> ([u32; 5], [f32; 7], [f32; 9], [i32; 12], f32, f64) {
    let [a, b, c, d, e, f] = random::split(key, 6);
    (
        random::bits(a, (5,)), random::uniform(b, (7,)), random::normal(c, (9,)), random::permutation(d, 12),
        random::gamma(e, 2.5), random::normal(f, (), dtype = f64),
    )
}
