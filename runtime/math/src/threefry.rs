//! The counter-based generator behind `random::`.

/// Threefry-2x32 with 20 rounds: the block `(x0, x1)` under the key `(k0, k1)`. The same bits as JAX's generator.
///
/// ```
/// assert_eq!(kiln_math::threefry2x32(0, 0, 0, 0), (0x6b20_0159, 0x99ba_4efe));
/// ```
/// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.2; the
/// example is the first known answer of its reference implementation.
pub fn threefry2x32(k0: u32, k1: u32, x0: u32, x1: u32) -> (u32, u32) {
    // The parity constant and the rotation distances are those of Skein, adapted in table 2 of the paper.
    let k2 = k0 ^ k1 ^ 0x1bd1_1bda;
    let even = [13, 15, 26, 6];
    let odd = [17, 29, 16, 24];
    let four = |(x0, x1): (u32, u32), rotations: [u32; 4]| {
        rotations.into_iter().fold((x0, x1), |(x0, x1), r| {
            let x0 = x0.wrapping_add(x1);
            (x0, x1.rotate_left(r) ^ x0)
        })
    };
    let inject =
        |(x0, x1): (u32, u32), a: u32, b: u32, n: u32| (x0.wrapping_add(a), x1.wrapping_add(b).wrapping_add(n));
    let x = (x0.wrapping_add(k0), x1.wrapping_add(k1));
    let x = inject(four(x, even), k1, k2, 1);
    let x = inject(four(x, odd), k2, k0, 2);
    let x = inject(four(x, even), k0, k1, 3);
    let x = inject(four(x, odd), k1, k2, 4);
    inject(four(x, even), k2, k0, 5)
}

#[cfg(test)]
mod tests {
    use super::threefry2x32;

    /// `threefry2x32 20` in `kat_vectors` of Random123 1.14.
    #[test]
    fn known_answers() {
        assert_eq!(threefry2x32(0, 0, 0, 0), (0x6b20_0159, 0x99ba_4efe));
        assert_eq!(threefry2x32(!0, !0, !0, !0), (0x1cb9_96fc, 0xbb00_2be7));
        let pi = threefry2x32(0x1319_8a2e, 0x0370_7344, 0x243f_6a88, 0x85a3_08d3);
        assert_eq!(pi, (0xc492_3a9c, 0x483d_f7a0));
    }
}
