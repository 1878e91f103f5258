from jax import lax

group("programs")

# What users of JAX differentiate: a program each, as a function here and as one expression of Kiln's.


def d(*shape, lo=-1.0, hi=1.0, salt=0):
    return f(*shape, lo=lo, hi=hi, dtype=np.float64, salt=salt)


def program(text, tol=1e-10, nest=None, **inputs):
    """`nest` is a pattern for results in tuples of tuples."""

    def add(function):
        SPACE[f"program_{function.__name__}"] = function
        flat = text
        if nest:
            names = re.findall(r"\w+", nest)
            flat = f"{{ let {nest} = {text}; ({', '.join(names)}) }}"
        c(flat, py=f"program_{function.__name__}({', '.join(inputs)})", tol=tol, **inputs)

    return add


# Learning to learn.
@program("grad(|w| { let inner = |w| mean(square(tanh(matmul(x, w)) - y)); let near = w - 0.1 * grad(inner)(w); mean(square(matmul(x, near) * near[0] - y)) })(w)",
         w=d(3), x=d(4, 3), y=d(4))
def maml(w, x, y):
    inner = lambda w: jnp.mean((jnp.tanh(x @ w) - y) ** 2)

    def outer(w):
        near = w - 0.1 * jax.grad(inner)(w)
        return jnp.mean((x @ near * near[0] - y) ** 2)

    return jax.grad(outer)(w)


@program("hessian(|w| { let inner = |w, s| mean(square(sin(matmul(x, w)) - s * y)); let w = fori_loop(0, 3, checkpoint(|i, w| w - 0.2 * grad(inner)(w, 1.0 + 0.1 * (i as f64))), w); inner(w, 2.0) })(w)",
         w=d(3), x=d(4, 3), y=d(4))
def maml_of_many_steps(w, x, y):
    inner = lambda w, s: jnp.mean((jnp.sin(x @ w) - s * y) ** 2)

    def outer(w):
        for i in range(3):
            w = w - 0.2 * jax.grad(inner)(w, 1.0 + 0.1 * i)
        return inner(w, 2.0)

    return jax.hessian(outer)(w)


@program("{ let train = |lr, m| { let mut w = w; let mut v = 0.0 * w; for i in 0..5 { let g = grad(|w| mean(square(matmul(x, tanh(w)) - y)))(w); v = m * v + g; w = w - lr * v; } mean(square(matmul(x, tanh(w)) - y)) }; let (l, g) = value_and_grad(train, argnums = (0, 1))(0.3, 0.9); (l, g.0, g.1, hessian(|t| train(t[0], t[1]))([0.3, 0.9] as f64)) }",
         w=d(3), x=d(4, 3), y=d(4))
def momentum_by_its_rates(w, x, y):
    def train(lr, m):
        loss = lambda w: jnp.mean((x @ jnp.tanh(w) - y) ** 2)
        p, v = w, 0.0 * w
        for _ in range(5):
            v = m * v + jax.grad(loss)(p)
            p = p - lr * v
        return loss(p)

    l, g = jax.value_and_grad(train, argnums=(0, 1))(0.3, 0.9)
    return l, g[0], g[1], jax.hessian(lambda t: train(t[0], t[1]))(jnp.array([0.3, 0.9]))


@program("{ let inner = |w, h| mean(square(matmul(x, w) - y)) + exp(h) * sum(w * w) + 0.1 * sum(w * w * w * w); let best = |h| { let mut w = zeros((3,), dtype = f64); for _ in 0..20 { w = w - linalg::solve(hessian(|w| inner(w, h))(w), grad(|w| inner(w, h))(w)); } w }; let w = best(h); let outer = |w| sum(sin(w)); let v = linalg::solve(hessian(|w| inner(w, h))(w), grad(outer)(w)); (-dot(v, jacfwd(|h| grad(|w| inner(w, h))(w))(h)), grad(|h| outer(best(h)))(h)) }",
         h=np.float64(-1.5), x=d(5, 3), y=d(5), tol=1e-8)
def bilevel(h, x, y):
    inner = lambda w, h: jnp.mean((x @ w - y) ** 2) + jnp.exp(h) * jnp.sum(w * w) + 0.1 * jnp.sum(w**4)

    def best(h):
        w = jnp.zeros(3)
        for _ in range(20):
            w = w - jnp.linalg.solve(jax.hessian(inner)(w, h), jax.grad(inner)(w, h))
        return w

    w = best(h)
    outer = lambda w: jnp.sum(jnp.sin(w))
    v = jnp.linalg.solve(jax.hessian(inner)(w, h), jax.grad(outer)(w))
    return -v @ jax.jacfwd(lambda h: jax.grad(inner)(w, h))(h), jax.grad(lambda h: outer(best(h)))(h)


# Implicit layers.
@program("grad(|t| { let (w, x) = t; let f = |z| z - tanh(matmul(w, z) + x); let z = custom_root(f, 0.0 * x, |f, z| fori_loop(0, 80, |i, z| z - f(z), z), |push, b| linalg::solve(jacfwd(push)(b), b)); sum(z * z * z) })((0.3 * w, x))",
         w=d(3, 3), x=d(3))
def deep_equilibrium(w, x):
    def loss(t):
        w, x = t
        root = lambda z: z - jnp.tanh(w @ z + x)
        z = lax.custom_root(root, 0.0 * x, lambda f, z: lax.fori_loop(0, 80, lambda i, z: z - f(z), z), lambda push, b: jnp.linalg.solve(jax.jacfwd(push)(b), b))
        return jnp.sum(z**3)

    return jax.grad(loss)((0.3 * w, x))


@program("hessian(|x| { let f = |z| z * z * z + x[0] * z - x[1]; let z = custom_root(f, 1.0, |f, z| while_loop(|z| abs(f(z)) > 1e-14, |z| z - f(z) / grad(f)(z), z), |push, b| b / push(1.0)); sin(z) })(x)",
         x=np.array([0.5, 1.25]))
def cubic_root(x):
    def loss(x):
        f = lambda z: z * z * z + x[0] * z - x[1]
        z = 1.0
        for _ in range(12):
            z = z - f(z) / (3 * z * z + x[0])
        return jnp.sin(z)

    return jax.hessian(loss)(x)


@program("{ let solve = |a, b| custom_linear_solve(|v| matmul(a, v), b, |f, b| { let mut s = (0.0 * b, b, b, dot(b, b)); for _ in 0..3 { let ap = f(s.2); let t = s.3 / dot(s.2, ap); let r = s.1 - t * ap; let n = dot(r, r); s = (s.0 + t * s.2, r, r + n / s.3 * s.2, n); } s.0 }, symmetric = true); let loss = |t| { let a = matmul(t.0, t.0.T()) + 2.0 * eye(3, dtype = f64); sum(cos(solve(a, t.1))) }; (grad(loss)((m, b)), hvp(loss)((m, b), (b * m, sin(b)))) }",
         m=d(3, 3), b=d(3), tol=1e-9, nest="((a, b), (c, d))")
def conjugate_gradients_inside(m, b):
    loss = lambda t: jnp.sum(jnp.cos(jnp.linalg.solve(t[0] @ t[0].T + 2.0 * jnp.eye(3), t[1])))
    g = jax.grad(loss)((m, b))
    h = jax.jvp(jax.grad(loss), ((m, b),), ((b * m, jnp.sin(b)),))[1]
    return g[0], g[1], h[0], h[1]


# Differential equations.
RK4 = "|g, y, h| { let a = g(y); let b = g(y + 0.5 * h * a); let c = g(y + 0.5 * h * b); let d = g(y + h * c); y + h / 6.0 * (a + 2.0 * b + 2.0 * c + d) }"


def rk4(g, y, h):
    a = g(y)
    b = g(y + 0.5 * h * a)
    c = g(y + 0.5 * h * b)
    d = g(y + h * c)
    return y + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)


@program("{ let rk4 = " + RK4 + "; grad(|t| { let (w, b, y) = t; let flow = |y| tanh(matmul(w, y) + b); let (y, path) = scan(|y, h| { let y = rk4(flow, y, h); (y, y) }, y, h); sum(y * y) + 0.1 * sum(path[1] * path[2]) })((w, b, y)) }",
         w=d(3, 3), b=d(3), y=d(3, salt=1), h=np.array([0.125, 0.25, 0.25, 0.125]))
def neural_ode(w, b, y, h):
    def loss(t):
        w, b, y = t
        flow = lambda y: jnp.tanh(w @ y + b)
        path = []
        for k in range(4):
            y = rk4(flow, y, h[k])
            path.append(y)
        return jnp.sum(y * y) + 0.1 * jnp.sum(path[1] * path[2])

    return jax.grad(loss)((w, b, y))


@program("{ let f = |w, y| tanh(matmul(w, y)); let n = 6; let y1 = fori_loop(0, n, |i, y| y + 0.1 * f(w, y), y); let back = |s| { let (y, a, g) = s; let before = fori_loop(0, 40, |i, z| y - 0.1 * f(w, z), y); let (gw, gy) = vjp(f, (w, before)).1(a); (before, a + 0.1 * gy, g + 0.1 * gw) }; let (_, a, g) = fori_loop(0, n, |i, s| back(s), (y1, 2.0 * y1, 0.0 * w)); (a, g) }",
         w=d(3, 3), y=d(3), tol=1e-9)
def adjoint_of_euler(w, y):
    def loss(w, y):
        for _ in range(6):
            y = y + 0.1 * jnp.tanh(w @ y)
        return jnp.sum(y * y)

    gw, gy = jax.grad(loss, argnums=(0, 1))(w, y)
    return gy, gw


@program("{ let rk4 = " + RK4 + "; let end = |p| { let lv = |y| stack((y[0] * (p[0] - p[1] * y[1]), y[1] * (p[2] * y[0] - p[3]))); let mut y = [1.0, 0.5] as f64; for _ in 0..8 { y = rk4(lv, y, 0.1); } y }; (jacfwd(end)(p), jacrev(end)(p), jvp(end, (p,), (p,)).1) }",
         p=np.array([1.5, 1.0, 0.75, 1.0]))
def sensitivities_of_lotka_volterra(p):
    def end(p):
        lv = lambda y: jnp.stack((y[0] * (p[0] - p[1] * y[1]), y[1] * (p[2] * y[0] - p[3])))
        y = jnp.array([1.0, 0.5])
        for _ in range(8):
            y = rk4(lv, y, 0.1)
        return y

    return jax.jacfwd(end)(p), jax.jacrev(end)(p), jax.jvp(end, (p,), (p,))[1]


@program("{ let run = |k| while_loop(|s| s.0 < 1.0, |s| { let (t, y, h) = s; let h = minimum(h, 1.0 - t); let a = -k * y * y; let low = y + h * a; let b = -k * low * low; let high = y + 0.5 * h * (a + b); let e = abs(high - low); if e < 1e-3 { (t + h, high, 1.5 * h) } else { (t, y, 0.5 * h) } }, (0.0, 1.0 + 0.0 * k, 0.5)).1; (run(k), jvp(run, (k,), (1.0,)).1) }",
         k=np.float64(1.25))
def adaptive_steps(k):
    def run(k):
        def step(s):
            t, y, h = s
            h = jnp.minimum(h, 1.0 - t)
            a = -k * y * y
            low = y + h * a
            b = -k * low * low
            high = y + 0.5 * h * (a + b)
            return lax.cond(jnp.abs(high - low) < 1e-3, lambda: (t + h, high, 1.5 * h), lambda: (t, y, 0.5 * h))

        return lax.while_loop(lambda s: s[0] < 1.0, step, (jnp.float64(0.0), 1.0 + 0.0 * k, jnp.float64(0.5)))[1]

    return run(k), jax.jvp(run, (k,), (1.0,))[1]


@program("{ let u = |p, x| { let (w, b, v) = p; dot(v, tanh(w * x + b)) }; let residual = |p, x| { let u1 = grad(|x| u(p, x)); let u3 = grad(grad(u1)); u3(x) + 6.0 * u(p, x) * u1(x) }; grad(|p| mean(square(vmap(residual, in_axes = (None, 0))(p, x))))((w, b, v)) }",
         w=d(4), b=d(4, salt=1), v=d(4, salt=2), x=d(5), tol=1e-9)
def physics_informed(w, b, v, x):
    u = lambda p, x: p[2] @ jnp.tanh(p[0] * x + p[1])

    def residual(p, x):
        u1 = jax.grad(lambda x: u(p, x))
        u3 = jax.grad(jax.grad(u1))
        return u3(x) + 6.0 * u(p, x) * u1(x)

    return jax.grad(lambda p: jnp.mean(jax.vmap(residual, in_axes=(None, 0))(p, x) ** 2))((w, b, v))


@program("{ let u = |z| sin(z[0] * z[1]) * exp(-z[2]) + z[0] * z[0] * z[1]; let laplacian = |z| sum(vmap(|e| jvp(|z| jvp(u, (z,), (e,)).1, (z,), (e,)).1)(eye(3, dtype = f64))); (laplacian(z), trace(hessian(u)(z)), grad(laplacian)(z)) }",
         z=d(3))
def laplacian(z):
    u = lambda z: jnp.sin(z[0] * z[1]) * jnp.exp(-z[2]) + z[0] * z[0] * z[1]
    l = lambda z: jnp.trace(jax.hessian(u)(z))
    return l(z), l(z), jax.grad(l)(z)


# Mechanics.
@program("{ let h = |q, p| 0.5 * dot(p, p) + 0.25 * sum(q * q * q * q) + q[0] * q[1]; let run = |q, p, dt| { let mut q = q; let mut p = p; for _ in 0..6 { p = p - 0.5 * dt * grad(h)(q, p); q = q + dt * grad(h, argnums = 1)(q, p); p = p - 0.5 * dt * grad(h)(q, p); } (q, p) }; let s = jacfwd(|z| { let (q, p) = run(z[0..2], z[2..4], 0.2); concatenate((q, p)) })(z); (s, grad(|dt| { let (q, p) = run(z[0..2], z[2..4], dt); h(q, p) })(0.2)) }",
         z=d(4))
def leapfrog(z):
    h = lambda q, p: 0.5 * p @ p + 0.25 * jnp.sum(q**4) + q[0] * q[1]

    def run(z, dt):
        q, p = z[:2], z[2:]
        for _ in range(6):
            p = p - 0.5 * dt * jax.grad(h)(q, p)
            q = q + dt * jax.grad(h, argnums=1)(q, p)
            p = p - 0.5 * dt * jax.grad(h)(q, p)
        return jnp.concatenate((q, p))

    return jax.jacfwd(run)(z, 0.2), jax.grad(lambda dt: h(run(z, dt)[:2], run(z, dt)[2:]))(0.2)


@program("{ let l = |q, v| { let x = sin(q[0]); 0.5 * (2.0 * v[0] * v[0] + v[1] * v[1]) + v[0] * v[1] * cos(q[0] - q[1]) + 9.8 * (2.0 * cos(q[0]) + cos(q[1])) + 0.0 * x }; let acc = |q, v| linalg::solve(hessian(l, argnums = 1)(q, v), grad(l)(q, v) - matmul(jacfwd(grad(l, argnums = 1))(q, v), v)); (acc(q, v), jacrev(acc, argnums = (0, 1))(q, v)) }",
         q=d(2), v=d(2, salt=1), tol=1e-9, nest="(a, (b, c))")
def double_pendulum(q, v):
    l = lambda q, v: 0.5 * (2.0 * v[0] ** 2 + v[1] ** 2) + v[0] * v[1] * jnp.cos(q[0] - q[1]) + 9.8 * (2.0 * jnp.cos(q[0]) + jnp.cos(q[1]))
    acc = lambda q, v: jnp.linalg.solve(jax.hessian(l, argnums=1)(q, v), jax.grad(l)(q, v) - jax.jacfwd(jax.grad(l, argnums=1))(q, v) @ v)
    j = jax.jacrev(acc, argnums=(0, 1))(q, v)
    return acc(q, v), j[0], j[1]


@program("{ let metric = |x| eye(2, dtype = f64) * (1.0 + x[0] * x[0]) + 0.2 * outer(sin(x), sin(x)); let christoffel = |x| { let d = jacfwd(metric)(x); let low = d + d.transpose((0, 2, 1)) - d.transpose((2, 0, 1)); 0.5 * einsum(\"il,ljk->ijk\", linalg::inv(metric(x)), low) }; let exp_map = |x, v| { let mut s = (x, v); for _ in 0..5 { let a = -einsum(\"ijk,j,k->i\", christoffel(s.0), s.1, s.1); s = (s.0 + 0.2 * s.1, s.1 + 0.2 * a); } s.0 }; (exp_map(x, v), jacfwd(exp_map, argnums = 1)(x, v), jacrev(exp_map)(x, v)) }",
         x=d(2), v=d(2, salt=1), tol=1e-9)
def riemannian_exponential(x, v):
    metric = lambda x: jnp.eye(2) * (1.0 + x[0] * x[0]) + 0.2 * jnp.outer(jnp.sin(x), jnp.sin(x))

    def christoffel(x):
        d = jax.jacfwd(metric)(x)
        low = d + d.transpose((0, 2, 1)) - d.transpose((2, 0, 1))
        return 0.5 * jnp.einsum("il,ljk->ijk", jnp.linalg.inv(metric(x)), low)

    def exp_map(x, v):
        for _ in range(5):
            a = -jnp.einsum("ijk,j,k->i", christoffel(x), v, v)
            x, v = x + 0.2 * v, v + 0.2 * a
        return x

    return exp_map(x, v), jax.jacfwd(exp_map, argnums=1)(x, v), jax.jacrev(exp_map)(x, v)


@program("{ let energy = |x| { let d = x[(.., None, ..)] - x[(None, .., ..)]; let r2 = sum(d * d, axis = -1) + eye(4, dtype = f64); let s = 1.0 / (r2 * r2 * r2); let e = where_(r2 < 2.5, s * s - s, 0.0); 0.5 * sum(where_(eye(4, dtype = f64) > 0.0, 0.0, e)) }; let h = hessian(energy)(x).reshape((8, 8)); (energy(x), -grad(energy)(x), linalg::eigvalsh(h)) }",
         x=np.array([[0.0, 0.0], [1.125, 0.0625], [0.0, 1.25], [1.0, 1.125]]), tol=1e-8)
def lennard_jones(x):
    def energy(x):
        d = x[:, None, :] - x[None, :, :]
        r2 = jnp.sum(d * d, axis=-1) + jnp.eye(4)
        s = 1.0 / (r2 * r2 * r2)
        e = jnp.where(r2 < 2.5, s * s - s, 0.0)
        return 0.5 * jnp.sum(jnp.where(jnp.eye(4) > 0.0, 0.0, e))

    return energy(x), -jax.grad(energy)(x), jnp.linalg.eigvalsh(jax.hessian(energy)(x).reshape((8, 8)))


@program("{ let e = |x| { let d = x[(.., None)] - x[(None, ..)]; let far = abs(d) > 1e-9; let r = where_(far, abs(d), 1.0); sum(where_(far, erfc(r) / r, 0.0)) + sum(exp(-square(x))) }; (grad(e)(x), hvp(e)(x, sin(x))) }",
         x=d(4))
def ewald(x):
    def e(x):
        d = x[:, None] - x[None, :]
        far = jnp.abs(d) > 1e-9
        r = jnp.where(far, jnp.abs(d), 1.0)
        return jnp.sum(jnp.where(far, jax.scipy.special.erfc(r) / r, 0.0)) + jnp.sum(jnp.exp(-(x**2)))

    return jax.grad(e)(x), jax.jvp(jax.grad(e), (x,), (jnp.sin(x),))[1]


# Densities.
@program("{ let flow = |p, x| { let (u, w, b) = p; x + u * tanh(dot(w, x) + b) }; let log_density = |p, x| { let z = flow(p, flow(p, x)); -0.5 * dot(z, z) + linalg::slogdet(jacfwd(|x| flow(p, flow(p, x)))(x)).1 }; (log_density((u, w, 0.3), x), grad(log_density, argnums = (0, 1))((u, w, 0.3), x)) }",
         u=d(3), w=d(3, salt=1), x=d(3, salt=2), tol=1e-9, nest="(a, ((b, c, d), e))")
def planar_flow(u, w, x):
    flow = lambda p, x: x + p[0] * jnp.tanh(p[1] @ x + p[2])

    def log_density(p, x):
        z = flow(p, flow(p, x))
        return -0.5 * z @ z + jnp.linalg.slogdet(jax.jacfwd(lambda x: flow(p, flow(p, x)))(x))[1]

    g = jax.grad(log_density, argnums=(0, 1))((u, w, 0.3), x)
    return log_density((u, w, 0.3), x), g[0][0], g[0][1], g[0][2], g[1]


@program("{ let nlp = |w| sum(nn::softplus(-y * matmul(x, w))) + 0.5 * dot(w, w); let mut m = zeros((3,), dtype = f64); for _ in 0..12 { m = m - linalg::solve(hessian(nlp)(m), grad(nlp)(m)); } let l = linalg::cholesky(hessian(nlp)(m)); (m, -nlp(m) - sum(log(diagonal(l)))) }",
         x=d(6, 3), y=np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0]), tol=1e-9)
def laplace_approximation(x, y):
    nlp = lambda w: jnp.sum(jax.nn.softplus(-y * (x @ w))) + 0.5 * w @ w
    m = jnp.zeros(3)
    for _ in range(12):
        m = m - jnp.linalg.solve(jax.hessian(nlp)(m), jax.grad(nlp)(m))
    l = jnp.linalg.cholesky(jax.hessian(nlp)(m))
    return m, -nlp(m) - jnp.sum(jnp.log(jnp.diagonal(l)))


@program("{ let nll = |h| { let k = exp(h[0]) * exp(-0.5 * square((x[(.., None)] - x[(None, ..)]) / exp(h[1]))) + exp(h[2]) * eye(5, dtype = f64); let l = linalg::cholesky(k); let a = scipy::linalg::cho_solve((l, true), y); 0.5 * dot(y, a) + sum(log(diagonal(l))) }; (nll(h), grad(nll)(h), hessian(nll)(h)) }",
         h=np.array([0.25, -0.5, -1.5]), x=d(5), y=d(5, salt=1), tol=1e-8)
def gaussian_process(h, x, y):
    def nll(h):
        k = jnp.exp(h[0]) * jnp.exp(-0.5 * ((x[:, None] - x[None, :]) / jnp.exp(h[1])) ** 2) + jnp.exp(h[2]) * jnp.eye(5)
        l = jnp.linalg.cholesky(k)
        return 0.5 * y @ jax.scipy.linalg.cho_solve((l, True), y) + jnp.sum(jnp.log(jnp.diagonal(l)))

    return nll(h), jax.grad(nll)(h), jax.hessian(nll)(h)


@program("{ let score = |p, x| matmul(p.1, tanh(matmul(p.0, x))); let loss = |p| mean(vmap(|x| { let s = score(p, x); let t = sum(vmap(|e| dot(e, jvp(|x| score(p, x), (x,), (e,)).1))(eye(3, dtype = f64))); t + 0.5 * dot(s, s) })(x)); grad(loss)((w, v)) }",
         w=d(4, 3), v=d(3, 4), x=d(5, 3))
def score_matching(w, v, x):
    score = lambda p, x: p[1] @ jnp.tanh(p[0] @ x)
    one = lambda p, x: jnp.trace(jax.jacfwd(lambda x: score(p, x))(x)) + 0.5 * score(p, x) @ score(p, x)
    return jax.grad(lambda p: jnp.mean(jax.vmap(lambda x: one(p, x))(x)))((w, v))


@program("{ let k = |a, b| exp(-0.5 * sum(square(a - b))); let s = |a| -a + 0.3 * sin(a); let u = |a, b| dot(s(a), s(b)) * k(a, b) + dot(s(a), grad(k, argnums = 1)(a, b)) + dot(s(b), grad(k)(a, b)) + trace(jacfwd(grad(k), argnums = 1)(a, b)); let ksd = |x| mean(vmap(vmap(u, in_axes = (None, 0)), in_axes = (0, None))(x, x)); (ksd(x), grad(ksd)(x)) }",
         x=d(4, 2))
def stein_discrepancy(x):
    k = lambda a, b: jnp.exp(-0.5 * jnp.sum((a - b) ** 2))
    s = lambda a: -a + 0.3 * jnp.sin(a)
    u = lambda a, b: s(a) @ s(b) * k(a, b) + s(a) @ jax.grad(k, 1)(a, b) + s(b) @ jax.grad(k)(a, b) + jnp.trace(jax.jacfwd(jax.grad(k), 1)(a, b))
    ksd = lambda x: jnp.mean(jax.vmap(jax.vmap(u, (None, 0)), (0, None))(x, x))
    return ksd(x), jax.grad(ksd)(x)


@program("{ let key = random::key(5); let f = |x| tanh(matmul(w, x)) * x; let v = random::rademacher(key, (8, 3), dtype = f64); let t = |x| mean(vmap(|v| dot(v, jvp(f, (x,), (v,)).1))(v)); (t(x), grad(t)(x)) }",
         w=d(3, 3), x=d(3))
def hutchinson(w, x):
    fn = lambda x: jnp.tanh(w @ x) * x
    # In double precision JAX draws other coins.
    v = 2.0 * jax.random.bernoulli(jax.random.key(5), jnp.float32(0.5), (8, 3)) - 1.0
    t = lambda x: jnp.mean(jax.vmap(lambda v: v @ jax.jvp(fn, (x,), (v,))[1])(v))
    return t(x), jax.grad(t)(x)


@program("{ let lp = |t, x| -0.5 * square((x - t[0]) / exp(t[1])) - t[1]; let scores = vmap(grad(lp), in_axes = (None, 0))(t, x); let fisher = matmul(scores.T(), scores) / 6.0; (fisher, -mean(vmap(hessian(lp), in_axes = (None, 0))(t, x), axis = 0), linalg::solve(fisher + 0.1 * eye(2, dtype = f64), mean(scores, axis = 0))) }",
         t=d(2), x=d(6))
def fisher_information(t, x):
    lp = lambda t, x: -0.5 * ((x - t[0]) / jnp.exp(t[1])) ** 2 - t[1]
    s = jax.vmap(jax.grad(lp), (None, 0))(t, x)
    fisher = s.T @ s / 6.0
    return fisher, -jnp.mean(jax.vmap(jax.hessian(lp), (None, 0))(t, x), axis=0), jnp.linalg.solve(fisher + 0.1 * jnp.eye(2), jnp.mean(s, axis=0))


@program("{ let (z, w) = (random::normal(random::key(9), (4, 2), dtype = f32) as f64, (m, s)); let elbo = |p| { let z = p.0 + exp(p.1) * z; let kl = 0.5 * sum(exp(2.0 * p.1) + p.0 * p.0 - 1.0 - 2.0 * p.1); mean(vmap(|z| -sum(square(x - tanh(matmul(a, z)))))(z)) - kl }; (elbo(w), grad(elbo)(w)) }",
         m=d(2), s=d(2, salt=1), x=d(3), a=d(3, 2), nest="(a, (b, c))", tol=1e-6)
def variational(m, s, x, a):
    z0 = jax.random.normal(jax.random.key(9), (4, 2), dtype=jnp.float32).astype(jnp.float64)

    def elbo(p):
        z = p[0] + jnp.exp(p[1]) * z0
        kl = 0.5 * jnp.sum(jnp.exp(2.0 * p[1]) + p[0] ** 2 - 1.0 - 2.0 * p[1])
        return jnp.mean(jax.vmap(lambda z: -jnp.sum((x - jnp.tanh(a @ z)) ** 2))(z)) - kl

    g = jax.grad(elbo)((m, s))
    return elbo((m, s)), g[0], g[1]


@program("hessian(|a| lgamma(sum(a)) - sum(lgamma(a)) + sum((a - 1.0) * log(x)))(a)", a=d(3, lo=0.5, hi=3.0), x=np.array([0.25, 0.25, 0.5]))
def dirichlet(a, x):
    g = jax.scipy.special.gammaln
    return jax.hessian(lambda a: g(jnp.sum(a)) - jnp.sum(g(a)) + jnp.sum((a - 1.0) * jnp.log(x)))(a)


@program("{ let lp = |p| { let l = nn::log_softmax(p.0); let z = (x[(.., None)] - p.1) / exp(p.2); sum(logsumexp(l - 0.5 * z * z - p.2, axis = 1)) }; (grad(lp)((a, m, s)), hvp(lp)((a, m, s), (m, s, a))) }",
         a=d(3), m=d(3, salt=1), s=d(3, salt=2), x=d(5), nest="((a, b, c), (d, e, f))")
def mixture(a, m, s, x):
    def lp(p):
        z = (x[:, None] - p[1]) / jnp.exp(p[2])
        return jnp.sum(jax.scipy.special.logsumexp(jax.nn.log_softmax(p[0]) - 0.5 * z * z - p[2], axis=1))

    return *jax.grad(lp)((a, m, s)), *jax.jvp(jax.grad(lp), ((a, m, s),), ((m, s, a),))[1]


# Second-order methods.
@program("{ let f = |w| tanh(matmul(x, w)) * w[0]; let r = f(w) - y; let gn = |v| vjp(f, (w,)).1(jvp(f, (w,), (v,)).1).0; let g = vmap(gn)(eye(3, dtype = f64)); (g, linalg::solve(g + 0.1 * eye(3, dtype = f64), vjp(f, (w,)).1(r).0), { let (_, push) = linearize(f, w); linear_transpose(push, w)(push(w)).0 }) }",
         w=d(3), x=d(4, 3), y=d(4))
def gauss_newton(w, x, y):
    fn = lambda w: jnp.tanh(x @ w) * w[0]
    j = jax.jacfwd(fn)(w)
    return j.T @ j, jnp.linalg.solve(j.T @ j + 0.1 * jnp.eye(3), j.T @ (fn(w) - y)), j.T @ (j @ w)


@program("{ let loss = |w, x, y| nn::softplus(-y * dot(w, x)) + 0.1 * dot(w, w); let total = |w| mean(vmap(loss, in_axes = (None, 0, 0))(w, x, y)); let b = grad(loss)(w, x[0], y[0]); let cg = fori_loop(0, 3, |i, s| { let (v, r, p) = s; let hp = hvp(total)(w, p); let a = dot(r, r) / dot(p, hp); let next = r - a * hp; (v + a * p, next, next + dot(next, next) / dot(r, r) * p) }, (0.0 * b, b, b)).0; vmap(|x, y| -dot(grad(loss)(w, x, y), cg))(x, y) }",
         w=d(3), x=d(5, 3), y=np.array([1.0, -1.0, 1.0, 1.0, -1.0]), tol=1e-8)
def influence(w, x, y):
    loss = lambda w, x, y: jax.nn.softplus(-y * (w @ x)) + 0.1 * w @ w
    total = lambda w: jnp.mean(jax.vmap(loss, (None, 0, 0))(w, x, y))
    v = jnp.linalg.solve(jax.hessian(total)(w), jax.grad(loss)(w, x[0], y[0]))
    return jax.vmap(lambda x, y: -jax.grad(loss)(w, x, y) @ v)(x, y)


@program("{ let loss = |p, x, y| square(dot(p.0, tanh(matmul(p.1, x))) - y); let clipped = |p, x, y| { let (a, b) = grad(loss)(p, x, y); let n = sqrt(sum(a * a) + sum(b * b)); let s = minimum(1.0, 0.5 / n); (s * a, s * b) }; let (a, b) = vmap(clipped, in_axes = (None, 0, 0))((v, w), x, y); (mean(a, axis = 0), mean(b, axis = 0)) }",
         v=d(3), w=d(3, 2), x=d(6, 2), y=d(6))
def private_gradients(v, w, x, y):
    loss = lambda p, x, y: (p[0] @ jnp.tanh(p[1] @ x) - y) ** 2

    def clipped(p, x, y):
        a, b = jax.grad(loss)(p, x, y)
        s = jnp.minimum(1.0, 0.5 / jnp.sqrt(jnp.sum(a * a) + jnp.sum(b * b)))
        return s * a, s * b

    a, b = jax.vmap(clipped, (None, 0, 0))((v, w), x, y)
    return jnp.mean(a, axis=0), jnp.mean(b, axis=0)


@program("{ let loss = |w, x| mean(square(tanh(matmul(x, w)) - 0.5)); jacrev(|x| { let mut w = w; for _ in 0..3 { w = w - linalg::solve(hessian(loss)(w, x) + eye(2, dtype = f64), grad(loss)(w, x)); } w })(x) }", w=d(2), x=d(3, 2), tol=1e-9)
def newton_by_its_data(w, x):
    loss = lambda w, x: jnp.mean((jnp.tanh(x @ w) - 0.5) ** 2)

    def fit(x):
        p = w
        for _ in range(3):
            p = p - jnp.linalg.solve(jax.hessian(loss)(p, x) + jnp.eye(2), jax.grad(loss)(p, x))
        return p

    return jax.jacrev(fit)(x)


@program("{ let fit = |l| linalg::solve(matmul(x.T(), x) + exp(l) * eye(3, dtype = f64), matmul(x.T(), y)); let gcv = |l| sum(square(matmul(x, fit(l)) - y)) / square(5.0 - trace(linalg::solve(matmul(x.T(), x) + exp(l) * eye(3, dtype = f64), matmul(x.T(), x)))); (jacfwd(fit)(l), grad(gcv)(l), grad(grad(gcv))(l)) }",
         l=np.float64(-0.75), x=d(5, 3), y=d(5), tol=1e-9)
def ridge(l, x, y):
    fit = lambda l: jnp.linalg.solve(x.T @ x + jnp.exp(l) * jnp.eye(3), x.T @ y)
    gcv = lambda l: jnp.sum((x @ fit(l) - y) ** 2) / (5.0 - jnp.trace(jnp.linalg.solve(x.T @ x + jnp.exp(l) * jnp.eye(3), x.T @ x))) ** 2
    return jax.jacfwd(fit)(l), jax.grad(gcv)(l), jax.grad(jax.grad(gcv))(l)


@program("{ let f = |w| 0.5 * dot(w, tanh(w)) * w[1]; let inverse = |b| { let mut v = b; let mut s = b; for _ in 0..30 { v = v - hvp(f)(w, v) - 0.0 * v; s = s + v; } s }; inverse(b) }", w=0.25 * d(3), b=d(3), tol=1e-9)
def neumann(w, b):
    fn = lambda w: 0.5 * w @ jnp.tanh(w) * w[1]
    h = jax.hessian(fn)(w)
    v = s = b
    for _ in range(30):
        v = v - h @ v
        s = s + v
    return s


# Filters and control.
@program("{ let nll = |q| { let f = |s| stack((s[0] + 0.1 * s[1], s[1] - 0.1 * sin(s[0]))); let h = |s| s[0] * s[0] + 0.5 * s[1]; let step = |c, z| { let (m, p) = c; let a = jacfwd(f)(m); let m = f(m); let p = matmul(matmul(a, p), a.T()) + exp(q) * eye(2, dtype = f64); let g = grad(h)(m); let s = dot(g, matmul(p, g)) + 0.1; let k = matmul(p, g) / s; let e = z - h(m); ((m + k * e, p - outer(k, matmul(g, p))), 0.5 * (e * e / s + log(s))) }; sum(scan(step, ([0.5, 0.1] as f64, eye(2, dtype = f64)), z).1) }; (nll(q), grad(nll)(q), grad(grad(nll))(q)) }",
         q=np.float64(-2.0), z=d(6), tol=1e-9)
def extended_kalman(q, z):
    def nll(q):
        fn = lambda s: jnp.stack((s[0] + 0.1 * s[1], s[1] - 0.1 * jnp.sin(s[0])))
        h = lambda s: s[0] * s[0] + 0.5 * s[1]

        def step(c, z):
            m, p = c
            a = jax.jacfwd(fn)(m)
            m = fn(m)
            p = a @ p @ a.T + jnp.exp(q) * jnp.eye(2)
            g = jax.grad(h)(m)
            s = g @ p @ g + 0.1
            k = p @ g / s
            e = z - h(m)
            return (m + k * e, p - jnp.outer(k, g @ p)), 0.5 * (e * e / s + jnp.log(s))

        return jnp.sum(lax.scan(step, (jnp.array([0.5, 0.1]), jnp.eye(2)), z)[1])

    return nll(q), jax.grad(nll)(q), jax.grad(jax.grad(nll))(q)


@program("{ let f = |s| stack((s[0] + 0.2 * cos(s[1]), s[1] + 0.1 * s[0] * s[0])); let step = |m, p| { let l = linalg::cholesky(2.0 * p); let points = concatenate((m + l.T(), m - l.T())); let y = vmap(f)(points); let m = mean(y, axis = 0); let e = y - m; (m, matmul(e.T(), e) / 4.0 + 0.1 * eye(2, dtype = f64)) }; let run = |m| { let mut s = (m, eye(2, dtype = f64)); for _ in 0..4 { s = step(s.0, s.1); } s.0 + sum(s.1) }; (run(m), jacrev(run)(m)) }",
         m=d(2), tol=1e-9)
def unscented_kalman(m):
    fn = lambda s: jnp.stack((s[0] + 0.2 * jnp.cos(s[1]), s[1] + 0.1 * s[0] * s[0]))

    def run(m):
        p = jnp.eye(2)
        for _ in range(4):
            l = jnp.linalg.cholesky(2.0 * p)
            y = jax.vmap(fn)(jnp.concatenate((m + l.T, m - l.T)))
            m = jnp.mean(y, axis=0)
            p = (y - m).T @ (y - m) / 4.0 + 0.1 * jnp.eye(2)
        return m + jnp.sum(p)

    return run(m), jax.jacrev(run)(m)


@program("{ let f = |x, u| x + 0.1 * stack((x[1], sin(x[0]) + u[0])); let cost = |x, u| sum(x * x) + 0.1 * sum(u * u) + 0.01 * x[0] * x[0] * u[0]; let roll = |us| scan(|x, u| (f(x, u), x), x, us); let (end, xs) = roll(us); let back = |c, t| { let (vx, vxx) = c; let (x, u) = t; let (fx, fu) = jacfwd(f, argnums = (0, 1))(x, u); let (lx, lu) = grad(cost, argnums = (0, 1))(x, u); let ((lxx, lxu), (lux, luu)) = hessian(cost, argnums = (0, 1))(x, u); let qx = lx + matmul(fx.T(), vx); let qu = lu + matmul(fu.T(), vx); let qxx = lxx + matmul(matmul(fx.T(), vxx), fx); let quu = luu + matmul(matmul(fu.T(), vxx), fu); let qux = lux + matmul(matmul(fu.T(), vxx), fx) + 0.0 * lxu.T(); let k = -linalg::solve(quu, qu); let kk = -linalg::solve(quu, qux); ((qx + matmul(kk.T(), qu), qxx + matmul(kk.T(), qux)), (k, kk)) }; scan(back, (2.0 * end, 2.0 * eye(2, dtype = f64)), (xs, us), reverse = true).1 }",
         x=d(2), us=d(4, 1), tol=1e-9)
def ilqr(x, us):
    fn = lambda x, u: x + 0.1 * jnp.stack((x[1], jnp.sin(x[0]) + u[0]))
    cost = lambda x, u: jnp.sum(x * x) + 0.1 * jnp.sum(u * u) + 0.01 * x[0] * x[0] * u[0]
    end, xs = lax.scan(lambda x, u: (fn(x, u), x), x, us)

    def back(c, t):
        vx, vxx = c
        x, u = t
        fx, fu = jax.jacfwd(fn, (0, 1))(x, u)
        lx, lu = jax.grad(cost, (0, 1))(x, u)
        (lxx, lxu), (lux, luu) = jax.hessian(cost, (0, 1))(x, u)
        qx, qu = lx + fx.T @ vx, lu + fu.T @ vx
        qxx, quu, qux = lxx + fx.T @ vxx @ fx, luu + fu.T @ vxx @ fu, lux + fu.T @ vxx @ fx
        k, kk = -jnp.linalg.solve(quu, qu), -jnp.linalg.solve(quu, qux)
        return (qx + kk.T @ qu, qxx + kk.T @ qux), (k, kk)

    return lax.scan(back, (2.0 * end, 2.0 * jnp.eye(2)), (xs, us), reverse=True)[1]


@program("{ let plan = |x0| { let cost = |us| { let (x, c) = scan(|x, u| { let x = x + 0.2 * stack((x[1], u - sin(x[0]))); (x, dot(x, x) + 0.1 * u * u) }, x0, us); sum(c) + dot(x, x) }; let mut us = zeros((5,), dtype = f64); for _ in 0..4 { us = clip(us - 0.3 * grad(cost)(us), -0.5, 0.5); } us[0] }; (plan(x), grad(plan)(x)) }", x=d(2))
def model_predictive(x):
    def plan(x0):
        def cost(us):
            def step(x, u):
                x = x + 0.2 * jnp.stack((x[1], u - jnp.sin(x[0])))
                return x, x @ x + 0.1 * u * u

            x, c = lax.scan(step, x0, us)
            return jnp.sum(c) + x @ x

        us = jnp.zeros(5)
        for _ in range(4):
            us = jnp.clip(us - 0.3 * jax.grad(cost)(us), -0.5, 0.5)
        return us[0]

    return plan(x), jax.grad(plan)(x)


@program("{ let run = |key, t| { let x = t[0] + random::normal(key, (5,), dtype = f32) as f64; let step = |c, o| { let (x, l) = c; let x = t[1] * x + 0.3 * sin(x); let w = -0.5 * square(o - x); let l = l + logsumexp(w); let p = cumsum(nn::softmax(w)); let at = searchsorted(p, (arange(5) as f64 + 0.5) / 5.0); ((x[clip(at, 0, 4)], l), mean(x)) }; let ((_, l), m) = scan(step, (x, 0.0), o); l + sum(m) }; grad(|t| run(random::key(3), t))(t) }",
         t=d(2), o=d(4))
def particle_filter(t, o):
    def run(t):
        x = t[0] + jax.random.normal(jax.random.key(3), (5,), dtype=jnp.float32).astype(jnp.float64)

        def step(c, o):
            x, l = c
            x = t[1] * x + 0.3 * jnp.sin(x)
            w = -0.5 * (o - x) ** 2
            l = l + jax.scipy.special.logsumexp(w)
            at = jnp.searchsorted(jnp.cumsum(jax.nn.softmax(w)), (jnp.arange(5) + 0.5) / 5.0)
            return (x[jnp.clip(at, 0, 4)], l), jnp.mean(x)

        (_, l), m = lax.scan(step, (x, jnp.float64(0.0)), o)
        return l + jnp.sum(m)

    return jax.grad(run)(t)


# Sequences and alignments.
@program("{ let loss = |c| { let mut u = zeros((4,), dtype = f64); let mut v = zeros((3,), dtype = f64); for _ in 0..10 { u = -logsumexp(-c / 0.3 + v, axis = 1); v = -logsumexp(-c / 0.3 + u[(.., None)], axis = 0); } sum(exp(-c / 0.3 + u[(.., None)] + v) * c) }; (loss(c), grad(loss)(c), hvp(loss)(c, sin(c))) }", c=d(4, 3, lo=0.0), tol=1e-9)
def sinkhorn(c):
    lse = jax.scipy.special.logsumexp

    def loss(c):
        u, v = jnp.zeros(4), jnp.zeros(3)
        for _ in range(10):
            u = -lse(-c / 0.3 + v, axis=1)
            v = -lse(-c / 0.3 + u[:, None], axis=0)
        return jnp.sum(jnp.exp(-c / 0.3 + u[:, None] + v) * c)

    return loss(c), jax.grad(loss)(c), jax.jvp(jax.grad(loss), (c,), (jnp.sin(c),))[1]


@program("{ let dtw = |x| { let mut r = full((5, 5), 1e6, dtype = f64); r[(0, 0)] = 0.0; for i in 0..4 { for j in 0..4 { let near = stack((r[(i, j)], r[(i, j + 1)], r[(i + 1, j)])); r[(i + 1, j + 1)] = square(x[i] - y[j]) - 0.5 * logsumexp(-near / 0.5); } } r[(4, 4)] }; (dtw(x), grad(dtw)(x), hessian(dtw)(x)) }", x=d(4), y=d(4, salt=1), tol=1e-9)
def soft_dtw(x, y):
    def dtw(x):
        r = {(i, j): jnp.float64(1e6) for i in range(5) for j in range(5)}
        r[0, 0] = jnp.float64(0.0)
        for i in range(4):
            for j in range(4):
                near = jnp.stack((r[i, j], r[i, j + 1], r[i + 1, j]))
                r[i + 1, j + 1] = (x[i] - y[j]) ** 2 - 0.5 * jax.scipy.special.logsumexp(-near / 0.5)
        return r[4, 4]

    return dtw(x), jax.grad(dtw)(x), jax.hessian(dtw)(x)


@program("{ let log_z = |t, e| logsumexp(scan(|a, e| { let a = logsumexp(a[(.., None)] + t, axis = 0) + e; (a, 0.0) }, e[0], e[1..5]).0); let (marginals, pairs) = grad(log_z, argnums = (1, 0))(t, e); (marginals, pairs, jacfwd(grad(log_z))(t, e)) }", t=d(3, 3), e=d(5, 3))
def conditional_random_field(t, e):
    lse = jax.scipy.special.logsumexp

    def log_z(t, e):
        a = e[0]
        for k in range(1, 5):
            a = lse(a[:, None] + t, axis=0) + e[k]
        return lse(a)

    return jax.grad(log_z, 1)(t, e), jax.grad(log_z)(t, e), jax.jacfwd(jax.grad(log_z))(t, e)


@program("{ let ll = |t, b| { let (t, b) = (nn::softmax(t, axis = 1), nn::softmax(b, axis = 1)); let step = |a, o| { let a = matmul(a, t) * b[(.., o)]; let s = sum(a); (a / s, log(s)) }; sum(scan(step, full((3,), 1.0 / 3.0, dtype = f64), o).1) }; (ll(t, b), grad(ll, argnums = (0, 1))(t, b)) }",
         t=d(3, 3), b=d(3, 4), o=np.array([0, 2, 1, 3, 3, 0], dtype=np.int32), nest="(a, (b, c))")
def hidden_markov(t, b, o):
    def ll(t, b):
        t, b = jax.nn.softmax(t, axis=1), jax.nn.softmax(b, axis=1)

        def step(a, o):
            a = a @ t * b[:, o]
            return a / jnp.sum(a), jnp.log(jnp.sum(a))

        return jnp.sum(lax.scan(step, jnp.full((3,), 1.0 / 3.0), o)[1])

    return ll(t, b), *jax.grad(ll, (0, 1))(t, b)


@program("{ let viterbi = |t, e| { let (best, from) = scan(|a, e| { let s = a[(.., None)] + t; (max(s, axis = 0) + e, argmax(s, axis = 0)) }, e[0], e[1..5]); (max(best), from) }; let ((v, from), g) = value_and_grad(viterbi, has_aux = true)(t, e); (v, from as i32, g) }", t=d(3, 3), e=d(5, 3))
def viterbi(t, e):
    def best(t, e):
        a, back = e[0], []
        for k in range(1, 5):
            s = a[:, None] + t
            a = jnp.max(s, axis=0) + e[k]
            back.append(jnp.argmax(s, axis=0))
        return jnp.max(a), jnp.stack(back)

    (v, back), g = jax.value_and_grad(best, has_aux=True)(t, e)
    return v, back.astype(jnp.int32), g


@program("{ let labels = [0, 1, 0, 2, 0] as i32; let loss = |z| { let l = nn::log_softmax(z, axis = 1); let may_skip = [false, false, false, true, false]; let mut a = full((5,), -1e30, dtype = f64); a[0] = l[(0, 0)]; a[1] = l[(0, 1)]; for t in 1..6 { let one = concatenate(([-1e30] as f64, a[0..4])); let two = where_(may_skip, concatenate(([-1e30, -1e30] as f64, a[0..3])), -1e30); a = logsumexp(stack((a, one, two)), axis = 0) + l[t][labels]; } -logaddexp(a[3], a[4]) }; (loss(z), grad(loss)(z)) }", z=d(6, 3))
def ctc(z):
    labels = jnp.array([0, 1, 0, 2, 0])
    may_skip = jnp.array([False, False, False, True, False])

    def loss(z):
        l = jax.nn.log_softmax(z, axis=1)
        a = jnp.full((5,), -1e30).at[0].set(l[0, 0]).at[1].set(l[0, 1])
        for t in range(1, 6):
            one = jnp.concatenate((jnp.array([-1e30]), a[:4]))
            two = jnp.where(may_skip, jnp.concatenate((jnp.array([-1e30, -1e30]), a[:3])), -1e30)
            a = jax.scipy.special.logsumexp(jnp.stack((a, one, two)), axis=0) + l[t][labels]
        return -jnp.logaddexp(a[3], a[4])

    return loss(z), jax.grad(loss)(z)


@program("{ let loss = |p| { let cell = |h, x| { let g = matmul(p.0, concatenate((x, h.0))) + p.1; let (i, f, o, c) = (nn::sigmoid(g[0..2]), nn::sigmoid(g[2..4]), nn::sigmoid(g[4..6]), tanh(g[6..8])); let c = f * h.1 + i * c; let next = (o * tanh(c), c); let live = sum(x) > -0.5; (tree_map(|a, b| where_(live, a, b), next, h), next.0) }; let ((h, _), ys) = scan(checkpoint(cell), ([0.1, 0.2] as f64, [0.0, 0.0] as f64), x); sum(h * h) + sum(ys) }; (grad(loss)((w, b)), hvp(loss)((w, b), (sin(w), cos(b)))) }",
         w=d(8, 4), b=d(8), x=d(5, 2), nest="((a, b), (c, d))")
def masked_lstm(w, b, x):
    def loss(p):
        def cell(h, x):
            g = p[0] @ jnp.concatenate((x, h[0])) + p[1]
            i, fo, o, c = jax.nn.sigmoid(g[0:2]), jax.nn.sigmoid(g[2:4]), jax.nn.sigmoid(g[4:6]), jnp.tanh(g[6:8])
            c = fo * h[1] + i * c
            new = (o * jnp.tanh(c), c)
            live = jnp.sum(x) > -0.5
            return jax.tree.map(lambda a, b: jnp.where(live, a, b), new, h), new[0]

        (h, _), ys = lax.scan(jax.checkpoint(cell), (jnp.array([0.1, 0.2]), jnp.array([0.0, 0.0])), x)
        return jnp.sum(h * h) + jnp.sum(ys)

    h = jax.jvp(jax.grad(loss), ((w, b),), ((jnp.sin(w), jnp.cos(b)),))[1]
    return *jax.grad(loss)((w, b)), *h


@program("{ let loss = |a, u| { let combine = |l, r| (l.0 * r.0, l.1 * r.0 + r.1); let z = lax::complex(0.9 * cos(a), 0.9 * sin(a)); let (_, h) = associative_scan(combine, (broadcast_to(z, (5, 3)), lax::complex(u, 0.0 * u))); sum(real(h) * imag(h)) + sum(abs(h[4])) }; (loss(a, u), grad(loss, argnums = (0, 1))(a, u)) }", a=d(3), u=d(5, 3), nest="(a, (b, c))")
def diagonal_state_space(a, u):
    def loss(a, u):
        z = lax.complex(0.9 * jnp.cos(a), 0.9 * jnp.sin(a))
        h, hs = jnp.zeros(3, dtype=jnp.complex128), []
        for k in range(5):
            h = z * h + u[k]
            hs.append(h)
        hs = jnp.stack(hs)
        return jnp.sum(hs.real * hs.imag) + jnp.sum(jnp.abs(hs[4]))

    return loss(a, u), *jax.grad(loss, (0, 1))(a, u)


# Attention and networks.
@program("{ let attend = |p| { let (q, k, v) = (matmul(x, p.0), matmul(x, p.1), matmul(x, p.2)); let s = matmul(q, k.T()) / sqrt(2.0); let s = where_(tri(4, dtype = bool), s, f64::NEG_INFINITY); sum(square(matmul(nn::softmax(s, axis = 1), v))) }; (grad(attend)((a, b, c)), hvp(attend)((a, b, c), (b, c, a))) }", x=d(4, 3), a=d(3, 2), b=d(3, 2, salt=1), c=d(3, 2, salt=2), nest="((a, b, c), (d, e, f))")
def masked_attention(x, a, b, c):
    def attend(p):
        q, k, v = x @ p[0], x @ p[1], x @ p[2]
        s = jnp.where(jnp.tri(4, dtype=bool), q @ k.T / jnp.sqrt(2.0), -jnp.inf)
        return jnp.sum((jax.nn.softmax(s, axis=1) @ v) ** 2)

    return *jax.grad(attend)((a, b, c)), *jax.jvp(jax.grad(attend), ((a, b, c),), ((b, c, a),))[1]


@program("{ let rope = |x| { let t = arange(4) as f64; let w = t[(.., None)] * [1.0, 0.1] as f64; let (a, b) = (x[(.., 0..2)], x[(.., 2..4)]); concatenate((a * cos(w) - b * sin(w), a * sin(w) + b * cos(w)), axis = 1) }; let f = |q, k| { let s = einsum(\"hid,hjd->hij\", vmap(rope)(q), vmap(rope)(k)); sum(nn::softmax(s, axis = -1) * sin(s)) }; grad(f, argnums = (0, 1))(q, k) }", q=d(2, 4, 4), k=d(2, 4, 4, salt=1))
def rotary(q, k):
    def rope(x):
        w = jnp.arange(4.0)[:, None] * jnp.array([1.0, 0.1])
        a, b = x[:, :2], x[:, 2:]
        return jnp.concatenate((a * jnp.cos(w) - b * jnp.sin(w), a * jnp.sin(w) + b * jnp.cos(w)), axis=1)

    def fn(q, k):
        s = jnp.einsum("hid,hjd->hij", jax.vmap(rope)(q), jax.vmap(rope)(k))
        return jnp.sum(jax.nn.softmax(s, axis=-1) * jnp.sin(s))

    return jax.grad(fn, (0, 1))(q, k)


@program("{ let norm = |x| (x - pmean(x, \"b\")) / sqrt(pmean(square(x - pmean(x, \"b\")), \"b\") + 0.01); let f = |x| sum(vmap(|x| norm(sin(x)) * x, axis_name = \"b\")(x) * x[0]); (grad(f)(x), hvp(f)(x, cos(x))) }", x=d(4, 3))
def batch_norm(x):
    def fn(v):
        y = jnp.sin(v)
        m = jnp.mean(y, axis=0)
        return jnp.sum((y - m) / jnp.sqrt(jnp.mean((y - m) ** 2, axis=0) + 0.01) * v * v[0])

    return jax.grad(fn)(x), jax.jvp(jax.grad(fn), (x,), (jnp.cos(x),))[1]


@program("{ let net = |p| { let y = conv(x, p.0, padding = \"SAME\", feature_group_count = 2); let y = nn::gelu(y, approximate = false); let y = lax::reduce_window(y, f64::NEG_INFINITY, maximum, (1, 1, 2, 2), (1, 1, 2, 2), \"VALID\"); let y = conv(y, p.1, rhs_dilation = (1, 2), padding = ((0, 0), (1, 1))); sum(square(y)) }; (grad(net)((a, b)), hvp(net)((a, b), (cos(a), sin(b)))) }", x=d(1, 2, 4, 6), a=d(4, 1, 3, 3), b=d(2, 4, 2, 2), tol=1e-9, nest="((a, b), (c, d))")
def grouped_and_dilated(x, a, b):
    def net(p):
        y = lax.conv_general_dilated(x, p[0], (1, 1), "SAME", feature_group_count=2)
        y = jax.nn.gelu(y, approximate=False)
        y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        y = lax.conv_general_dilated(y, p[1], (1, 1), ((0, 0), (1, 1)), rhs_dilation=(1, 2))
        return jnp.sum(y**2)

    return *jax.grad(net)((a, b)), *jax.jvp(jax.grad(net), ((a, b),), ((jnp.cos(a), jnp.sin(b)),))[1]


@program("{ let f = |x, w| sum(sin(lax::conv_general_dilated(x, w, (2, 1), ((1, 0), (0, 1)), lhs_dilation = (2, 1), batch_group_count = 2))); (grad(f, argnums = (0, 1))(x, w), jacfwd(grad(f))(x, w)) }", x=d(2, 1, 3, 3), w=d(2, 1, 2, 2), nest="((a, b), c)")
def transposed_in_batch_groups(x, w):
    fn = lambda x, w: jnp.sum(jnp.sin(lax.conv_general_dilated(x, w, (2, 1), ((1, 0), (0, 1)), lhs_dilation=(2, 1), batch_group_count=2)))
    return *jax.grad(fn, (0, 1))(x, w), jax.jacfwd(jax.grad(fn))(x, w)


@program("{ let loss = |t| { let h = t.0[ids] * t.1; let m = ops::segment_sum(h, seg, 3); let best = full((3, 2), -10.0, dtype = f64).at[seg].max(tanh(h)); sum(square(m) * best) }; (grad(loss)((e, s)), hvp(loss)((e, s), (sin(e), cos(s)))) }",
         e=d(4, 2), s=d(2), ids=np.array([0, 3, 1, 3, 2], dtype=np.int32), seg=np.array([0, 1, 1, 2, 0], dtype=np.int32), nest="((a, b), (c, d))")
def graph_network(e, s, ids, seg):
    def loss(t):
        h = t[0][ids] * t[1]
        m = jax.ops.segment_sum(h, seg, 3)
        best = jnp.full((3, 2), -10.0).at[seg].max(jnp.tanh(h))
        return jnp.sum(m**2 * best)

    return *jax.grad(loss)((e, s)), *jax.jvp(jax.grad(loss), ((e, s),), ((jnp.sin(e), jnp.cos(s)),))[1]


@program("{ let f = |z| { let hard = nn::one_hot(argmax(z), 4, dtype = f64); let soft = nn::softmax(z); dot(stop_gradient(hard - soft) + soft, w) * round(z[0]) + sum(z + stop_gradient(round(z) - z)) }; (f(z), grad(f)(z)) }", z=d(4, lo=-3.0, hi=3.0), w=d(4))
def straight_through(z, w):
    def fn(z):
        hard, soft = jax.nn.one_hot(jnp.argmax(z), 4), jax.nn.softmax(z)
        return (lax.stop_gradient(hard - soft) + soft) @ w * jnp.round(z[0]) + jnp.sum(z + lax.stop_gradient(jnp.round(z) - z))

    return fn(z), jax.grad(fn)(z)


@program("{ let key = random::key(11); let g = random::gumbel(key, (6, 3), dtype = f32) as f64; let f = |l| { let y = nn::softmax((l + g) / 0.7, axis = 1); mean(square(matmul(y, [1.0, 2.0, -1.0] as f64))) }; (f(l), grad(f)(l), hessian(f)(l)) }", l=d(3), tol=1e-6)
def gumbel_softmax(l):
    g = jax.random.gumbel(jax.random.key(11), (6, 3), dtype=jnp.float32).astype(jnp.float64)
    fn = lambda l: jnp.mean((jax.nn.softmax((l + g) / 0.7, axis=1) @ jnp.array([1.0, 2.0, -1.0])) ** 2)
    return fn(l), jax.grad(fn)(l), jax.hessian(fn)(l)


@program("{ let f = |l| { let p = nn::log_softmax(l, axis = 1); let a = take_along_axis(p, y[(.., None)], axis = 1)[(.., 0)]; -mean(0.9 * a + 0.1 * mean(p, axis = 1)) }; (f(l), grad(f)(l)) }", l=d(4, 3), y=np.array([0, 2, 1, 2], dtype=np.uint8))
def label_smoothing(l, y):
    def fn(l):
        p = jax.nn.log_softmax(l, axis=1)
        return -jnp.mean(0.9 * jnp.take_along_axis(p, y[:, None].astype(jnp.int32), axis=1)[:, 0] + 0.1 * jnp.mean(p, axis=1))

    return fn(l), jax.grad(fn)(l)


# Reinforcement learning.
@program("{ let loss = |v| { let delta = r + 0.9 * v[1..6] - v[0..5]; let (_, a) = associative_scan(|l, r| (l.0 * r.0, l.1 * r.0 + r.1), (full((5,), 0.81, dtype = f64), delta), reverse = true); let ratio = exp(a * 0.3 - 0.1); mean(minimum(ratio * a, clip(ratio, 0.8, 1.2) * a)) + mean(square(a)) }; (loss(v), grad(loss)(v)) }", v=d(6), r=d(5))
def generalized_advantages(v, r):
    def loss(v):
        delta = r + 0.9 * v[1:] - v[:-1]
        a, out = jnp.float64(0.0), []
        for k in reversed(range(5)):
            a = delta[k] + 0.81 * a
            out.append(a)
        a = jnp.stack(out[::-1])
        ratio = jnp.exp(a * 0.3 - 0.1)
        return jnp.mean(jnp.minimum(ratio * a, jnp.clip(ratio, 0.8, 1.2) * a)) + jnp.mean(a**2)

    return loss(v), jax.grad(loss)(v)


@program("{ let key = random::key(2); let loss = |w| { let run = |k| { let l = matmul(w, x); let a = random::categorical(k, stop_gradient(l).astype(f32)); let lp = nn::log_softmax(l)[a]; lp * stop_gradient(x[a] + 1.0) }; mean(vmap(run)(random::split(key, 8))) }; grad(loss)(w) }", w=d(3, 3), x=d(3))
def policy_gradient(w, x):
    def loss(w):
        def run(k):
            l = w @ x
            a = jax.random.categorical(k, lax.stop_gradient(l).astype(jnp.float32))
            return jax.nn.log_softmax(l)[a] * lax.stop_gradient(x[a] + 1.0)

        return jnp.mean(jax.vmap(run)(jax.random.split(jax.random.key(2), 8)))

    return jax.grad(loss)(w)


# Linear algebra.
@program("{ let f = |a| sum(sin(scipy::linalg::expm(0.5 * a))); (f(a), grad(f)(a), hvp(f)(a, cos(a))) }", a=d(3, 3), tol=1e-9)
def matrix_exponential(a):
    fn = lambda a: jnp.sum(jnp.sin(jax.scipy.linalg.expm(0.5 * a)))
    return fn(a), jax.grad(fn)(a), jax.jvp(jax.grad(fn), (a,), (jnp.cos(a),))[1]


@program("{ let root = |a| { let (w, v) = linalg::eigh(matmul(a, a.T()) + diag([1.0, 2.0, 4.0] as f64)); matmul(v * sqrt(w), v.T()) }; (root(a), grad(|a| sum(cos(root(a))))(a), jacfwd(|a| linalg::eigh(a + a.T() + diag([1.0, 3.0, 6.0] as f64)).0)(a)) }", a=d(3, 3), tol=1e-8)
def square_root_of_a_matrix(a):
    def root(a):
        w, v = jnp.linalg.eigh(a @ a.T + jnp.diag(jnp.array([1.0, 2.0, 4.0])))
        return (v * jnp.sqrt(w)) @ v.T

    return root(a), jax.grad(lambda a: jnp.sum(jnp.cos(root(a))))(a), jax.jacfwd(lambda a: jnp.linalg.eigh(a + a.T + jnp.diag(jnp.array([1.0, 3.0, 6.0])))[0])(a)


@program("{ let s = |a| linalg::svd(a, compute_uv = false); (grad(|a| sum(s(a)))(a), hessian(|t| s(a * t)[0] + sum(square(s(a + t))))(0.75 as f64), grad(|a| linalg::norm(a, ord = \"nuc\"))(a)) }", a=d(4, 3), tol=1e-8)
def singular_values(a):
    s = lambda a: jnp.linalg.svd(a, compute_uv=False)
    return jax.grad(lambda a: jnp.sum(s(a)))(a), jax.hessian(lambda t: s(a * t)[0] + jnp.sum(s(a + t) ** 2))(0.75), jax.grad(lambda a: jnp.linalg.norm(a, ord="nuc"))(a)


for n in (2, 3, 4, 5):
    @program(f"{{ let a = a + 2.0 * eye({n}, dtype = f64); (linalg::det(a), grad(linalg::det)(a), hvp(linalg::det)(a, sin(a)), linalg::slogdet(a).1, grad(|a| linalg::slogdet(a).1)(a), jacfwd(grad(|a| linalg::slogdet(-a).1))(a)) }}", a=d(n, n), tol=1e-9)
    def determinant(a):
        a = a + 2.0 * jnp.eye(a.shape[0])
        det, log_det = jnp.linalg.det, lambda a: jnp.linalg.slogdet(a)[1]
        return det(a), jax.grad(det)(a), jax.jvp(jax.grad(det), (a,), (jnp.sin(a),))[1], log_det(a), jax.grad(log_det)(a), jax.jacfwd(jax.grad(lambda a: log_det(-a)))(a)


@program("grad(linalg::det)(a)", a=np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], [0.5, -1.0, 0.25, 2.0], [1.0, 0.0, 1.0, -1.0]]))
def determinant_of_a_singular_matrix(a):
    # JAX factors the matrix and has NaN or noise here for more than three rows; the cofactors are what is meant.
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(np.asarray(a), i, 0), j, 1))
    return jnp.array([[(-1) ** (i + j) * minor(i, j) for j in range(4)] for i in range(4)])


@program("{ let f = |a| { let (q, r) = linalg::qr(a); sum(sin(q) * q) + sum(r * r * r) }; let fit = |a| linalg::lstsq(a, b).0; (grad(f)(a), jacfwd(fit)(a), grad(|a| sum(cos(linalg::pinv(a))))(a)) }", a=d(4, 3), b=d(4), tol=1e-8)
def orthogonal_factors(a, b):
    def fn(a):
        q, r = jnp.linalg.qr(a)
        return jnp.sum(jnp.sin(q) * q) + jnp.sum(r**3)

    fit = lambda a: jnp.linalg.solve(a.T @ a, a.T @ b)
    return jax.grad(fn)(a), jax.jacfwd(fit)(a), jax.grad(lambda a: jnp.sum(jnp.cos(jnp.linalg.pinv(a))))(a)


@program("{ let f = |a| { let (p, l, u) = scipy::linalg::lu(a); sum(sin(l) * u) + sum(p) }; let g = |a| { let (lu, piv) = scipy::linalg::lu_factor(a); sum(scipy::linalg::lu_solve((lu, piv), b)) }; (grad(f)(a), grad(g)(a), hvp(g)(a, cos(a))) }", a=d(3, 3) + 2.0 * np.eye(3)[::-1], b=d(3), tol=1e-9)
def lu_factors(a, b):
    def fn(a):
        p, l, u = jax.scipy.linalg.lu(a)
        return jnp.sum(jnp.sin(l) * u) + jnp.sum(p)

    gn = lambda a: jnp.sum(jnp.linalg.solve(a, b))
    return jax.grad(fn)(a), jax.grad(gn)(a), jax.jvp(jax.grad(gn), (a,), (jnp.cos(a),))[1]


@program("{ let f = |a| { let v = fori_loop(0, 60, |i, v| { let w = matmul(a, v); w / linalg::norm(w) }, [1.0, 0.5, 0.25] as f64); dot(v, matmul(a, v)) }; let s = matmul(a, a.T()) + diag([1.0, 2.0, 7.0] as f64); (grad(f)(s), grad(|s| linalg::eigvalsh(s)[2])(s)) }", a=d(3, 3), tol=1e-7)
def power_iteration(a):
    s = a @ a.T + jnp.diag(jnp.array([1.0, 2.0, 7.0]))
    v = jnp.linalg.eigh(s)[1][:, 2]
    return jnp.outer(v, v), jnp.outer(v, v)


# Complex numbers.
@program("{ let f = |z| sum(abs(exp(z) * z)) + real(sum(z * conj(z) * z)); (grad(f)(z), grad(f)(conj(z))) }", z=(d(3) + 1j * d(3, salt=1)))
def of_complex_numbers(z):
    fn = lambda z: jnp.sum(jnp.abs(jnp.exp(z) * z)) + jnp.sum(z * jnp.conj(z) * z).real
    return jax.grad(fn)(z), jax.grad(fn)(jnp.conj(z))


@program("{ let rx = |t| { let (c, s) = (lax::complex(cos(0.5 * t), 0.0 * t), lax::complex(0.0 * t, -sin(0.5 * t))); stack((stack((c, s)), stack((s, c)))) }; let cnot = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]] as c128; let expectation = |t| { let mut s = [1.0, 0.0, 0.0, 0.0] as c128; for k in 0..3 { s = matmul(cnot, matmul(kron(rx(t[k][0]), rx(t[k][1])), s)); } sum([1.0, -1.0, -1.0, 1.0] as f64 * real(s * conj(s))) }; (expectation(t), grad(expectation)(t), hessian(expectation)(t)) }", t=d(3, 2, lo=0.0, hi=3.0))
def quantum_circuit(t):
    def rx(t):
        co, s = jnp.cos(0.5 * t) + 0j, -1j * jnp.sin(0.5 * t)
        return jnp.stack((jnp.stack((co, s)), jnp.stack((s, co))))

    cnot = jnp.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=jnp.complex128)

    def expectation(t):
        s = jnp.array([1.0, 0, 0, 0], dtype=jnp.complex128)
        for k in range(3):
            s = cnot @ (jnp.kron(rx(t[k, 0]), rx(t[k, 1])) @ s)
        return jnp.sum(jnp.array([1.0, -1.0, -1.0, 1.0]) * (s * jnp.conj(s)).real)

    return expectation(t), jax.grad(expectation)(t), jax.hessian(expectation)(t)


@program("{ let f = |x, h| { let y = fft::irfft(fft::rfft(x, n = 16) * fft::rfft(h, n = 16), n = 16)[0..8]; let p = square(abs(fft::rfft(y))); sum(log1p(p)) + p[1] }; (f(x, h), grad(f, argnums = (0, 1))(x, h)) }", x=d(8), h=d(4), nest="(a, (b, c))")
def spectrum(x, h):
    def fn(x, h):
        y = jnp.fft.irfft(jnp.fft.rfft(x, n=16) * jnp.fft.rfft(h, n=16), n=16)[:8]
        p = jnp.abs(jnp.fft.rfft(y)) ** 2
        return jnp.sum(jnp.log1p(p)) + p[1]

    return fn(x, h), *jax.grad(fn, (0, 1))(x, h)


@program("{ let f = |z| (cumsum(z), cumprod(z), prod(z)); let (a, b, c) = jvp(f, (z,), (w,)).1; (a, b, c, grad(|z| real(sum(cumprod(z) * w) * prod(z)))(z)) }", z=d(4) + 1j * d(4, salt=1), w=d(4, salt=2) + 1j * d(4, salt=3))
def running_products_of_complex_numbers(z, w):
    fn = lambda z: (jnp.cumsum(z), jnp.cumprod(z), jnp.prod(z))
    return *jax.jvp(fn, (z,), (w,))[1], jax.grad(lambda z: (jnp.sum(jnp.cumprod(z) * w) * jnp.prod(z)).real)(z)


# Order, ranks, survival.
@program("{ let f = |b| { let r = matmul(x, b); let at = argsort(-t); let r = r[at]; sum(e[at] * (r - lax::cumlogsumexp(r))) }; (f(b), grad(f)(b), hessian(f)(b)) }", b=d(2), x=d(6, 2), t=d(6, lo=0.0, hi=4.0), e=np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]))
def partial_likelihood(b, x, t, e):
    def fn(b):
        at = jnp.argsort(-t)
        r = (x @ b)[at]
        return jnp.sum(e[at] * (r - lax.cumlogsumexp(r)))

    return fn(b), jax.grad(fn)(b), jax.hessian(fn)(b)


@program("{ let w1 = |x| mean(abs(sort(x) - sort(y))); let q = |x| quantile(x, 0.3) * median(x) + percentile(x, 80.0); (grad(w1)(x), grad(q)(x), jacfwd(|x| lax::top_k(x * x, 3).0)(x)) }", x=d(6), y=d(6, salt=1))
def order_statistics(x, y):
    w1 = lambda x: jnp.mean(jnp.abs(jnp.sort(x) - jnp.sort(y)))
    q = lambda x: jnp.quantile(x, 0.3) * jnp.median(x) + jnp.percentile(x, 80.0)
    return jax.grad(w1)(x), jax.grad(q)(x), jax.jacfwd(lambda x: lax.top_k(x * x, 3)[0])(x)


@program("{ let f = |t| sum(interp(t, xp, fp) * t) + interp(t[0], xp, sin(fp)); (grad(f)(t), jacrev(|fp| interp(t, xp, fp))(fp)) }", t=d(4), xp=np.array([-1.0, -0.25, 0.5, 1.0]), fp=d(4, salt=1))
def interpolation(t, xp, fp):
    fn = lambda t: jnp.sum(jnp.interp(t, xp, fp) * t) + jnp.interp(t[0], xp, jnp.sin(fp))
    return jax.grad(fn)(t), jax.jacrev(lambda fp: jnp.interp(t, xp, fp))(fp)


@program("{ let hinge = |z| { let d = sum(square(z[(.., None, ..)] - z[(None, .., ..)]), axis = -1); let near = argmin(d + 10.0 * eye(4, dtype = f64), axis = 1); let far = argmax(d, axis = 1); sum(relu(take_along_axis(d, near, axis = 1) - take_along_axis(d, far, axis = 1) + 3.0)) }; (hinge(z), grad(hinge)(z)) }", z=d(4, 2))
def triplets(z):
    def hinge(z):
        dd = jnp.sum((z[:, None, :] - z[None, :, :]) ** 2, axis=-1)
        near, far = jnp.argmin(dd + 10.0 * jnp.eye(4), axis=1), jnp.argmax(dd, axis=1)
        take = lambda i: jnp.take_along_axis(dd, i[:, None], axis=1)[:, 0]
        return jnp.sum(jax.nn.relu(take(near) - take(far) + 3.0))

    return hinge(z), jax.grad(hinge)(z)


@program("{ let prox = |v, l| sign(v) * maximum(abs(v) - l, 0.0); let lasso = |l| { let mut w = zeros((3,), dtype = f64); let mut u = w; let mut z = w; for _ in 0..12 { w = linalg::solve(matmul(x.T(), x) + eye(3, dtype = f64), matmul(x.T(), y) + z - u); z = prox(w + u, l); u = u + w - z; } sum(square(matmul(x, z) - y)) }; (lasso(l), grad(lasso)(l)) }", l=np.float64(0.125), x=d(5, 3), y=d(5), tol=1e-9)
def admm(l, x, y):
    def lasso(l):
        w = u = z = jnp.zeros(3)
        for _ in range(12):
            w = jnp.linalg.solve(x.T @ x + jnp.eye(3), x.T @ y + z - u)
            z = jnp.sign(w + u) * jnp.maximum(jnp.abs(w + u) - l, 0.0)
            u = u + w - z
        return jnp.sum((x @ z - y) ** 2)

    return lasso(l), jax.grad(lasso)(l)


@program("{ let sdf = |p, c| linalg::norm(p - c) - 0.5; let trace = |c| { let dir = [0.0, 0.0, 1.0] as f64; let t = while_loop(|t| sdf(t * dir, c) > 1e-6, |t| t + sdf(t * dir, c), 0.0 * c[0]); let t = stop_gradient(t); let p = t * dir; let n = grad(sdf)(p, c); let hit = t - sdf(p, c) / dot(stop_gradient(n), dir); dot(n, [0.6, 0.0, -0.8] as f64) + hit }; (trace(c), grad(trace)(c)) }", c=np.array([0.125, 0.0625, 2.0]), tol=1e-9)
def sphere_tracing(c):
    sdf = lambda p, c: jnp.linalg.norm(p - c) - 0.5
    ray = jnp.array([0.0, 0.0, 1.0])

    def trace(c):
        t = jnp.float64(0.0)
        t = lax.stop_gradient(lax.while_loop(lambda t: sdf(t * ray, c) > 1e-6, lambda t: t + sdf(t * ray, c), t))
        n = jax.grad(sdf)(t * ray, c)
        hit = t - sdf(t * ray, c) / (lax.stop_gradient(n) @ ray)
        return n @ jnp.array([0.6, 0.0, -0.8]) + hit

    return trace(c), jax.grad(trace)(c)


@program("{ let f = |x| { let mut y = x; let mut n = 0; #[bound(20)] while sum(y * y) > 0.5 { y = 0.8 * sin(y) + 0.05 * cumsum(x * y); n += 1; } sum(y * y * y) + (n as f64) * y[0] }; (f(x), grad(f)(x), jacfwd(grad(f))(x), vmap(grad(f))(outer([1.0, 0.7, 0.4] as f64, x))) }", x=np.array([1.0, 0.75, -0.875]), tol=1e-9)
def bounded_while(x):
    def fn(x):
        y, n = x, 0
        for _ in range(20):
            go = jnp.sum(y * y) > 0.5
            y = jnp.where(go, 0.8 * jnp.sin(y) + 0.05 * jnp.cumsum(x * y), y)
            n = n + go
        return jnp.sum(y**3) + n * y[0]

    return fn(x), jax.grad(fn)(x), jax.jacfwd(jax.grad(fn))(x), jax.vmap(jax.grad(fn))(jnp.outer(jnp.array([1.0, 0.7, 0.4]), x))


@program("{ let f = |x| matmul(w, tanh(matmul(w, x))); let (y, t) = jet(f, (x,), ((v, 0.0 * v, 0.0 * v),)); (y, t.0, t.1, t.2) }", w=d(3, 3), x=d(3), v=d(3, salt=1))
def taylor_mode(w, x, v):
    along = lambda t: w @ jnp.tanh(w @ (x + t * v))
    d1 = jax.jacfwd(along)
    d2 = jax.jacfwd(d1)
    return along(0.0), d1(0.0), d2(0.0), jax.jacfwd(d2)(0.0)


@program("{ let f = |t, b| { let k = t as i32; let n = if b { k + 1 } else { k - 1 }; (sin(t) * (n as f64), n, b & (t > 0.0)) }; let ((y, n, b), (dy, dn, db)) = jvp(f, (x, true), (1.0, false)); let (_, back) = vjp(|t| f(t, false).0 * 2.0, (x,)); (y, n, b, dy, back(1.0).0) }", x=np.float64(1.25))
def integers_and_bools(x):
    def fn(t, b):
        k = t.astype(jnp.int32)
        n = k + 1 if b else k - 1
        return jnp.sin(t) * n.astype(jnp.float64), n, b & (t > 0.0)

    y, n, b = fn(x, True)
    return y, n, b, jnp.cos(x) * n, 2.0 * jnp.cos(x) * fn(x, False)[1]


@program("{ let p = (w, (k, 0.5 * w[0])); let loss = |p, q| { let (w, (k, s)) = p; sum(w[k] * s) * q.0 }; let g = grad(|w, s| loss((w, (k, s)), (2.0, k)), argnums = (0, 1))(p.0, p.1.1); (g, vmap(|w, t| loss((w, t), (1.0, t.0)), in_axes = (0, (None, 0)))(stack((w, 2.0 * w)), (k, [1.0, 3.0] as f64))) }", w=d(4), k=np.array([0, 2, 2], dtype=np.int32), nest="((a, b), c)")
def integer_leaves(w, k):
    loss = lambda w, s, q: jnp.sum(w[k] * s) * q
    g = jax.grad(lambda w, s: loss(w, s, 2.0), (0, 1))(w, 0.5 * w[0])
    return *g, jnp.stack((loss(w, 1.0, 1.0), loss(2.0 * w, 3.0, 1.0)))


@program("{ let e = |x| -sum(vmap(|i| vmap(|j| cond(i < j, |x| log(sum(square(x[i] - x[j])) + 0.1), |x| 0.0 * x[0][0], x))(arange(4)))(arange(4))); (e(x), grad(e)(x), hvp(e)(x, sin(x))) }", x=d(4, 2))
def branches_under_two_maps(x):
    def e(x):
        return -sum(jnp.log(jnp.sum((x[i] - x[j]) ** 2) + 0.1) for i in range(4) for j in range(i + 1, 4))

    return e(x), jax.grad(e)(x), jax.jvp(jax.grad(e), (x,), (jnp.sin(x),))[1]


@program("{ let f = |x| { let s = vmap(|x| { let t = psum(x, \"i\"); let m = pmax(x, \"i\"); let i = axis_index(\"i\"); let g = all_gather(x, \"i\"); let shifted = lax::ppermute(x, \"i\", ((0, 1), (1, 2), (2, 0))); t * m + g[(i + 1) % 3] * shifted - pmin(sin(x), \"i\") }, axis_name = \"i\")(x); sum(s * s) }; (f(x), grad(f)(x), hvp(f)(x, cos(x))) }", x=d(3, 2))
def collectives(x):
    def fn(x):
        t, m = jnp.sum(x, axis=0), jnp.max(x, axis=0)
        s = t * m + jnp.roll(x, -1, axis=0) * jnp.roll(x, 1, axis=0) - jnp.min(jnp.sin(x), axis=0)
        return jnp.sum(s * s)

    return fn(x), jax.grad(fn)(x), jax.jvp(jax.grad(fn), (x,), (jnp.cos(x),))[1]


@program("{ let f = |x| { let mut y = x; y = y.at[[0, 2, 2]].multiply(x[[1, 1, 0]]); y = y.at[[1, 3]].min(sin(x[[0, 2]])); y = y.at[3].set(y[0] * 2.0); y = y.at[[5, 1]].add(x[[0, 1]]); y }; (f(x), jacfwd(f)(x), jacrev(f)(x)) }", x=d(4))
def scatters_of_all_kinds(x):
    def fn(x):
        # JAX has no gradient of `multiply` where places repeat.
        y = jnp.stack((x[0] * x[1], x[1], x[2] * x[1] * x[0], x[3]))
        y = y.at[jnp.array([1, 3])].min(jnp.sin(x[jnp.array([0, 2])]))
        y = y.at[3].set(y[0] * 2.0)
        return y.at[jnp.array([5, 1])].add(x[jnp.array([0, 1])])

    return fn(x), jax.jacfwd(fn)(x), jax.jacfwd(fn)(x)


@program("{ let f = |x| { let w = sliding_window_view_like(x); sum(w) }; f(x) }".replace("sliding_window_view_like(x)", "lax::reduce_window(x * x, 0.0, add, (3,), (1,), ((1, 1),), base_dilation = (2,), window_dilation = (2,)) * lax::cummax(lax::reduce_window(sin(x), 2.0, minimum, (3,), (1,), ((1, 1),), base_dilation = (2,), window_dilation = (2,)))").replace("f(x) }", "(f(x), grad(f)(x), hvp(f)(x, cos(x))) }"), x=d(5))
def dilated_windows(x):
    def fn(x):
        # JAX has no gradient of a window with gaps.
        spread = lambda x, empty: jnp.full((11,), empty).at[1:10:2].set(x)
        windows = lambda x: jnp.stack((x[0:7], x[2:9], x[4:11]))
        a = jnp.sum(windows(spread(x * x, 0.0)), axis=0)
        b = jnp.min(windows(spread(jnp.sin(x), 2.0)), axis=0)
        return jnp.sum(a * lax.cummax(b))

    return fn(x), jax.grad(fn)(x), jax.jvp(jax.grad(fn), (x,), (jnp.cos(x),))[1]


@program("{ let f = |x| sum(nn::silu(x) * nn::gelu(x) + nn::elu(x) * nn::softplus(x) - nn::mish(x) + nn::selu(x) + nn::log_sigmoid(x) * nn::celu(x)); (grad(f)(x), grad(|x| sum(grad(f)(x)))(x), jacfwd(hessian(f))(x)[0]) }", x=d(3), tol=1e-9)
def activations(x):
    n = jax.nn
    fn = lambda x: jnp.sum(n.silu(x) * n.gelu(x) + n.elu(x) * n.softplus(x) - n.mish(x) + n.selu(x) + n.log_sigmoid(x) * n.celu(x))
    return jax.grad(fn)(x), jax.grad(lambda x: jnp.sum(jax.grad(fn)(x)))(x), jax.jacfwd(jax.hessian(fn))(x)[0]


@program("{ let loss = |t| { let y = x * t[0] + t[1]; let r = y - o; let huber = where_(abs(r) < 0.3, 0.5 * r * r, 0.3 * (abs(r) - 0.15)); let pinball = maximum(0.7 * r, -0.3 * r); mean(huber + pinball) }; (grad(loss)(t), hessian(loss)(t)) }", t=d(2), x=d(6), o=d(6, salt=1))
def robust_losses(t, x, o):
    def loss(t):
        r = x * t[0] + t[1] - o
        return jnp.mean(jnp.where(jnp.abs(r) < 0.3, 0.5 * r * r, 0.3 * (jnp.abs(r) - 0.15)) + jnp.maximum(0.7 * r, -0.3 * r))

    return jax.grad(loss)(t), jax.hessian(loss)(t)


@program("{ let step = |p, x, y| { let loss = |p| mean(square(matmul(tanh(matmul(x, p.0)), p.1) - y)); let (l, g) = value_and_grad(loss)(p); (tree_map(|p, g| p - 0.1 * g, p, g), l) }; scan(|p, t| step(p, t.0, t.1), (w, v), (x, y)) }",
         w=d(2, 4).astype(np.float32), v=d(4).astype(np.float32), x=d(3, 5, 2).astype(np.float32), y=d(3, 5).astype(np.float32), tol=1e-5, nest="((a, b), c)")
def training_in_single_precision(w, v, x, y):
    p, ls = (w, v), []
    for k in range(3):
        loss = lambda p: jnp.mean((jnp.tanh(x[k] @ p[0]) @ p[1] - y[k]) ** 2)
        l, g = jax.value_and_grad(loss)(p)
        p = tuple(a - 0.1 * b for a, b in zip(p, g))
        ls.append(l)
    return *p, jnp.stack(ls)
