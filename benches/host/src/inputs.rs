//! The inputs of all systems: numbers from a generator that is written down in three lines, so that every language has them.

/// `n` numbers in `[-scale, scale)`, from a linear congruential generator with Knuth's MMIX multiplier.
pub fn fill(seed: u64, n: usize, scale: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
    };
    (0..n).map(|_| next()).collect()
}

/// An array of any shape made of `data` in row-major order.
pub fn shaped<T: kiln::rt::Tensor<f32>>(data: &[f32]) -> Box<T> {
    assert_eq!(size_of::<T>(), size_of_val(data), "an array of another size");
    let mut out = Box::<T>::new_uninit();
    // SAFETY: a `Tensor` is its elements in a row without padding, and there are as many as in `data`.
    unsafe {
        out.as_mut_ptr().cast::<f32>().copy_from_nonoverlapping(data.as_ptr(), data.len());
        out.assume_init()
    }
}

/// The elements of an array.
pub fn flat<T: kiln::rt::Tensor<f32>>(x: &T) -> Vec<f32> {
    let n = size_of::<T>() / size_of::<f32>();
    // SAFETY: a `Tensor` is its elements in a row without padding.
    unsafe { std::slice::from_raw_parts((&raw const *x).cast::<f32>(), n) }.to_vec()
}

/// An array of any shape filled as [`fill`] says.
pub fn filled<T: kiln::rt::Tensor<f32>>(seed: u64, scale: f32) -> Box<T> {
    shaped(&fill(seed, size_of::<T>() / size_of::<f32>(), scale))
}

/// One plus small numbers: scales of a normalisation.
pub fn around_one<T: kiln::rt::Tensor<f32>>(seed: u64) -> Box<T> {
    shaped(&fill(seed, size_of::<T>() / size_of::<f32>(), 0.1).iter().map(|x| 1.0 + x).collect::<Vec<f32>>())
}

/// Labels as rows with a single one.
pub fn one_hot<const N: usize>() -> [[f32; 10]; N] {
    std::array::from_fn(|i| std::array::from_fn(|j| f32::from(j == (7 * i + 3) % 10)))
}

/// A symmetric positive definite matrix.
pub fn spd<const N: usize>(seed: u64) -> [[f32; N]; N] {
    let m = fill(seed, N * N, 1.0);
    let dot = |i: usize, j: usize| (0..N).map(|k| f64::from(m[i * N + k]) * f64::from(m[j * N + k])).sum::<f64>();
    let element = |i: usize, j: usize| (dot(i, j) / N as f64 + f64::from(u8::from(i == j))) as f32;
    std::array::from_fn(|i| std::array::from_fn(|j| element(i, j)))
}

/// The unit matrix times `x`.
pub fn diagonal<const N: usize>(x: f32) -> [[f32; N]; N] {
    std::array::from_fn(|i| std::array::from_fn(|j| if i == j { x } else { 0.0 }))
}

/// 256 particles on a face-centred cubic lattice in a box of 6.84, each moved a little.
pub fn particles() -> [[f32; 3]; 256] {
    let basis = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5_f32]];
    let moved = fill(400, 768, 0.05);
    std::array::from_fn(|p| {
        let (cell, b) = (p / 4, basis[p % 4]);
        let at = [(cell / 16) as f32 + b[0], (cell / 4 % 4) as f32 + b[1], (cell % 4) as f32 + b[2]];
        std::array::from_fn(|k| at[k] * 1.71 + moved[3 * p + k])
    })
}
