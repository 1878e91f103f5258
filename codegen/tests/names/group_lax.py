group("lax")

x, y = f(3, 4), f(3, 4, salt=1)
q, r = i(3, 4), i(3, 4, salt=1)
q2 = np.where(r == 0, 3, r).astype(np.int32)
for name in ["add", "sub", "mul", "div", "rem", "max", "min", "eq", "ne", "lt", "le", "gt", "ge", "atan2"]:
    c(f"lax::{name}(x, y)", x=x, y=y)
for name in ["sub", "mul", "div", "rem", "max", "min", "eq", "lt"]:
    c(f"lax::{name}(x, y)", x=q, y=q2)
c("lax::rem(x, y)", x=arr("f32", 5.5, -5.5, 5.5, -5.5, 0.0), y=arr("f32", 2.0, 2.0, -2.0, -2.0, 1.0))
c("lax::div(x, y)", x=arr("i32", 7, -7, 7, -7), y=arr("i32", 2, 2, -2, -2))
for name in ["sub", "mul", "div", "max", "min"]:
    g(f"lax::{name}(x, y)", x=x, y=y)
g("lax::max(x, y)", x=arr("f32", 1.0, 2.0), y=arr("f32", 1.0, 3.0))
for name in ["neg", "exp", "tanh", "rsqrt", "abs", "floor", "logistic", "erf"]:
    c(f"lax::{name}(x)", x=p(3))
c("lax::is_finite(x)", x=arr("f32", 1.0, np.inf, np.nan))
c("zeros((2,), dtype = lax::dtype(x))", "jnp.zeros((2,), dtype=lax.dtype(x))", x=q)
c("lax::convert_element_type(x, i32)", x=x)
c("lax::convert_element_type(x, f32)", x=q)
c("convert_element_type(x, new_dtype = u8)", x=u(3))
c("lax::reshape(x, (4, 3))", x=x)
c("lax::reshape(x, (2, 6), dimensions = (1, 0))", x=x)
c("lax::reshape(x, new_sizes = (12,))", x=x)
c("lax::transpose(x, (1, 0))", x=x)
c("lax::transpose(x, permutation = (2, 0, 1))", x=f(2, 3, 4))
c("lax::expand_dims(x, (0, 2))", x=x)
c("lax::expand_dims(x, dimensions = (1,))", x=x)
c("lax::squeeze(x, (0, 2))", x=f(1, 3, 1, 2))
c("lax::squeeze(x, dimensions = (0,))", x=f(1, 3, 1))
c("lax::rev(x, (0,))", x=x)
c("lax::rev(x, dimensions = (0, 1))", x=x)
c("lax::concatenate((x, y), 1)", x=x, y=y)
c("lax::concatenate([x, y], dimension = 0)", x=x, y=y)
c("lax::broadcast(x, (2, 3))", x=f(4))
c("lax::broadcast(x, sizes = (2,))", x=x)
c("lax::broadcast_to_rank(x, 4)", x=x)
c("lax::broadcast_in_dim(x, (3, 2, 4), (0, 2))", x=x)
c("lax::broadcast_in_dim(x, shape = (2, 3), broadcast_dimensions = (1,))", x=f(1))
g("lax::broadcast_in_dim(x, (3, 2, 4), (0, 2))", x=x)
c("lax::iota(f32, 4) + x", x=f(4))
c("lax::iota(u8, 3)", x=f(1))
c("lax::broadcasted_iota(i32, (2, 3), 1)", x=f(1))
c("lax::broadcasted_iota(f32, (2, 3), dimension = 0)", x=f(1))
c("lax::full((2, 3), 1.5)", x=f(1))
c("lax::collapse(x, 0)", x=f(2, 3, 4))
c("lax::collapse(x, 1, 3)", x=f(2, 3, 4, 2))
c("lax::collapse(x, start_dimension = 0, stop_dimension = -1)", "lax.collapse(x, 0, -1)", x=f(2, 3, 4))
c("lax::split(x, (1, 3), axis = 1)", x=x)
c("lax::split(x, (2, 1))", x=x)

c("lax::slice(x, (0, 1), (2, 4))", x=x)
c("lax::slice(x, (0, 1), (3, 4), strides = (2, 2))", x=x)
c("lax::slice(x, start_indices = (1,), limit_indices = (5,), strides = (3,))", x=f(6))
g("lax::slice(x, (0, 1), (3, 4), strides = (2, 2))", x=x)
c("lax::slice_in_dim(x, 1, 3)", x=x)
c("lax::slice_in_dim(x, 0, None, stride = 2, axis = 1)", x=x)
c("lax::slice_in_dim(x, -2, None, axis = -1)", x=x)
c("lax::slice_in_dim(x, None, -1)", x=x)
c("lax::index_in_dim(x, 1)", x=x)
c("lax::index_in_dim(x, 2, axis = 1, keepdims = false)", x=x)
c("lax::index_in_dim(x, -1, 1)", x=x)
g("lax::index_in_dim(x, 2, axis = 1, keepdims = false)", x=x)
for k in [0, 1, 2, 9, -1, -2, -9]:
    n = np.int32(k)
    c("lax::dynamic_slice(x, (n, 0), (2, 4))", x=x, n=n)
    c("lax::dynamic_slice(x, (1, n), (2, 2))", x=x, n=n)
    c("lax::dynamic_update_slice(x, y, (n, 1))", x=x, y=f(2, 2, salt=9), n=n)
    c("lax::dynamic_index_in_dim(x, n, axis = 1)", x=x, n=n)
c("lax::dynamic_slice(x, n, (2, 2))", x=x, n=arr("i32", 1, 1))
c("lax::dynamic_slice(x, start_indices = (1, -1), slice_sizes = (2, 2))", x=x)
c("lax::dynamic_slice(x, (n, n), (1, 2))", x=x, n=np.uint8(2))
c("lax::dynamic_slice_in_dim(x, n, 2)", x=x, n=np.int32(1))
c("lax::dynamic_slice_in_dim(x, n, slice_size = 3, axis = 1)", x=x, n=np.int32(7))
c("lax::dynamic_index_in_dim(x, n, 0, keepdims = false)", x=x, n=np.int32(2))
c("lax::dynamic_update_slice(x, y, (n, n))", x=q, y=i(1, 2), n=np.int32(2))
c("lax::dynamic_update_slice_in_dim(x, y, n, 0)", x=x, y=f(2, 4, salt=9), n=np.int32(2))
c("lax::dynamic_update_slice_in_dim(x, y, start_index = n, axis = 1)", x=x, y=f(3, 1), n=np.int32(-1))
c("lax::dynamic_update_index_in_dim(x, y, n, 0)", x=x, y=f(4), n=np.int32(1))
c("lax::dynamic_update_index_in_dim(x, y, n, axis = 1)", x=x, y=f(3, 1), n=np.int32(1))
g("lax::dynamic_slice(x, (n, n), (2, 2))", x=x, n=np.int32(2))
g("lax::dynamic_update_slice(x, y, (n, n))", x=x, y=f(2, 2), n=np.int32(1))
c("grad(|y| sum(lax::dynamic_update_slice(x, y, (n, n)) * x))(y)", "jax.grad(lambda y: jnp.sum(lax.dynamic_update_slice(x, y, (n, n)) * x))(y)", x=x, y=f(2, 2), n=np.int32(5))
c("vmap(|k| lax::dynamic_slice(x, (k, 0), (1, 4)))(n)", "jax.vmap(lambda k: lax.dynamic_slice(x, (k, 0), (1, 4)))(n)", x=x, n=arr("i32", 0, 5, -1))

c("lax::pad(x, 0.0, ((1, 2, 0), (0, 1, 0)))", x=x)
c("lax::pad(x, 9.0, ((-1, 2, 1), (1, -2, 2)))", x=x)
c("lax::pad(x, padding_value = 5, padding_config = ((0, 0, 3),))", "lax.pad(x, np.int32(5), ((0, 0, 3),))", x=i(3))
g("lax::pad(x, 9.0, ((-1, 2, 1), (1, -2, 2)))", x=x)
c("lax::select(m, x, y)", m=b(3, 4), x=x, y=y)
c("lax::select_n(m, x, y)", m=b(3, 4), x=x, y=y)
c("lax::select_n(m, x, y, z)", m=i(3, 4, lo=0, hi=2), x=x, y=y, z=f(3, 4, salt=3))
g("lax::select_n(m, x, y, z)", m=i(3, 4, lo=0, hi=2), x=x, y=y, z=f(3, 4, salt=3))
c("lax::sort(x)", x=x)
c("lax::sort(x, dimension = 0)", x=x)
ties = i(2, 6, lo=0, hi=2)
c("lax::sort((x, y), dimension = 1)", x=ties, y=f(2, 6))
c("lax::sort((x, y, z), dimension = -1, num_keys = 2)", x=ties, y=i(2, 6, lo=0, hi=1, salt=4), z=f(2, 6))
c("lax::sort((x, y), dimension = 0, is_stable = true, num_keys = 2)", x=i(4, 2, lo=0, hi=1), y=f(4, 2))
c("lax::sort_key_val(x, y)", x=ties, y=f(2, 6))
c("lax::sort_key_val(x, y, dimension = 0)", x=f(3, 2), y=f(3, 2, salt=3))
c("grad(|y| sum(lax::sort_key_val(x, y).1 * x))(y)", "jax.grad(lambda y: jnp.sum(lax.sort_key_val(x, y)[1] * x))(y)", x=f(5), y=f(5, salt=3))
edge = np.concatenate([EDGES, f(16), arr("f32", 3e38, 1.17549435e-38, 6.1e-5, 6.0e-5, 65520.0)])
for e, m in [(5, 10), (8, 7), (8, 23), (4, 3), (2, 0), (5, 2)]:
    c(f"lax::reduce_precision(x, {e}, {m})", x=edge)
c("lax::reduce_precision(x, exponent_bits = 8, mantissa_bits = 7)", x=f(4, dtype=np.float64))
c("lax::reduce_precision(x, exponent_bits = 5, mantissa_bits = 4)", x=f(4, dtype=np.float16))
g("lax::reduce_precision(x, 5, 4)", x=f(4))
c("lax::optimization_barrier(x)", x=x)
c("lax::optimization_barrier((x, y)).1", "lax.optimization_barrier((x, y))[1]", x=x, y=y)
c("lax::stop_gradient(x)", x=x)
c("lax::map(|v| v * 2.0, x)", x=x)
c("lax::scan(|a, v| (a + v, a * v), y, x).0", "lax.scan(lambda a, v: (a + v, a * v), y, x)[0]", x=x, y=f(4))
c("lax::cond(n > 0, |v| v + 1.0, |v| v - 1.0, x)", x=x, n=np.int32(1))
c("lax::switch(n, (|v| v + 1.0, |v| v - 1.0, |v| v * 3.0), x)", x=x, n=np.int32(2))
c("lax::while_loop(|v| v < 100.0, |v| v * 3.0, x)", x=np.float32(1.5))
c("lax::fori_loop(0, 4, |k, v| v * 0.5 + k as f32, x)", "lax.fori_loop(0, 4, lambda k, v: v * 0.5 + k.astype(f32), x)", x=x)
c("lax::associative_scan(|a, b| a + b, x)", x=x)

# Gathers and scatters by dimension numbers: rows, columns, windows, elements, batches; inside and outside of the operand.
x5, x3 = f(4, 5), f(2, 3, 4)
def numbers(kind, *lists):
    names = {"Gather": ("offset_dims", "collapsed_slice_dims", "start_index_map", "operand_batching_dims", "start_indices_batching_dims"),
             "Scatter": ("update_window_dims", "inserted_window_dims", "scatter_dims_to_operand_dims", "operand_batching_dims", "scatter_indices_batching_dims")}[kind]
    return f"lax::{kind}DimensionNumbers(" + ", ".join(f"{n} = {l}" for n, l in zip(names, lists)) + ")"
for operand, index, dims, sizes in (
    (x5, i(3, 1, lo=-2, hi=5), ("(1,)", "(0,)", "(0,)"), (1, 5)),
    (x5, i(3, 1, lo=-2, hi=5), ("(0,)", "(1,)", "(1,)"), (4, 1)),
    (x5, i(2, 3, 2, lo=-1, hi=4), ("()", "(0, 1)", "(0, 1)"), (1, 1)),
    (x5, i(2, 3, 2, lo=-1, hi=4), ("()", "(0, 1)", "(1, 0)"), (1, 1)),
    (x5, i(3, 2, lo=-1, hi=4), ("(0, 2)", "()", "(0, 1)"), (2, 3)),
    (x5, i(2, lo=0, hi=3), ("(0, 1)", "()", "(0, 1)"), (2, 3)),
    (x3, i(2, 2, 1, lo=-1, hi=4), ("(1, 2)", "(2,)", "(2,)"), (2, 2, 1)),
    (x3, i(2, 5, 1, lo=-1, hi=3), ("(2,)", "(1,)", "(1,)", "(0,)", "(0,)"), (1, 1, 3)),
    (x3, i(5, 2, 1, lo=0, hi=2, dtype=np.uint8), ("(0,)", "(1,)", "(1,)", "(0,)", "(1,)"), (1, 1, 3)),
    (i(4, 5), i(3, 1, lo=-2, hi=5), ("(1,)", "(0,)", "(0,)"), (1, 5)),
    (u(4, 5, dtype=np.uint8), i(3, 1, lo=-2, hi=5), ("(1,)", "(0,)", "(0,)"), (1, 5)),
):
    text = f"lax::gather(x, i, {numbers('Gather', *dims)}, {sizes}"
    for more in ("", ', mode = "clip"', ', mode = "fill", fill_value = 7'):
        c(f"{text}{more})", x=operand, i=index)
    if operand.dtype == np.float32:
        g(f'{text}, mode = "clip")', x=operand, i=index)
        g(f'{text}, mode = "fill", fill_value = 0)', x=operand, i=index)
        c(f'vmap(|i| {text}, mode = "clip"))(stack((i, i)))', py=f'jax.vmap(lambda i: {python(text)}, mode="clip"))(jnp.stack((i, i)))', x=operand, i=index)
for operand, index, updates, dims in (
    (x5, i(3, 1, lo=-2, hi=5), f(3, 5), ("(1,)", "(0,)", "(0,)")),
    (x5, np.array([[0], [2], [2]], np.int32), f(3, 5), ("(1,)", "(0,)", "(0,)")),
    (x5, np.array([[0, 1], [3, 4], [4, 1]], np.int32), f(3), ("()", "(0, 1)", "(0, 1)")),
    (x5, np.array([[0, 0], [2, 1], [1, 3]], np.int32), f(2, 3, 2), ("(0, 2)", "()", "(0, 1)")),
    (x3, np.array([[[0], [2], [5]], [[1], [1], [-1]]], np.int32), f(2, 3, 4), ("(2,)", "(1,)", "(1,)", "(0,)", "(0,)")),
    (i(4, 5), i(3, 1, lo=-2, hi=5), i(3, 5), ("(1,)", "(0,)", "(0,)")),
):
    d = numbers("Scatter", *dims)
    for name in ("scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max"):
        c(f"lax::{name}(x, i, y, {d})", x=operand, i=index, y=updates)
        c(f'lax::{name}(x, i, y, {d}, mode = "clip")', x=operand, i=index, y=updates)
    if len(np.unique(index)) == index.size or operand is x5 and index.shape == (3, 2):
        c(f"lax::scatter(x, i, y, {d})", x=operand, i=index, y=updates)
    if operand.dtype == np.float32:
        g(f"lax::scatter_add(x, i, y, {d})", x=operand, i=index, y=updates)
        g(f"lax::scatter_add(z, i, x, {d})", x=updates, i=index, z=operand)
        c(f"vmap(|y| lax::scatter_add(x, i, y, {d}))(stack((y, 2.0 * y)))", py=f"jax.vmap(lambda y: lax.scatter_add(x, i, y, {python(d)}))(jnp.stack((y, 2.0 * y)))", x=operand, i=index, y=updates)

for sizes in ([2, 1, 3], [0, 4, 1]):
    c("lax::ragged_dot(x, y, n)", x=f(6, 3), y=f(3, 3, 2), n=np.array(sizes, np.int32))
    g("lax::ragged_dot(x, y, n)", x=f(6, 3), y=f(3, 3, 2), n=np.array(sizes, np.int32))
    g("lax::ragged_dot(y, x, n)", x=f(3, 3, 2), y=f(6, 3), n=np.array(sizes, np.int32))
c(f"lax::scatter_apply(x, i, |x| sin(x) * x, {numbers('Scatter', '()', '(0,)', '(0,)')}, update_shape = (3,))",
  py=f"lax.scatter_apply(x, i, lambda x: jnp.sin(x) * x, lax.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(3,))", x=f(6), i=np.array([[1], [4], [9]], np.int32))
g(f"lax::scatter_apply(x, i, |x| sin(x) * x, {numbers('Scatter', '()', '(0,)', '(0,)')}, update_shape = (2,))",
  py=f"jnp.sin(x) * x * jnp.array([0, 1, 0, 0, 1, 0]) + x * jnp.array([1, 0, 1, 1, 0, 1])", x=f(6), i=np.array([[1], [4]], np.int32))
c('lax::conv_general_dilated_local(x, y, (1, 1), "VALID", (2, 2))', x=f(2, 2, 3, 4), y=f(3, 8, 2, 3))
g('lax::conv_general_dilated_local(x, y, (1, 2), ((0, 1), (1, 0)), (2, 2))', x=f(1, 2, 3, 4), y=f(2, 8, 3, 2))
for perm in ("((0, 1), (1, 2), (2, 0))", "((2, 1), (0, 0), (1, 2))"):
    c(f'vmap(|x| lax::ppermute(x, "i", {perm}) * x, axis_name = "i")(x)', py=f'jax.vmap(lambda x: lax.ppermute(x, "i", {perm}) * x, axis_name="i")(x)', x=f(3, 2))
    c(f'grad(|x| sum(vmap(|x| lax::ppermute(x, "i", {perm}) * x, axis_name = "i")(x) * y))(x)', py=f'jax.grad(lambda x: jnp.sum(jax.vmap(lambda x: lax.ppermute(x, "i", {perm}) * x, axis_name="i")(x) * y))(x)', x=f(3, 2), y=f(3, 2, salt=1))
c('vmap(|x| lax::pshuffle(x, "i", (2, 0, 1)), axis_name = "i")(x)', py='jax.vmap(lambda x: lax.pshuffle(x, "i", (2, 0, 1)), axis_name="i")(x)', x=f(3, 2))
for name in "sum prod min max".split():
    c(f"ops::segment_{name}(x, i, num_segments = 4)", x=f(6, 2), i=np.array([0, 2, 2, 5, 0, 1], np.int32))
    c(f"ops::segment_{name}(x, i, 3)", x=u(5), i=np.array([0, 2, 2, 1, 0], np.int32))
    if name != "prod":
        g(f"ops::segment_{name}(x, i, 3)", x=f(5), i=np.array([0, 2, 2, 1, 0], np.int32))
g("ops::segment_prod(x, i, 3)", py="jnp.stack((x[0] * x[4], x[3], x[1] * x[2]))", x=f(5), i=np.array([0, 2, 2, 1, 0], np.int32))
