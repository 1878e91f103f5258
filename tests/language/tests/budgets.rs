//! Programs within budgets of memory: other loops, the same bits.

use kiln::prelude::*;

/// Three convolutions with their activations, of which the last takes every second row, and a pool.
#[jit(inline)]
fn network(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    let layer =
        |x, w, s| relu(conv(x, w, stride = (s, s), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")));
    mean(layer(layer(layer(x, a, 1), b, 1), c, 2), axis = (0, 1, 2))
}

#[jit]
fn plain(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    network(x, a, b, c)
}

#[jit(ram = 3200)]
fn in_rows(
    x: &[[[[f32; 2]; 6]; 24]; 1],
    a: &[[[[f32; 4]; 2]; 3]; 3],
    b: &[[[[f32; 4]; 4]; 3]; 3],
    c: &[[[[f32; 3]; 4]; 3]; 3],
) -> [f32; 3] {
    network(x, a, b, c)
}

#[test]
fn convolutions_in_strips_of_rows_have_the_same_bits() {
    let number = |n: usize| (n * 37 % 23) as f32 / 7.0 - 1.5;
    let window = |n: usize| number(n) * 0.25;
    let x = [core::array::from_fn(|i| core::array::from_fn(|j| core::array::from_fn(|k| number(i * 12 + j * 2 + k))))];
    let a = core::array::from_fn(|i| {
        core::array::from_fn(|j| core::array::from_fn(|k| core::array::from_fn(|l| window(i * 24 + j * 8 + k * 4 + l))))
    });
    let b = core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            core::array::from_fn(|k| core::array::from_fn(|l| window(i * 48 + j * 16 + k * 4 + l)))
        })
    });
    let mut c = core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            core::array::from_fn(|k| core::array::from_fn(|l| window(i * 36 + j * 12 + k * 3 + l)))
        })
    });
    assert!(plain::RAM_BYTES > 4608 && in_rows::RAM_BYTES <= 3200, "{} {}", plain::RAM_BYTES, in_rows::RAM_BYTES);
    assert!(in_rows::GRAPH.contains("conv_rows"), "{}", in_rows::GRAPH);
    let bits = |y: [f32; 3]| y.map(f32::to_bits);
    assert_eq!(bits(plain(&x, &a, &b, &c)), bits(in_rows(&x, &a, &b, &c)));
    // Rows that are not there are no zeros: they would make infinity no number.
    c[0][0][0][0] = f32::INFINITY;
    let (p, r) = (plain(&x, &a, &b, &c), in_rows(&x, &a, &b, &c));
    assert_eq!(bits(p), bits(r));
}

#[derive(Clone, Tree)]
struct Classifier {
    windows: [[[[f32; 4]; 1]; 3]; 3],
    bias: [f32; 4],
    deep: [[[[f32; 4]; 4]; 3]; 3],
    w: [[f32; 4]; 3],
}

#[jit(inline)]
fn logits(p: &Classifier, x: &[[f32; 8]; 8]) -> [f32; 3] {
    let windows = |x, w| conv(x, w, padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"));
    let y = tanh(windows(x.reshape((1, 8, 8, 1)), p.windows) + p.bias);
    let z = tanh(windows(y, p.deep));
    matmul(p.w, mean(z, axis = (0, 1, 2)))
}

#[jit(inline)]
fn loss(p: &Classifier, x: &[[[f32; 8]; 8]; 12], y: &[u8; 12]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}

#[jit]
fn gradients(p: &Classifier, x: &[[[f32; 8]; 8]; 12], y: &[u8; 12]) -> (f32, Classifier) {
    value_and_grad(loss)(p, x, y)
}

/// Little more than a third of the memory of all examples at once.
#[jit(ram = "10 KiB")]
fn gradients_in_parts(p: &Classifier, x: &[[[f32; 8]; 8]; 12], y: &[u8; 12]) -> (f32, Classifier) {
    value_and_grad(loss)(p, x, y)
}

#[jit(fast, ram = "10 KiB")]
fn fast_gradients_in_parts(p: &Classifier, x: &[[[f32; 8]; 8]; 12], y: &[u8; 12]) -> (f32, Classifier) {
    value_and_grad(loss)(p, x, y)
}

/// The sums of the gradients go on from part to part of the batch, in the order that they have over all of it.
#[test]
fn gradients_accumulated_over_parts_of_a_batch_have_the_same_bits() {
    let number = |n: usize| (n * 37 % 23) as f32 / 9.0 - 1.2;
    let p = Classifier {
        windows: core::array::from_fn(|i| {
            core::array::from_fn(|j| [core::array::from_fn(|k| number(i * 12 + j * 4 + k))])
        }),
        bias: core::array::from_fn(number),
        deep: core::array::from_fn(|i| {
            core::array::from_fn(|j| {
                core::array::from_fn(|k| core::array::from_fn(|l| number(i * 48 + j * 16 + k * 4 + l) / 3.0))
            })
        }),
        w: core::array::from_fn(|i| core::array::from_fn(|j| number(i * 4 + j))),
    };
    let x = core::array::from_fn(|n| core::array::from_fn(|i| core::array::from_fn(|j| number(n * 64 + i * 8 + j))));
    let y = core::array::from_fn(|n| (n % 3) as u8);
    let (natural, within) = (gradients::RAM_BYTES, gradients_in_parts::RAM_BYTES);
    assert!(natural > 26_000 && within <= 10 * 1024, "{natural} {within}");
    assert!(gradients_in_parts::GRAPH.contains("continued"), "{}", gradients_in_parts::GRAPH);
    let bits = |(l, g): &(f32, Classifier)| {
        let deep = g.deep.iter().flatten().flatten().flatten();
        let all = g.windows.iter().flatten().flatten().flatten().chain(&g.bias).chain(deep).chain(g.w.iter().flatten());
        [l].into_iter().chain(all).map(|x| x.to_bits()).collect::<Vec<u32>>()
    };
    let whole = gradients(&p, &x, &y);
    assert_eq!(bits(&whole), bits(&gradients_in_parts(&p, &x, &y)));
    let fast = fast_gradients_in_parts(&p, &x, &y);
    for (a, b) in
        whole.1.deep.iter().flatten().flatten().flatten().zip(fast.1.deep.iter().flatten().flatten().flatten())
    {
        assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{a} {b}");
    }
}
