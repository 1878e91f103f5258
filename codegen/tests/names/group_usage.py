from jax import lax

group("usage")

# Whole programs as people write them: the same statements in both languages, with loops, branches, updates in place, dtypes and keys.
SPACE.update(linalg=jnp.linalg, fft=jnp.fft, random=jax.random, scipy=jax.scipy)
WIDE_TOL = 1e-11


def program(kiln, tol=None, **inputs):
    """The function below, in Kiln's words."""
    def add(fn):
        name = f"usage_{fn.__name__}"
        SPACE[name] = fn
        c(kiln, py=f"{name}({', '.join(inputs)})", tol=tol, **inputs)
        return fn
    return add


V8, W8 = f(8), f(8, salt=1)
M43, M34 = f(4, 3), f(3, 4)


@program("{ let mut m = zeros((8,)); let mut v = zeros((8,)); let mut w = x; for t in 0..5 { let g = grad(|w| sum(square(w - y)) + 0.1 * sum(abs(w)))(w); m = 0.9 * m + 0.1 * g; v = 0.999 * v + 0.001 * g * g; let mh = m / (1.0 - power(0.9, t as f32 + 1.0)); let vh = v / (1.0 - power(0.999, t as f32 + 1.0)); w -= 0.05 * mh / (sqrt(vh) + 1e-8); } w }", tol=1e-4, x=V8, y=W8)
def adam(x, y):
    m = v = jnp.zeros(8)
    w = x
    for t in range(5):
        g = jax.grad(lambda w: jnp.sum(jnp.square(w - y)) + 0.1 * jnp.sum(jnp.abs(w)))(w)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.05 * (m / (1 - 0.9 ** (t + 1))) / (jnp.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
    return w


@program("{ let q = matmul(x, w); let s = einsum(\"ik,jk->ij\", q, q) / sqrt(q.shape().1 as f32); let mask = tril(ones((4, 4), dtype = bool)); let p = nn::softmax(where_(mask, s, f32::NEG_INFINITY), axis = -1); let o = matmul(p, q); let mu = mean(o, axis = -1, keepdims = true); let sd = std(o, axis = -1, keepdims = true); (o - mu) / (sd + 1e-5) }", tol=3e-5, x=M43, w=M34)
def attention(x, w):
    q = x @ w
    s = jnp.einsum("ik,jk->ij", q, q) / jnp.sqrt(jnp.float32(q.shape[1]))
    p = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((4, 4), dtype=bool)), s, -jnp.inf), axis=-1)
    o = p @ q
    return (o - o.mean(-1, keepdims=True)) / (o.std(-1, keepdims=True) + 1e-5)


@program("{ let (mut h, mut out) = (zeros((3,)), zeros((4, 3))); for (t, row) in x.iter().enumerate() { let z = nn::sigmoid(matmul(w, h)[0..3] + row); let n = tanh(row * z); h = if sum(h) > 1.0 { 0.5 * h } else { (1.0 - z) * n + z * h }; out[t] = h; if t == 2 { continue; } out[t] *= 2.0; } out }", tol=1e-5, x=M43, w=f(4, 3, salt=2))
def gated(x, w):
    h, rows = jnp.zeros(3), []
    for t, row in enumerate(x):
        z = jax.nn.sigmoid((w @ h)[:3] + row)
        n = jnp.tanh(row * z)
        h = jnp.where(jnp.sum(h) > 1.0, 0.5 * h, (1 - z) * n + z * h)
        rows.append(h if t == 2 else 2 * h)
    return jnp.stack(rows)


@program("{ let (k, p, r) = { let k = random::key(seed[0]); let s = random::split(k, 3); (s[0], random::permutation(s[1], 8), random::randint(s[2], (4,), 0, 8)) }; let noise = random::normal(k, (8,)); let y = (x + 0.1 * noise)[p]; (y, y.at[r].add(1.0), random::bernoulli(random::fold_in(k, 7), 0.25, (5,))) }", tol=1e-5, x=V8, seed=np.array([42], np.uint32))
def keys(x, seed):
    s = jax.random.split(jax.random.key(seed[0]), 3)
    k, p, r = s[0], jax.random.permutation(s[1], 8), jax.random.randint(s[2], (4,), 0, 8)
    y = (x + 0.1 * jax.random.normal(k, (8,)))[p]
    return y, y.at[r].add(1.0), jax.random.bernoulli(jax.random.fold_in(k, 7), 0.25, (5,))


@program("{ let window = 0.5 - 0.5 * cos(2.0 * core::f32::consts::PI * arange(8) as f32 / 8.0); let s = fft::rfft(x * window); let p = square(abs(s)); let (top, at) = lax::top_k(p, 2); (p, top, at as u8, real(fft::irfft(where_(p > 0.25 * max(p), s, 0.0 * s)))) }", tol=3e-5, x=V8)
def spectrum(x):
    s = jnp.fft.rfft(x * (0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(8, dtype=jnp.float32) / 8)))
    p = jnp.square(jnp.abs(s))
    top, at = lax.top_k(p, 2)
    return p, top, at.astype(jnp.uint8), jnp.fft.irfft(jnp.where(p > 0.25 * jnp.max(p), s, 0 * s)).real


@program("{ let mut p = x; let mut q = y; let mut e = [0.0; 3]; let u = |p| sum(square(square(p))) - 0.5 * sum(p * roll(p, 1)); for k in 0..3 { for _ in 0..4 { q -= 0.005 * grad(u)(p); p += 0.01 * q; q -= 0.005 * grad(u)(p); } e[k] = u(p) + 0.5 * sum(q * q); } (p, q, e) }", tol=1e-4, x=f(8, lo=-1, hi=1), y=f(8, lo=-1, hi=1, salt=3))
def leapfrog(x, y):
    p, q, e = x, y, []
    u = lambda p: jnp.sum(jnp.square(jnp.square(p))) - 0.5 * jnp.sum(p * jnp.roll(p, 1))
    for _ in range(3):
        for _ in range(4):
            q = q - 0.005 * jax.grad(u)(p)
            p = p + 0.01 * q
            q = q - 0.005 * jax.grad(u)(p)
        e.append(u(p) + 0.5 * jnp.sum(q * q))
    return p, q, jnp.stack(e)


@program("{ let q = clip(round(x / 0.05), -128.0, 127.0) as i8; let z = matmul(w as i32, q as i32); let acc = (z * 1234 + (1 << 11)) >> 12; let y = clip(acc, -128, 127) as i8; (q, y, (y as f32) * 0.05, q as u8, (q >> 2) ^ (q & 3)) }", x=f(3), w=i(4, 3, dtype=np.int8))
def quantised(x, w):
    q = jnp.clip(jnp.round(x / jnp.float32(0.05)), -128, 127).astype(jnp.int8)
    z = w.astype(jnp.int32) @ q.astype(jnp.int32)
    y = jnp.clip((z * 1234 + (1 << 11)) >> 12, -128, 127).astype(jnp.int8)
    return q, y, y.astype(jnp.float32) * jnp.float32(0.05), q.astype(jnp.uint8), (q >> 2) ^ (q & 3)


@program("{ let a = matmul(x, x.T()) + 2.0 * eye(4); let l = linalg::cholesky(a); let z = scipy::linalg::solve_triangular(l, y, lower = true); let ll = -0.5 * sum(z * z) - sum(log(diag(l))) - 2.0 * log(2.0 * core::f32::consts::PI); (ll, grad(|y| { let z = scipy::linalg::cho_solve((l, true), y); sum(y * z) })(y), linalg::slogdet(a).1) }", tol=1e-4, x=M43, y=f(4))
def gaussian(x, y):
    a = x @ x.T + 2 * jnp.eye(4)
    l = jnp.linalg.cholesky(a)
    z = jax.scipy.linalg.solve_triangular(l, y, lower=True)
    ll = -0.5 * jnp.sum(z * z) - jnp.sum(jnp.log(jnp.diag(l))) - 2 * jnp.log(2 * jnp.pi)
    return ll, jax.grad(lambda y: jnp.sum(y * jax.scipy.linalg.cho_solve((l, True), y)))(y), jnp.linalg.slogdet(a)[1]


@program("{ let mut x = x; let mut n = 0; while linalg::norm(x) > 0.5 { let k = argmax(abs(x)); x = match k { 0 => 0.5 * x, 1..=3 => x.at[k].multiply(0.25), _ => { let mut y = x; y[k] -= 0.75 * y[k]; y } }; n += 1; if n >= 12 { break; } } (x, n) }", tol=1e-5, x=V8)
def shrinking(x):
    n = 0
    while jnp.linalg.norm(x) > 0.5:
        k = int(jnp.argmax(jnp.abs(x)))
        x = 0.5 * x if k == 0 else x.at[k].multiply(0.25)
        n += 1
        if n >= 12:
            break
    return x, jnp.int32(n)


@program("{ let net = |p, x| { let (w, b) = p; tanh(matmul(x, w) + b) }; let loss = |p, x, y| mean(square(net(p, x) - y)); let ((l, g), h) = (value_and_grad(loss)((w, b), x, y), vmap(|x| jacfwd(|b| net((w, b), x))(b))(x)); let per = vmap(grad(loss), in_axes = (None, 0, 0))((w, b), x, y); (l, g.0, g.1, h, per.1) }", tol=3e-5, x=M43, w=f(3, 2), b=f(2), y=f(4, 2))
def per_example(x, w, b, y):
    net = lambda p, x: jnp.tanh(x @ p[0] + p[1])
    loss = lambda p, x, y: jnp.mean(jnp.square(net(p, x) - y))
    l, g = jax.value_and_grad(loss)((w, b), x, y)
    h = jax.vmap(lambda x: jax.jacfwd(lambda b: net((w, b), x))(b))(x)
    return l, g[0], g[1], h, jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))((w, b), x, y)[1]


@program("{ let y = conv(x, w, stride = (2, 2), padding = \"SAME\"); let y = nn::gelu(y); let y = lax::reduce_window(y, f32::NEG_INFINITY, maximum, (1, 1, 2, 2), (1, 1, 1, 1), \"VALID\"); (y, mean(y, axis = (2, 3)), grad(|w| sum(square(conv(x, w, padding = ((1, 0), (0, 1))))))(w)) }", tol=1e-4, x=f(1, 2, 6, 6), w=f(3, 2, 3, 3))
def convolutional(x, w):
    y = jax.nn.gelu(lax.conv_general_dilated(x, w, (2, 2), "SAME"))
    y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 1, 1), "VALID")
    return y, y.mean((2, 3)), jax.grad(lambda w: jnp.sum(jnp.square(lax.conv_general_dilated(x, w, (1, 1), ((1, 0), (0, 1))))))(w)


@program("{ let z = lax::complex(x, y); let mut c = z; let mut n = zeros((8,), dtype = u8); for _ in 0..6 { let inside = abs(c) < 2.0; c = where_(inside, c * c + 0.5 * z, c); n += inside as u8; } (n, abs(c), angle(z), real(conj(z) * z)) }", tol=2e-4, x=f(8, lo=-1, hi=1), y=f(8, lo=-1, hi=1, salt=5))
def julia(x, y):
    z = lax.complex(x, y)
    c, n = z, jnp.zeros(8, dtype=jnp.uint8)
    for _ in range(6):
        inside = jnp.abs(c) < 2
        c = jnp.where(inside, c * c + 0.5 * z, c)
        n = n + inside.astype(jnp.uint8)
    return n, jnp.abs(c), jnp.angle(z), (z.conj() * z).real


@program("{ let order = argsort(x); let ranks = zeros((8,), dtype = i32).at[order].set(arange(8) as i32); let cuts = searchsorted(sort(x), [-1.0, 0.0, 1.0]); let (v, i, n) = (cumsum(x[order]), flip(order), bincount(ranks / 3, length = 3)); (ranks, cuts as i32, v, i as i32, n as i32, where_(x > median(x), 1, 0) as i8) }", tol=1e-5, x=V8)
def orders(x):
    order = jnp.argsort(x)
    ranks = jnp.zeros(8, dtype=jnp.int32).at[order].set(jnp.arange(8, dtype=jnp.int32))
    cuts = jnp.searchsorted(jnp.sort(x), jnp.array([-1.0, 0.0, 1.0]))
    return (ranks, cuts.astype(jnp.int32), jnp.cumsum(x[order]), jnp.flip(order).astype(jnp.int32), jnp.bincount(ranks // 3, length=3).astype(jnp.int32),
            jnp.where(x > jnp.median(x), 1, 0).astype(jnp.int8))


@program("{ let (xs, us) = (x as f16, y as bf16); let a = (xs * 2.0 + 1.0) / 3.0; let b = sum(us * us); (a, b, a as f32 + b as f32, max(xs) as f64, exp(us)) }", tol=2e-3, x=V8, y=W8)
def halves(x, y):
    # XLA divides by three as it multiplies by a third.
    xs, us = x.astype(jnp.float16), y.astype(jnp.bfloat16)
    a, b = (xs * 2 + 1) / 3, jnp.sum(us * us)
    return a, b, a.astype(jnp.float32) + b.astype(jnp.float32), jnp.max(xs).astype(jnp.float64), jnp.exp(us)


@program("{ let step = |s, u| { let (p, c) = s; let (x, f) = (matmul(a, p) + u, c + 1); ((x, f), (sum(x * x), f)) }; let ((p, n), (costs, counts)) = scan(step, (x, 0), us); let total = |us| { let (_, (c, _)) = scan(step, (x, 0), us); sum(c) }; let g = grad(checkpoint(total))(us); (p, n, costs, counts, g, sum(hvp(total)(us, us))) }", tol=1e-4, x=f(3), us=f(4, 3), a=f(3, 3, lo=-0.5, hi=0.5))
def control(x, us, a):
    def step(s, u):
        p, c = s
        x, f = a @ p + u, c + 1
        return (x, f), (jnp.sum(x * x), f)
    (p, n), (costs, counts) = lax.scan(step, (x, jnp.int32(0)), us)
    total = lambda us: jnp.sum(lax.scan(step, (x, jnp.int32(0)), us)[1][0])
    return p, n, costs, counts, jax.grad(total)(us), jnp.sum(jax.jvp(jax.grad(total), (us,), (us,))[1])


@program("{ let fixed = |a| { let f = |x| cos(a * x) - x; let mut x = zeros_like(a); for _ in 0..40 { x -= f(x) / (-a * sin(a * x) - 1.0); } x }; let root = |a| lax::custom_root(|x| cos(a * x) - x, 0.5 * a, |f, x0| { let mut x = x0; for _ in 0..40 { x -= f(x) / jvp(f, (x,), (ones_like(x),)).1; } x }, |g, y| y / g(ones_like(y))); (fixed(x), vmap(root)(x), vmap(grad(root))(x)) }", tol=WIDE_TOL, x=np.array([0.75, 1.0, 1.25]))
def roots(x):
    def fixed(a):
        z = jnp.zeros_like(a)
        for _ in range(40):
            z = z - (jnp.cos(a * z) - z) / (-a * jnp.sin(a * z) - 1)
        return z
    slope = lambda a: (lambda z: -z * jnp.sin(a * z) / (1 + a * jnp.sin(a * z)))(fixed(a))
    return fixed(x), jax.vmap(fixed)(x), jax.vmap(slope)(x)
