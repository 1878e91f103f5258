fn net(x: &[[[[f32; 3]; 11]; 9]; 2], w: &[[[[f32; 8]; 3]; 3]; 3], d: &[[[[f32; 8]; 1]; 3]; 3]) -> f32 {
    let y = relu(conv(x, w, stride = (2, 2), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")));
    let z = conv(y, d, padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"), feature_group_count = 8);
    sum(square(z)) + sum(max(y, axis = (1, 2)))
}
fn slopes(
    x: &[[[[f32; 3]; 11]; 9]; 2], w: &[[[[f32; 8]; 3]; 3]; 3], d: &[[[[f32; 8]; 1]; 3]; 3],
) -> (f32, [[[[f32; 8]; 3]; 3]; 3], [[[[f32; 8]; 1]; 3]; 3]) {
    let (l, (gw, gd)) = value_and_grad(net, argnums = (1, 2))(x, w, d);
    (l, gw, gd)
}
