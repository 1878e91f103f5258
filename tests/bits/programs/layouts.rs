/// Every way in which the factors of a product may lie: along the sums, along the rows or columns, against either, and in steps.
fn of(
    a: &[[[f32; 3]; 13]; 9], b: &[[[f32; 3]; 13]; 7], x: &[f32; 13], image: &[[[[f32; 11]; 9]; 5]; 1], w: &[[[[f32; 3]; 3]; 4]; 5],
) -> ([[[f32; 3]; 7]; 9], [[f32; 7]; 9], [[f32; 7]; 9], [[f32; 9]; 7], [f32; 9], [f32; 9], [[[[f32; 11]; 9]; 4]; 1]) {
    let (c, d) = (a[(.., .., 1)], b[(.., .., 2)]);
    let steps = einsum("mkh,nkh->mnh", a, b);
    let rows = einsum("km,nk->mn", c.T(), flip(d, axis = 1));
    let columns = einsum("mk,nk->mn", flip(c, axis = 0), d);
    let both = einsum("nk,mk->nm", flip(d, axis = 1), c);
    let against = c.dot(flip(x));
    let down = einsum("km,k->m", c.T(), x);
    let (_, pull) = vjp(|x| conv(x, w, padding = "SAME"), (zeros((1, 4, 9, 11)),));
    (steps, rows, columns, both, against, down, pull(image).0)
}

/// The products, and sums of two of each.
fn layouts(
    a: &[[[f32; 3]; 13]; 9], b: &[[[f32; 3]; 13]; 7], x: &[f32; 13], image: &[[[[f32; 11]; 9]; 5]; 1], w: &[[[[f32; 3]; 3]; 4]; 5],
) -> (
    ([[[f32; 3]; 7]; 9], [[f32; 7]; 9], [[f32; 7]; 9], [[f32; 9]; 7], [f32; 9], [f32; 9], [[[[f32; 11]; 9]; 4]; 1]),
    ([[[f32; 3]; 7]; 9], [[f32; 7]; 9], [[f32; 7]; 9], [[f32; 9]; 7], [f32; 9], [f32; 9], [[[[f32; 11]; 9]; 4]; 1]),
) {
    jvp(of, (a, b, x, image, w), (a * 0.5, b + 1.0, -x, flip(image, axis = 2), w * w))
}
