//! Every function of `kiln::rt`, with constants as a kernel has them, in a program that links only if none of them can
//! panic: the panic handler calls a function that does not exist.
#![no_std]
#![no_main]
#![allow(missing_docs, dead_code, unused_imports)]

// The module itself and not the crate, which would bring the compiler's front end along.
#[path = "../../../src/rt/mod.rs"]
mod rt;

use core::hint::black_box;
use rt::*;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn a_kernel_may_panic() -> !;
    }
    a_kernel_may_panic()
}

#[unsafe(no_mangle)]
pub extern "C" fn _start() {
    let mut arena = Arena::<1024>::new();
    contractions(&mut arena);
    reductions(&mut arena);
    elementary::<f32>(black_box(0.5), black_box(1.5));
    #[cfg(feature = "double")]
    elementary::<f64>(black_box(0.5), black_box(1.5));
    matrices::<f32>(black_box(&[0.5; 36]));
    #[cfg(feature = "double")]
    matrices::<f64>(black_box(&[0.5; 36]));
    orders(black_box(&[0.5; 60]));
    integers::<i8>(black_box(3), black_box(0));
    integers::<u16>(black_box(3), black_box(0));
    integers::<i32>(black_box(3), black_box(0));
    integers::<u32>(black_box(3), black_box(0));
    #[cfg(feature = "control")]
    black_box(black_box([1, 2, 3])[black_box(4)]);
}

#[inline(never)]
fn contractions(arena: &mut Arena<1024>) {
    let (a, b, c) = arena.views::<(Rd<f32, 0, 63>, Rd<f32, 252, 45>, Wr<f32, 432, 35>)>();
    contract::<f32, Base, false, 7, 5, 1>([9], |m, [k]| ld(a, m * 9 + k), |n, [k]| ld(b, k * 5 + n), |m, n, v| st(c, m * 5 + n, v));
    contract::<f32, Base, false, 1, 5, 2>(
        [3, 3],
        |_, [i, j]| ld(a, i * 3 + j),
        |n, [i, j]| ld(b, (i * 3 + j) * 5 + n),
        |_, n, v| st(c, n, v),
    );
    let (x, w, y) = arena.views::<(Rd<i8, 0, 80>, Rd<i8, 80, 36>, Wr<i32, 120, 32>)>();
    contract::<i32, Base, false, 4, 8, 4>(
        [1, 1, 3, 3],
        |m, [_, _, i, j]| ld(w, (m * 3 + i) * 3 + j).into(),
        |n, [_, _, i, j]| ld(x, i * 10 + n + j).into(),
        |m, n, v| st(y, m * 8 + n, v),
    );
    contract::<i32, Base, false, 32, 1, 1>(
        [36],
        |m, [k]| ld(w, k).wrapping_mul(m as i8).into(),
        |_, [k]| ld(x, k).into(),
        |m, _, v| {
            st(y, m, v);
        },
    );
}

#[inline(never)]
fn reductions(arena: &mut Arena<1024>) {
    let (x, s) = arena.views::<(Rd<f32, 0, 100>, Wr<f32, 400, 4>)>();
    st(s, 0, reduce::<f32, 100>(|i| ld(x, i), |a, b| a + b));
    st(s, 1, reduce::<f32, 10>(|i| exp(ld(x, i)), |a, b| a + b));
    st(s, 2, reduce_any_order::<f32, 100>(|i| ld(x, i), max));
    let y: &[f32; 4] = s;
    let z: [[f32; 2]; 2] = zero();
    black_box((y, flat::<f32, _, 4>(&z)));
    let (x, y) = arena.views::<(Rd<f32, 0, 30>, Wr<f32, 120, 30>)>();
    cumsum::<f32, 2, 5, 3, 0>(x, y);
    cummax::<f32, 2, 5, 3, 1>(x, y);
    cumlogsumexp::<f32, 2, 5, 3, 0>(x, y);
}

macro_rules! each {
    ($x:ident: $($name:ident)*) => { $(black_box($name($x));)* };
}

#[inline(never)]
fn elementary<T: Float>(x: T, y: T) {
    each!(x: exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh logistic);
    each!(x: erf erfc erf_inv lgamma digamma sqrt rsqrt cbrt floor ceil trunc round abs sign is_finite);
    black_box((pow(x, y), atan2(x, y), nextafter(x, y), max(x, y), min(x, y), clamp(x, y, x), div(x, y)));
    black_box(integer_pow(x, black_box(-5)));
}

#[inline(never)]
fn integers<T: Int>(x: T, y: T) {
    each!(x: population_count clz abs sign);
    black_box((shift_left(x, y), shift_right_logical(x, y), shift_right_arithmetic(x, y)));
    black_box((div(x, y), rem(x, y), max(x, y), min(x, y), clamp(x, y, x), integer_pow(x, black_box(5))));
}

#[inline(never)]
fn matrices<T: linalg::Real>(x: &[T; 36]) {
    let (mut a, mut b, mut c) = ([T::ZERO; 36], [T::ZERO; 36], [T::ZERO; 36]);
    let (mut pivots, mut permutation) = ([0; 6], [0; 6]);
    cholesky::<T, 4, 3>(x, &mut a);
    triangular_solve::<T, 1, 6, 5, 7>(x, &c, &mut a);
    lu::<T, 1, 6, 6>(x, &mut a, &mut pivots, &mut permutation);
    qr::<T, 1, 9, 4, 0>(x, &mut a, &mut b);
    qr::<T, 1, 4, 5, 1>(x, &mut a, &mut b);
    eigh::<T, 1, 6>(x, &mut a, &mut b);
    svd::<T, 1, 6, 4>(x, &mut a, &mut b, &mut c);
    black_box((&a, &b, &c, &pivots, &permutation));
}

#[inline(never)]
fn orders(x: &[f32; 60]) {
    let (mut y, mut places) = ([0.0; 60], [0; 60]);
    sort::<f32, 2, 30, 1, 0>(x, &mut y);
    sort::<f32, 2, 5, 6, 1>(x, &mut y);
    argsort::<f32, 1, 30, 2, 0>(x, &mut places);
    top_k::<f32, 2, 30, 4>(x, &mut y, &mut places);
    black_box((&y, &places, threefry2x32(1, 2, 3, black_box(4))));
}
