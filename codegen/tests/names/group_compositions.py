from jax import lax

group("compositions")

# Transformations of transformations, over programs that mix what the library has. A program is a function of three numbers to three,
# in Kiln's text and in Python's; so is a stack, which names it `f`. `x`, `y` and `xs` are what it is called with.
PROGRAMS = {
    "halves": ("|x| (sin(x.astype(f16)) * 2.0).astype(f64) + 0.5 * x.astype(bf16).astype(f64) * x",
               lambda x: (jnp.sin(x.astype(jnp.float16)) * 2.0).astype(jnp.float64) + 0.5 * x.astype(jnp.bfloat16).astype(jnp.float64) * x),
    "complex": ("|x| { let z = exp(lax::complex(0.3 * x, flip(x))); real(z * conj(z) * z) + imag(fft::fft(z)) }",
                lambda x: (lambda z: (z * z.conj() * z).real + jnp.fft.fft(z).imag)(jnp.exp(lax.complex(0.3 * x, jnp.flip(x))))),
    "integers": ("|x| { let n = (3.0 * x) as i32; let k = n & 1; where_(k == 0, x * x, sin(x)) * (n as f64) + (n >> 1) as f64 }",
                 lambda x: (lambda n: jnp.where((n & 1) == 0, x * x, jnp.sin(x)) * n.astype(jnp.float64) + (n >> 1).astype(jnp.float64))((3.0 * x).astype(jnp.int32))),
    "scatters": ("|x| { let mut y = zeros((4,), dtype = f64); let at = argsort(-x); y[at] += x * x; y[1] *= x[0]; y[2..4] -= cos(x[0..2]); y[0..3] + y[3] * x }",
                 lambda x: (lambda y: y[0:3] + y[3] * x)((lambda y: y.at[1].multiply(x[0]).at[2:4].add(-jnp.cos(x[0:2])))(jnp.zeros(4).at[jnp.argsort(-x)].add(x * x)))),
    "cumulative": ("|x| cummax(x * flip(x)) + cumprod(1.0 + 0.3 * x) * lax::cumlogsumexp(x) - lax::cummin(sin(x))",
                   lambda x: lax.cummax(x * jnp.flip(x)) + jnp.cumprod(1.0 + 0.3 * x) * lax.cumlogsumexp(x) - lax.cummin(jnp.sin(x))),
    "top": ("|x| { let (v, i) = lax::top_k(x * x, 2); let (s, t) = lax::sort((sin(3.0 * x), x), num_keys = 1); v[0] * t + s * v[1] + x[i[0]] }",
            lambda x: (lambda v, s: v[0][0] * s[1] + s[0] * v[0][1] + x[v[1][0]])(lax.top_k(x * x, 2), lax.sort((jnp.sin(3.0 * x), x), num_keys=1))),
    "windows": ("|x| { let m = outer(x, 1.0 + x).reshape((1, 1, 3, 3)); let p = lax::reduce_window(sin(m), f64::NEG_INFINITY, maximum, (1, 1, 2, 2), (1, 1, 1, 1), \"SAME\"); let c = conv(p, 0.1 * m[(.., .., 0..2, 0..2)], padding = \"SAME\", rhs_dilation = (2, 1)); c[0][0][1] + sum(p) * x }",
                lambda x: (lambda m: (lambda p: (lambda c: c[0, 0, 1] + jnp.sum(p) * x)(lax.conv_general_dilated(p, 0.1 * m[:, :, 0:2, 0:2], (1, 1), "SAME", rhs_dilation=(2, 1))))(lax.reduce_window(jnp.sin(m), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 1, 1), "SAME")))(jnp.outer(x, 1.0 + x).reshape((1, 1, 3, 3)))),
    "factors": ("|x| { let a = outer(x, x) + 2.0 * eye(3, dtype = f64); let l = linalg::cholesky(a); let (q, r) = linalg::qr(a + diag(x)); linalg::solve(a, x) + l.T() @ x + diagonal(r) + q[0] }".replace("l.T() @ x", "matmul(l.T(), x)"),
                lambda x: (lambda a: (lambda q: jnp.linalg.solve(a, x) + jnp.linalg.cholesky(a).T @ x + jnp.diagonal(q[1]) + q[0][0])(jnp.linalg.qr(a + jnp.diag(x))))(jnp.outer(x, x) + 2.0 * jnp.eye(3))),
    "loops": ("|x| { let mut h = x; for i in 0..3 { if h[i] > 0.2 { h = sin(h) * x + 0.1; } else { h = h * flip(x) - 0.2 * h[i]; } } h }",
              lambda x: (lambda step: step(step(step(x, 0), 1), 2))(lambda h, i: lax.cond(h[i] > 0.2, lambda h: jnp.sin(h) * x + 0.1, lambda h: h * jnp.flip(x) - 0.2 * h[i], h))),
    "random": ("|x| { let k = random::key(7); let (a, b) = (random::normal(k, (3,), dtype = f32), random::bernoulli(random::fold_in(k, 3), 0.5, (3,))); where_(b, a.astype(f64) * x * x, sin(x) * x[random::randint(k, (), 0, 3)]) }",
               lambda x: (lambda k: jnp.where(jax.random.bernoulli(jax.random.fold_in(k, 3), jnp.float32(0.5), (3,)), jax.random.normal(k, (3,), dtype=jnp.float32).astype(jnp.float64) * x * x, jnp.sin(x) * x[jax.random.randint(k, (), 0, 3, dtype=jnp.int32)]))(jax.random.key(7))),
    "gathers": ("|x| { let y = lax::gather(outer(x, sin(x)), (stack((arange(3), (2.0 * x) as i32), axis = 1)), lax::GatherDimensionNumbers(offset_dims = (1,), collapsed_slice_dims = (0,), start_index_map = (0, 1)), (1, 2), mode = \"clip\"); sum(y * y, axis = 1) + take_along_axis(x, argsort(x * x), axis = 0) }",
                lambda x: (lambda y: jnp.sum(y * y, axis=1) + jnp.take_along_axis(x, jnp.argsort(x * x), axis=0))(lax.gather(jnp.outer(x, jnp.sin(x)), jnp.stack((jnp.arange(3), (2.0 * x).astype(jnp.int32).astype(jnp.int64)), axis=1), lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0, 1)), (1, 2), mode="clip"))),
    "scans": ("|x| { let (c, ys) = scan(|c, v| (tanh(c * v) + 0.3 * x, c + v), x, stack((x, 0.5 * x)), 2); c * sum(ys) }",
              lambda x: (lambda t: t[0] * jnp.sum(t[1]))(lax.scan(lambda c, v: (jnp.tanh(c * v) + 0.3 * x, c + v), x, jnp.stack((x, 0.5 * x)), 2))),
    "complex_factors": ("|x| { let z = lax::complex(outer(x, 1.0 + x) + 2.0 * eye(3, dtype = f64), outer(x, flip(x))); let (q, r) = linalg::qr(z); real(diagonal(r)) + imag(q[1]) + real(linalg::solve(z, z[0])) }",
                        lambda x: (lambda z: (lambda t: jnp.diagonal(t[1]).real + t[0][1].imag + jnp.linalg.solve(z, z[0]).real)(jnp.linalg.qr(z)))(lax.complex(jnp.outer(x, 1.0 + x) + 2.0 * jnp.eye(3), jnp.outer(x, jnp.flip(x))))),
}
STACKS = {
    "tree in_axes": ("vmap(|t, y| grad(|t| sum(f(t.0 * t.1)) * y[0])(t), in_axes = ((0, None), None))((xs, x), y)",
                     lambda f, x, y, xs: jax.vmap(lambda t, y: jax.grad(lambda t: jnp.sum(f(t[0] * t[1])) * y[0])(t), in_axes=((0, None), None))((xs, x), y)),
    "grad of vmap of jvp": ("grad(|x| sum(vmap(|s| jvp(f, (s * x,), (y,)).1)(xs[0]) * outer(x, y)))(x)",
                            lambda f, x, y, xs: jax.grad(lambda x: jnp.sum(jax.vmap(lambda s: jax.jvp(f, (s * x,), (y,))[1])(xs[0]) * jnp.outer(x, y)))(x)),
    "jacfwd of vjp of vmap": ("jacfwd(|x| vjp(|x| vmap(f, in_axes = 1, out_axes = 1)(outer(x, y)), (x,)).1(outer(y, x)).0)(x)",
                              lambda f, x, y, xs: jax.jacfwd(lambda x: jax.vjp(lambda x: jax.vmap(f, in_axes=1, out_axes=1)(jnp.outer(x, y)), x)[1](jnp.outer(y, x))[0])(x)),
    "names in names": ("grad(|x| sum(vmap(|a| vmap(|b| f(a * b) - pmean(f(a + b), \"j\") * psum(b, \"i\")[0] + axis_index(\"i\") as f64, axis_name = \"j\")(xs), axis_name = \"i\")(stack((x, y)))))(x)",
                       lambda f, x, y, xs: jax.grad(lambda x: jnp.sum(jax.vmap(lambda a: jax.vmap(lambda b: f(a * b) - lax.pmean(f(a + b), "j") * lax.psum(b, "i")[0] + lax.axis_index("i").astype(jnp.float64), axis_name="j")(xs), axis_name="i")(jnp.stack((x, y)))))(x)),
    "aux of hvp": ("{ let ((l, aux), (g, h)) = value_and_grad(|a, b| (sum(hvp(|v| sum(f(v)))(a, b)), f(b)), argnums = (0, 1), has_aux = true)(x, y); (l, aux, g, h) }",
                   lambda f, x, y, xs: (lambda t: (t[0][0], t[0][1], t[1][0], t[1][1]))(jax.value_and_grad(lambda a, b: (jnp.sum(jax.jvp(jax.grad(lambda v: jnp.sum(f(v))), (a,), (b,))[1]), f(b)), argnums=(0, 1), has_aux=True)(x, y))),
    "checkpoint of linearize": ("grad(checkpoint(|x| { let (v, push) = linearize(f, x); sum(v * push(y) + push(x)) }))(x)",
                                lambda f, x, y, xs: jax.grad(jax.checkpoint(lambda x: (lambda t: jnp.sum(t[0] * t[1](y) + t[1](x)))(jax.linearize(f, x))))(x)),
    "argnums of jacobians": ("{ let (a, b) = jacrev(|a, b| jacfwd(|v| f(v) * b)(a), argnums = (1, 0))(x, y); (a, sum(b, axis = 0)) }",
                             lambda f, x, y, xs: (lambda t: (t[0], jnp.sum(t[1], axis=0)))(jax.jacrev(lambda a, b: jax.jacfwd(lambda v: f(v) * b)(a), argnums=(1, 0))(x, y))),
    "hvp of scan of grad": ("hvp(|x| sum(scan(|c, v| { let c = c + 0.1 * grad(|w| sum(f(w * v)))(c); (c, c) }, x, xs).1))(x, y)",
                            lambda f, x, y, xs: jax.jvp(jax.grad(lambda x: jnp.sum(lax.scan(lambda c, v: (lambda c: (c, c))(c + 0.1 * jax.grad(lambda w: jnp.sum(f(w * v)))(c)), x, xs)[1])), (x,), (y,))[1]),
    "transpose of linearize of vmap": ("linear_transpose(linearize(|x| vmap(|s| f(s * x))(y), x).1, x)(stack((x, y, x))).0",
                                       lambda f, x, y, xs: jax.linear_transpose(jax.linearize(lambda x: jax.vmap(lambda s: f(s * x))(y), x)[1], x)(jnp.stack((x, y, x)))[0]),
    "vmap of cond of grad": ("vmap(|s| cond(s[0] > 0.1, |s| grad(|v| sum(f(v) * v))(s), |s| jvp(f, (s,), (y,)).1, s))(xs)",
                             lambda f, x, y, xs: jax.vmap(lambda s: lax.cond(s[0] > 0.1, lambda s: jax.grad(lambda v: jnp.sum(f(v) * v))(s), lambda s: jax.jvp(f, (s,), (y,))[1], s))(xs)),
}
X, Y = np.array([0.625, -0.40625, 0.28125]), np.array([0.5, 0.78125, -0.3125])
XS = np.array([[0.75, -0.5, 0.375], [-0.25, 0.875, 0.5]])
for name, (kiln, program) in PROGRAMS.items():
    SPACE[f"program_{name}"] = program
    for stack, (text, apply) in STACKS.items():
        SPACE[f"stack_{list(STACKS).index(stack)}"] = apply
        c(f"{{ let f = {kiln}; {text} }}", py=f"stack_{list(STACKS).index(stack)}(program_{name}, x, y, xs)",
          x=X, y=Y, xs=XS, tol=1e-2 if name == "halves" else 1e-10)
