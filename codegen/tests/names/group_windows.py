group("windows")


def conv(x, w, stride=1, padding="VALID", lhs_dilation=None, rhs_dilation=None, feature_group_count=1, dimension_numbers=None,
         batch_group_count=1, window_strides=None, precision=None, preferred_element_type=None):
    """Kiln's short form: integers stand for all axes."""
    n = x.ndim - 2
    every = lambda v: (v,) * n if isinstance(v, int) else v
    stride = every(window_strides or stride)
    if isinstance(padding, int):
        padding = ((padding, padding),) * n
    elif not isinstance(padding, str):
        padding = tuple((q, q) if isinstance(q, int) else q for q in padding)
    return jax.lax.conv_general_dilated(
        x, w, stride, padding, every(lhs_dilation), every(rhs_dilation), dimension_numbers, feature_group_count,
        batch_group_count, precision=precision, preferred_element_type=preferred_element_type)


def pooled(init, op):
    def pool(x, window_shape, strides=None, padding="VALID", dimension_numbers=None, count_include_pad=True):
        """As flax.linen.pooling.pool."""
        n = len(window_shape)
        strides = strides or (1,) * n
        slid = [d for d, c in enumerate(dimension_numbers) if c not in "NC"] if dimension_numbers else range(x.ndim - 1 - n, x.ndim - 1)
        spread = lambda v, one: tuple(dict(zip(slid, v)).get(d, one) for d in range(x.ndim))
        pads = padding if isinstance(padding, str) else spread(padding, (0, 0))
        fold = lambda y: jax.lax.reduce_window(y, np.asarray(init, y.dtype), op, spread(window_shape, 1), spread(strides, 1), pads)
        if op is not jax.lax.add:
            return fold(x)
        return fold(x) / (np.prod(window_shape) if count_include_pad else fold(jnp.ones_like(x)))
    return pool


SPACE.update(conv=conv, nn=types.SimpleNamespace(**vars(jax.nn), max_pool=pooled(-np.inf, jax.lax.max), min_pool=pooled(np.inf, jax.lax.min), avg_pool=pooled(0.0, jax.lax.add)))

x1, w1 = f(2, 3, 9), f(4, 3, 3, salt=1)
x2, w2 = f(2, 3, 6, 7), f(4, 3, 3, 2, salt=1)
x3, w3 = f(1, 2, 4, 5, 3), f(3, 2, 2, 3, 2, salt=1)
T = 1e-5
c("conv(x, w)", x=x1, w=w1, tol=T)
c("conv(x, w)", x=x2, w=w2, tol=T)
c("conv(x, w)", x=x3, w=w3, tol=T)
c("conv(x, w, stride = 2)", x=x1, w=w1, tol=T)
c("conv(x, w, stride = (2, 3))", x=x2, w=w2, tol=T)
c("conv(x, w, window_strides = (2, 1))", x=x2, w=w2, tol=T)
c('conv(x, w, padding = "SAME")', x=x2, w=w2, tol=T)
c('conv(x, w, stride = (2, 2), padding = "SAME")', x=x2, w=w2, tol=T)
c('conv(x, w, stride = 3, padding = "same")', 'conv(x, w, stride=3, padding="SAME")', x=x1, w=w1, tol=T)
c('conv(x, w, padding = "SAME_LOWER")', x=x2, w=w2, tol=T)
c('conv(x, w, padding = "VALID")', x=x3, w=w3, tol=T)
c("conv(x, w, padding = 1)", x=x2, w=w2, tol=T)
c("conv(x, w, padding = (1, 2))", x=x2, w=w2, tol=T)
c("conv(x, w, padding = ((1, 2), (0, 1)))", x=x2, w=w2, tol=T)
c("conv(x, w, padding = ((1, -1), (-1, 1)))", x=x2, w=w2, tol=T)
c("conv(x, w, padding = (2, 0))", "conv(x, w, padding=((2, 0),))", x=x1, w=w1, tol=T)
c("conv(x, w, padding = 0, lhs_dilation = 2)", x=x2, w=w2, tol=T)
c("conv(x, w, rhs_dilation = (2, 3))", x=x2, w=w2, tol=T)
c('conv(x, w, rhs_dilation = 2, padding = "SAME")', x=x2, w=w2, tol=T)
c("conv(x, w, feature_group_count = 3)", x=f(2, 6, 5), w=f(9, 2, 3), tol=T)
c("conv(x, w, feature_group_count = 4, padding = \"SAME\")", x=f(1, 4, 5, 5), w=f(8, 1, 3, 3), tol=T)
c("conv(x, w, batch_group_count = 2)", x=f(4, 3, 5), w=f(6, 3, 2), tol=T)
c('conv(x, w, dimension_numbers = ("NHWC", "HWIO", "NHWC"))', x=f(2, 5, 4, 3), w=f(2, 3, 3, 4), tol=T)
c('conv(x, w, stride = (2, 1), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"))', x=f(2, 5, 4, 3), w=f(2, 3, 3, 4), tol=T)
c('conv(x, w, dimension_numbers = ("NHWC", "OIHW", "NCHW"))', x=f(2, 5, 4, 3), w=f(4, 3, 2, 3), tol=T)
c('conv(x, w, dimension_numbers = ("NWC", "WIO", "NWC"), padding = ((1, 0),))', x=f(2, 5, 3), w=f(2, 3, 4), tol=T)
c('conv(x, w, dimension_numbers = ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2)))', 'conv(x, w, dimension_numbers=("NHWC", "HWIO", "NHWC"))', x=f(2, 5, 4, 3), w=f(2, 3, 3, 4), tol=T)
c('conv(x, w, stride = 2, dimension_numbers = ("NDHWC", "DHWIO", "NDHWC"))', x=f(1, 4, 5, 4, 2), w=f(2, 2, 3, 2, 3), tol=T)
c("conv(x, w, preferred_element_type = i32)", x=i(1, 2, 6, dtype=np.int8, lo=-128, hi=127), w=i(3, 2, 3, dtype=np.int8, lo=-128, hi=127))
c("conv(x, w)", x=i(1, 2, 6), w=i(3, 2, 3))
c("conv(x, w)", x=f(1, 2, 6, dtype=np.float16), w=f(3, 2, 3, dtype=np.float16))
c("vmap(|q| conv(q, w))(x)", "jax.vmap(lambda q: conv(q, w))(x)", x=f(3, 2, 2, 6), w=f(3, 2, 3), tol=T)
g("conv(x, w, stride = 2, padding = ((1, 2), (0, 1)), rhs_dilation = (1, 2))", x=x2, w=w2, tol=T)
g('conv(w, x, stride = 2, padding = "SAME", feature_group_count = 2)', x=f(4, 2, 3), w=f(2, 4, 7), tol=T)
g('conv(x, w, padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"))', x=f(1, 4, 4, 2), w=f(2, 3, 2, 3), tol=T)
c('lax::conv(x, w, (2, 1), "SAME")', x=x2, w=w2, tol=T)
c("lax::conv_with_general_padding(x, w, (2, 1), ((1, 1), (0, 2)), (1, 2), (2, 1))", x=x2, w=w2, tol=T)
c('lax::conv_general_dilated(x, w, (2, 1), "VALID")', x=x2, w=w2, tol=T)
c('lax::conv_general_dilated(x, w, window_strides = (2, 1), padding = "SAME", lhs_dilation = None, rhs_dilation = (1, 2), dimension_numbers = ("NHWC", "HWIO", "NHWC"), feature_group_count = 2)',
  x=f(2, 5, 4, 4), w=f(2, 3, 2, 6), tol=T)
for text in ['(2, 2), "SAME"', '(2, 2), "VALID"', '(3, 1), "SAME"', '(1, 2), ((1, 2), (0, 1))', '(2, 2), "SAME", rhs_dilation = (2, 1)',
             '(2, 2), "VALID", transpose_kernel = true', '(2, 2), ((1, 1), (0, 1)), use_consistent_padding = true']:
    wt = f(3, 2, 4, 2) if "transpose" in text else f(3, 2, 2, 4)
    c(f"lax::conv_transpose(x, w, {text})", x=f(1, 3, 4, 2), w=wt, tol=T)
c('lax::conv_transpose(x, w, (2,), "SAME")', x=f(1, 4, 2), w=f(3, 2, 4), tol=T)
c('conv_transpose(x, w, (2, 2), "SAME", dimension_numbers = ("NCHW", "OIHW", "NCHW"))', x=f(1, 2, 3, 4), w=f(4, 2, 3, 3), tol=T)
g('lax::conv_transpose(x, w, (2, 2), "SAME")', x=f(1, 2, 3, 2), w=f(3, 2, 2, 3), tol=T)
c('lax::conv_general_dilated_patches(x, (2, 3), (1, 2), "SAME")', x=f(1, 2, 4, 5))
c('lax::conv_general_dilated_patches(x, (2, 2), (1, 1), "VALID", rhs_dilation = (2, 1), dimension_numbers = ("NHWC", "HWIO", "NHWC"))', x=f(1, 4, 5, 2))

nhwc = f(2, 5, 6, 3)
for name in ["max_pool", "min_pool", "avg_pool"]:
    c(f"nn::{name}(x, (2, 2))", x=nhwc)
    c(f"nn::{name}(x, (2, 2), strides = (2, 2))", x=nhwc)
    c(f'nn::{name}(x, (3, 2), strides = (2, 3), padding = "SAME")', x=nhwc)
    c(f"nn::{name}(x, (3, 2), (1, 2), ((1, 2), (0, 1)))", x=nhwc)
    c(f"nn::{name}(x, (3,), strides = (2,))", x=f(2, 7, 3))
    c(f"nn::{name}(x, (2, 2))", x=f(4, 4, 2))
    c(f'nn::{name}(x, (2, 3), strides = (2, 2), dimension_numbers = "NCHW")', x=f(2, 3, 4, 5))
    g(f"nn::{name}(x, (2, 2), strides = (2, 1), padding = \"SAME\")", x=f(1, 4, 5, 2))
c('nn::max_pool(x, 2, strides = 2)', "nn.max_pool(x, (2, 2), strides=(2, 2))", x=nhwc)
c('nn::avg_pool(x, (3, 3), padding = "SAME", count_include_pad = false)', x=nhwc)
c('nn::max_pool(x, (2, 2))', "lax.reduce_window(x, np.int8(-128), lax.max, (1, 2, 2, 1), (1, 1, 1, 1), 'VALID')", x=i(1, 4, 4, 2, dtype=np.int8))

r = f(5, 6)
c('lax::reduce_window(x, 0.0, lax::add, (2, 3), (2, 1), "VALID")', x=r)
c('lax::reduce_window(x, f32::NEG_INFINITY, lax::max, (2, 2), (1, 2), "SAME")', "lax.reduce_window(x, -inf, lax.max, (2, 2), (1, 2), 'SAME')", x=r)
c('lax::reduce_window(x, f32::INFINITY, lax::min, (2, 2), (1, 2), "SAME_LOWER")', "lax.reduce_window(x, inf, lax.min, (2, 2), (1, 2), 'SAME_LOWER')", x=r)
c('lax::reduce_window(x, 1.0, lax::mul, (2, 2), (1, 1), "VALID")', x=r)
c('lax::reduce_window(x, 0.5, lax::add, (2, 2), (1, 1), "SAME")', x=r)
c('lax::reduce_window(x, 0.0, lax::max, (2, 2), (1, 1), "VALID")', x=r)
c('lax::reduce_window(x, 0.0, |a, b| a + b, (2, 2), (1, 1), "VALID")', x=r)
c('lax::reduce_window(x, 0.0, |a, b| a * 0.5 + b, (2, 1), (1, 1), "VALID")', x=r)
c("lax::reduce_window(x, 0.5, |a, b| where_(abs(a) > abs(b), a, b), (2, 2), (1, 2), ((1, 0), (2, 1)))", x=r)
c("lax::reduce_window(x, 0.0, lax::add, (2, 2), (1, 2), ((1, 0), (2, 1)), base_dilation = (2, 1), window_dilation = (1, 2))", x=r)
c("lax::reduce_window(x, 1.0, lax::mul, (2, 2), (1, 2), ((1, 0), (2, 1)), base_dilation = (2, 1), window_dilation = (1, 2))", x=r)
c('lax::reduce_window(x, 0, lax::add, (2, 2), (2, 2), "VALID")', x=i(4, 4))
g('lax::reduce_window(x, 0.0, lax::add, (2, 3), (2, 1), "SAME")', x=r)
g('lax::reduce_window(x, f32::NEG_INFINITY, lax::max, (2, 2), (2, 2), "SAME")', "lax.reduce_window(x, -inf, lax.max, (2, 2), (2, 2), 'SAME')", x=r)
c("lax::reduce(x, 0.0, lax::add, (0,))", x=r)
c("lax::reduce(x, 2.5, lax::add, (0, 1))", x=r)
c("lax::reduce(x, 1.0, lax::mul, (1,))", x=r)
c("lax::reduce(x, 0.0, lax::max, (1,))", x=r)
c("lax::reduce(x, f32::INFINITY, lax::min, (1,))", "lax.reduce(x, inf, lax.min, (1,))", x=r)
c("lax::reduce(x, 0.0, |a, b| b + a, (0,))", x=r)
c("lax::reduce(x, 0.0, |a, b| where_(abs(a) > abs(b), a, b), (0,))", x=r)
c("lax::reduce(x, true, lax::bitwise_and, (0,))", x=b(3, 4))
c("lax::reduce(x, false, lax::bitwise_or, (0,))", x=b(3, 4))
c("lax::reduce(x, -1, lax::bitwise_and, (0,))", x=i(3, 4))
c("lax::reduce((x, y), (0.0, 1), |a, b| (a.0 + b.0, a.1 * b.1), (1,))", "lax.reduce((x, y), (np.float32(0), np.int32(1)), lambda a, b: (a[0] + b[0], a[1] * b[1]), (1,))", x=r, y=i(5, 6))
c("lax::reduce_xor(x, (0,))", x=i(3, 4))
c("lax::reduce_xor(x, (1,))", x=b(3, 4))
g("lax::reduce(x, 1.0, lax::mul, (1,))", x=f(2, 4))
