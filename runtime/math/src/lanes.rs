//! The order of sums.

/// Number of interleaved partial results of a reduction.
pub const LANES: usize = 16;

/// Folds `x` with `op` in the one order that every target follows.
///
/// Lane `l` of sixteen holds `x[l]`, then `x[l + 16]`, `x[l + 32]`, .. combined one after the other. Then, for `h` = 8, 4,
/// 2, 1, lane `l < h` becomes `op(lane l, lane l + h)` where that lane exists. Lane 0 is the result. A core with sixteen
/// lanes, four, or one can all follow this order at full speed, and its rounding errors grow slower than those of a
/// running sum.
///
/// # Panics
/// On an empty slice, which has no sum without a zero. Kernels use `kiln::rt::reduce`, whose length is a constant.
pub fn lanes_reduce<T: Copy>(x: &[T], op: impl Fn(T, T) -> T) -> T {
    let Some(first) = x.first() else { panic!("`lanes_reduce` of no elements") };
    let mut lanes = [*first; LANES];
    let (head, rest) = x.split_at(x.len().min(LANES));
    for (lane, x) in lanes.iter_mut().zip(head) {
        *lane = *x;
    }
    for row in rest.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(row) {
            *lane = op(*lane, *x);
        }
    }
    let live = head.len();
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        let pairs = live.saturating_sub(half);
        for (a, b) in low.iter_mut().zip(high).take(pairs) {
            *a = op(*a, *b);
        }
        half /= 2;
    }
    let [result, ..] = lanes;
    result
}
