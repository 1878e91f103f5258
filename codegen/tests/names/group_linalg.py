group("linalg")
SPACE.update(linalg=jnp.linalg, la=jax.scipy.linalg, scipy=jax.scipy)
M3 = np.array([[4.0, 1.0, 0.5], [1.0, 5.0, 0.25], [0.5, 0.25, 6.0]], np.float32)
S3 = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, 1.5], [1.0, -2.0, 0.75]], np.float32)
S4 = np.array([[0.5, -1.0, 2.0, 0.25], [3.0, 0.5, -1.5, 1.0], [-0.5, 2.0, 1.0, -2.0], [1.0, 0.25, -1.0, 0.75]], np.float32)
T2 = np.stack([S3, M3])
W = f(2, 4)
TALL = f(4, 3)
for t, tol in ((np.float32, 3e-5), (np.float64, 1e-12)):
    m3, s3, s4, t2, wide, tall = (v.astype(t) for v in (M3, S3, S4, T2, W, TALL))
    b1, b2 = f(3).astype(t), f(3, 2).astype(t)
    def both(text, tol=tol, gtol=None, **kw):
        c(text, x=kw["x"], **{k: v for k, v in kw.items() if k != "x"}, tol=tol)
        g(text, x=kw["x"], **{k: v for k, v in kw.items() if k != "x"}, tol=gtol or 10 * tol)
    both("linalg::cholesky(x)", x=m3)
    both("linalg::cholesky(x, upper = true)", x=m3)
    both("linalg::inv(x)", x=s3)
    both("linalg::inv(x)", x=t2)
    both("linalg::solve(x, b)", x=s3, b=b1)
    both("linalg::solve(x, b)", x=s3, b=b2)
    both("linalg::solve(x, b)", x=t2, b=b2)
    both("linalg::solve(a, x)", x=b2, a=s3)
    for m in (s3[:1, :1], s3[:2, :2], s3, s4, t2):
        both("linalg::det(x)", x=m)
        c("linalg::slogdet(x)", x=m, tol=tol)
        g("linalg::slogdet(x).1", py="linalg.slogdet(x)[1]", x=m, tol=10 * tol)
    for m in (m3, np.stack([m3, m3 + np.eye(3, dtype=t)])):
        both("linalg::eigvalsh(x)", x=m, gtol=30 * tol)
        c("abs(linalg::eigh(x).1)", py="abs(linalg.eigh(x)[1])", x=m, tol=10 * tol)
        g("square(square(linalg::eigh(x).1))", py="jnp.square(linalg.eigh(x)[1]) ** 2", x=m, tol=100 * tol)
    c("linalg::eigh(x).0", py="linalg.eigh(x)[0]", x=m3, tol=tol)
    for m in (s3, tall, wide):
        both("linalg::svdvals(x)", x=m, gtol=30 * tol)
        both("linalg::svd(x, compute_uv = false)", x=m, gtol=30 * tol)
        for full in ("true", "false"):
            c(f"abs(linalg::svd(x, full_matrices = {full}).0)[(.., 0..2)]", py=f"abs(linalg.svd(x, full_matrices={full})[0])[:, 0:2]", x=m, tol=10 * tol)
            c(f"{{ let (u, s, vt) = linalg::svd(x, full_matrices = {full}); (matmul(u, u.T()), matmul(vt, vt.T())) }}",
              py=f"(lambda r: (r[0] @ r[0].T, r[2] @ r[2].T))(linalg.svd(x, full_matrices={full}))", x=m, tol=10 * tol)
        g("square(square(linalg::svd(x, full_matrices = false).0))", py="jnp.square(linalg.svd(x, full_matrices=False)[0]) ** 2", x=m, tol=100 * tol)
        c("abs(linalg::qr(x).1)", py="abs(linalg.qr(x)[1])", x=m, tol=tol)
        c("linalg::qr(x)", x=m, tol=10 * tol)
        g("linalg::qr(x).0", py="linalg.qr(x)[0]", x=m, tol=30 * tol)
        c('linalg::qr(x, mode = "r")', x=m, tol=10 * tol)
        c('linalg::qr(x, mode = "complete").1', py='linalg.qr(x, mode="complete")[1]', x=m, tol=10 * tol)
        both("linalg::pinv(x)", x=m, gtol=100 * tol)
        c("linalg::matrix_rank(x)", py="linalg.matrix_rank(x).astype(jnp.int32)", x=m)
        both("linalg::cond(x)", x=m, gtol=100 * tol)
        for kw in ("", ', ord = "fro"', ', ord = "nuc"', ", ord = 1", ", ord = -1", ", ord = 2", ", ord = -2", ", ord = inf", ", ord = -inf"):
            both(f"linalg::norm(x{kw})".replace("ord = inf", "ord = f32::INFINITY").replace("ord = -inf", "ord = -f32::INFINITY"), x=m, gtol=100 * tol)
    for kind in (1, -1, 2, -2):
        c(f"linalg::cond(x, {kind})", x=s3, tol=10 * tol)
    c("linalg::svd(x).1", py="linalg.svd(x)[1]", x=np.stack([tall, tall + 1]), tol=tol)
    c("linalg::lstsq(a, b)", py="(lambda r: (r[0], r[1], r[2].astype(jnp.int32), r[3]))(linalg.lstsq(a, b))", a=tall, b=f(4).astype(t), tol=30 * tol)
    c("linalg::lstsq(a, b).0", py="linalg.lstsq(a, b)[0]", a=tall, b=f(4, 2).astype(t), tol=30 * tol)
    g("linalg::lstsq(x, b).0", py="linalg.lstsq(x, b)[0]", x=tall, b=f(4).astype(t), tol=300 * tol)
    both("scipy::linalg::expm(x)", x=s3 * t(0.25))
    both("scipy::linalg::expm(x)", x=s3 * t(4.0), tol=10 * tol)
    # JAX's own f32 result has fewer digits.
    c("scipy::linalg::expm(x)", x=t2, tol=1e-3 if t == np.float32 else tol)
    def symmetric(text, **kw):
        """Of a function of one triangle only the symmetric part of the gradient is a matter of fact."""
        weigh = "sum(y * (arange(y.size()).reshape(y.shape()) as %s + 1.0))" % NAMES[np.dtype(t)]
        c(f"{{ let g = grad(|x| {{ let y = {text}; {weigh} }})(x); g + g.T() }}",
          py=f"(lambda g: g + g.T)(jax.grad(lambda x: (lambda y: jnp.sum(y * (jnp.arange(y.size).reshape(y.shape) + 1)))({python(text)}))(x))",
          tol=10 * tol, **kw)
    c("scipy::linalg::expm_frechet(x, e)", x=s3, e=m3, tol=10 * tol)
    for kw in ("", ", lower = true", ", trans = 1", ", unit_diagonal = true", ", trans = 1, lower = true"):
        both(f"scipy::linalg::solve_triangular(x, b{kw})", x=m3, b=b2)
        c(f"scipy::linalg::solve_triangular(x, b{kw})", x=m3, b=b1, tol=tol)
    for kw in ("", ", lower = true"):
        c(f"scipy::linalg::cholesky(x{kw})", x=m3, tol=tol)
        c(f"scipy::linalg::cho_solve(scipy::linalg::cho_factor(x{kw}), b)", x=m3, b=b1, tol=tol)
        symmetric(f"scipy::linalg::cho_solve(scipy::linalg::cho_factor(x{kw}), b)", x=m3, b=b1)
    for m in (s3, tall, wide):
        c("scipy::linalg::lu(x)", x=m, tol=tol)
        c("scipy::linalg::lu(x, permute_l = true)", x=m, tol=tol)
        g("scipy::linalg::lu(x).2", py="la.lu(x)[2]", x=m, tol=30 * tol)
    c("scipy::linalg::lu_factor(x)", x=s4, tol=tol)
    for trans in (0, 1):
        c(f"scipy::linalg::lu_solve(scipy::linalg::lu_factor(x), b, trans = {trans})", x=s4, b=f(4).astype(t), tol=10 * tol)
    both("scipy::linalg::solve(x, b)", x=s3, b=b1)
    c('scipy::linalg::solve(x, b, assume_a = "pos")', x=m3, b=b1, tol=tol)
    symmetric('scipy::linalg::solve(x, b, assume_a = "pos")', x=m3, b=b1)
c("linalg::matrix_power(x, 5)", x=S3, tol=1e-5)
c("linalg::matrix_power(x, 0)", x=S3)
c("linalg::matrix_power(x, -2)", x=S3, tol=1e-4)
g("linalg::matrix_power(x, 3)", x=S3, tol=1e-5)
for kw in ("", ", ord = 1", ", ord = 0", ", ord = 3", ", ord = f32::INFINITY", ", ord = -f32::INFINITY", ", keepdims = true"):
    c(f"linalg::norm(x{kw})", x=f(5), tol=1e-5)
    c(f"linalg::norm(x, axis = 1{kw})", x=f(3, 4), tol=1e-5)
    c(f"linalg::vector_norm(x, axis = 0{kw})", x=f(3, 4), tol=1e-5)
g("linalg::norm(x, axis = 1)", x=f(3, 4), tol=1e-5)
c("linalg::norm(x)", x=f(2, 3, 4), tol=1e-5)
c("linalg::norm(x, axis = (0, 2), ord = 1)", x=f(2, 3, 4), tol=1e-5)
c("linalg::norm(x, axis = (2, 0), ord = f32::INFINITY, keepdims = true)", x=f(2, 3, 4), tol=1e-5)
c("linalg::norm(x, axis = (1, 2), ord = 2, keepdims = true)", x=f(2, 3, 4), tol=1e-5)
c("linalg::matrix_norm(x)", x=f(2, 3, 4), tol=1e-5)
c("linalg::matrix_norm(x, ord = 2)", x=f(2, 3, 4), tol=1e-5)
c("linalg::matrix_rank(x)", x=np.outer(f(3), f(3)).astype(np.float32))
c("linalg::trace(x)", x=f(2, 3, 3))
c("linalg::diagonal(x, offset = 1)", x=f(2, 3, 3))
c("linalg::cross(x, y)", x=f(2, 3), y=f(2, 3, salt=1))
c("linalg::outer(x, y)", x=f(2), y=f(3))
c("linalg::multi_dot((x, y, x))", x=f(3, 2), y=f(2, 3), tol=1e-5)
c("linalg::tensorinv(x, ind = 1)", x=f(4, 2, 2), tol=1e-4)
c("linalg::tensorsolve(x, b)", x=f(2, 2, 4), b=f(2, 2), tol=1e-4)
c("scipy::linalg::det(x)", x=S4, tol=1e-5)
c("scipy::linalg::inv(x)", x=S4, tol=1e-4)
c("scipy::linalg::eigh(x, eigvals_only = true)", x=M3, tol=1e-5)
c("scipy::linalg::eigh_tridiagonal(d, e, eigvals_only = true)", d=f(5), e=f(4), tol=1e-5)
c("scipy::linalg::svd(x, compute_uv = false)", x=TALL, tol=1e-5)
c("scipy::linalg::qr(x).1", py="la.qr(x)[1]", x=TALL, tol=1e-4)
c("scipy::linalg::block_diag(x, y, 2.0)", py="la.block_diag(x, y, jnp.float32(2.0))", x=f(2, 3), y=f(1, 2))
c("scipy::linalg::toeplitz(x)", x=f(4))
c("scipy::linalg::toeplitz(x, y)", x=f(4), y=f(3))
c("scipy::linalg::hankel(x, y)", x=f(4), y=f(3))
c("scipy::linalg::hankel(x)", x=f(4))
c("scipy::linalg::circulant(x)", x=f(4))
c("scipy::linalg::companion(x)", x=p(4), tol=1e-6)
for mode in ("full", "same", "valid"):
    c(f'scipy::linalg::convolution_matrix(x, 3, mode = "{mode}")', x=f(4))
    c(f'scipy::linalg::convolution_matrix(x, 5, mode = "{mode}")', x=f(4))
c("scipy::linalg::hilbert(4)", tol=1e-6)
c("scipy::linalg::hadamard(4)")
for kind in ("symmetric", "lower", "upper"):
    c(f'scipy::linalg::pascal(4, kind = "{kind}")')
c("scipy::linalg::polar(x)", x=S3, tol=1e-4)
c("scipy::linalg::solve_sylvester(x, y, z)", x=M3, y=S3[:2, :2], z=f(3, 2), tol=1e-4)

# Complex matrices: values, and gradients by the real part, in which the weights of real and imaginary parts differ.
K3 = np.array([[0.0, 0.5, -1.25], [-0.5, 0.0, 0.75], [1.25, -0.75, 0.0]], np.float32)
for t, tol in ((np.float32, 5e-5), (np.float64, 1e-12)):
    m3, s3, k3, t2 = (v.astype(t) for v in (M3, S3, K3, T2))
    b2 = f(3, 2).astype(t)
    ct = np.complex64 if t == np.float32 else np.complex128
    herm, general = (m3 + 1j * k3).astype(ct), (s3 + 1j * m3).astype(ct)
    rhs = (b2 + 1j * b2[::-1]).astype(ct)
    for text, kw in (
        ("linalg::cholesky(x)", dict(x=herm)),
        ("linalg::cholesky(x, upper = true)", dict(x=herm)),
        ("linalg::eigvalsh(x)", dict(x=herm)),
        ("linalg::inv(x)", dict(x=general)),
        ("linalg::inv(x)", dict(x=np.stack([general, herm]))),
        ("linalg::solve(x, b)", dict(x=general, b=rhs)),
        ("linalg::solve(x, b)", dict(x=general, b=rhs[:, 0])),
        ("linalg::solve(x, b)", dict(x=np.stack([general, herm]), b=rhs)),
    ):
        c(text, tol=tol, **kw)
    for text in ("linalg::cholesky(lax::complex(x, k))", "linalg::inv(lax::complex(x, k))", "linalg::solve(lax::complex(x, k), lax::complex(b, x))"):
        kw = dict(k=k3) if "b" not in text else dict(k=k3, b=s3)
        g(f"{{ let y = {text}; real(y) + 0.5 * imag(y) }}", py=f"(lambda y: y.real + 0.5 * y.imag)({python(text)})", x=m3, tol=20 * tol, **kw)
    g("linalg::eigvalsh(lax::complex(x, k))", x=m3, k=k3, tol=20 * tol)

# Complex factorisations, each by what does not depend on phases that an implementation may choose.
for t, tol in ((np.float32, 1e-4), (np.float64, 2e-12)):
    m3, s3, k3 = (v.astype(t) for v in (M3, S3, K3))
    ct = np.complex64 if t == np.float32 else np.complex128
    herm, general = (m3 + 1j * k3).astype(ct), (s3 + 1j * m3).astype(ct)
    tall = (f(4, 2) + 1j * f(4, 2, salt=1)).astype(ct)
    both = np.stack([general, herm])
    rhs = (f(3, 2) + 1j * f(3, 2, salt=1)).astype(ct)
    once, twice = np.outer([1, 1j, 2], [1, -1j, 2]).astype(ct), np.eye(3).astype(ct)
    for x in (general, both, tall, tall.T):
        c("linalg::qr(x).1", py="jnp.linalg.qr(x)[1]", x=x, tol=tol)
        c("linalg::qr(x).0", py="jnp.linalg.qr(x)[0]", x=x, tol=tol)
        c("linalg::svdvals(x)", x=x, tol=tol)
        c("{ let (u, s, vt) = linalg::svd(x, full_matrices = false); matmul(u * exp(-expand_dims(s, -2)), vt) }",
          py="(lambda t: (t[0] * jnp.exp(-t[1][..., None, :])) @ t[2])(jnp.linalg.svd(x, full_matrices=False))", x=x, tol=tol)
    c("linalg::qr(x, mode = \"complete\").0", py="jnp.linalg.qr(x, mode='complete')[0]", x=tall, tol=tol)
    c("{ let (u, s, vt) = linalg::svd(x); (matmul(u, conj(u.T())), matmul(conj(vt.T()), vt)) }",
      py="(lambda t: (t[0] @ t[0].conj().T, t[2].conj().T @ t[2]))(jnp.linalg.svd(x))", x=tall, tol=tol)
    for x in (herm, once, twice, np.stack([herm, twice])):
        c("{ let (w, v) = linalg::eigh(x); (w, matmul(v * exp(0.1 * expand_dims(w, -2)), conj(swapaxes(v, -1, -2))), matmul(conj(swapaxes(v, -1, -2)), v)) }",
          py="(lambda t: (t[0], (t[1] * jnp.exp(0.1 * t[0][..., None, :])) @ jnp.swapaxes(t[1], -1, -2).conj(), jnp.swapaxes(t[1], -1, -2).conj() @ t[1]))(jnp.linalg.eigh(x))", x=x, tol=tol)
    for x in (once, twice):
        c("{ let (u, s, vt) = linalg::svd(x); (s, matmul(conj(u.T()), u), matmul(u * s, vt)) }",
          py="(lambda t: (t[1], t[0].conj().T @ t[0], (t[0] * t[1]) @ t[2]))(jnp.linalg.svd(x))", x=x, tol=tol)
    c("scipy::linalg::lu_factor(x)", py="jax.scipy.linalg.lu_factor(x)", x=general, tol=tol)
    for x in (general, tall, tall.T):
        c("scipy::linalg::lu(x)", py="jax.scipy.linalg.lu(x)", x=x, tol=tol)
    for k in (0, 1, 2):
        c(f"scipy::linalg::lu_solve(scipy::linalg::lu_factor(x), b, trans = {k})", py=f"jax.scipy.linalg.lu_solve(jax.scipy.linalg.lu_factor(x), b, trans={k})", x=general, b=rhs, tol=tol)
        for lower in ("true", "false"):
            c(f"scipy::linalg::solve_triangular(x, b, trans = {k}, lower = {lower})", py=f"jax.scipy.linalg.solve_triangular(x, b, trans={k}, lower={lower.capitalize()})", x=general, b=rhs, tol=tol)
    c("scipy::linalg::solve_triangular(x, b, lower = true, unit_diagonal = true)", py="jax.scipy.linalg.solve_triangular(x, b, lower=True, unit_diagonal=True)", x=general, b=rhs[:, 0], tol=tol)
    c("scipy::linalg::cho_solve(scipy::linalg::cho_factor(x), b)", py="jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(x), b)", x=herm, b=rhs, tol=tol)
    four = np.kron(np.array([[2, 1j], [0.5, 3]]), general[:2, :2]).astype(ct)
    c("linalg::det(x)", x=four, tol=tol)
    c("linalg::slogdet(x)", x=four, tol=tol)
    c("linalg::pinv(x)", x=tall, tol=tol)
    c("linalg::lstsq(x, b).0", py="jnp.linalg.lstsq(x, b)[0]", x=tall, b=(f(4) + 1j * f(4, salt=1)).astype(ct), tol=tol)
    if t == np.float32:
        c("linalg::matrix_rank(x)", x=once)
    c("linalg::cond(x)", x=general, tol=tol)
    c("scipy::linalg::polar(x)", py="jax.scipy.linalg.polar(x)", x=general, tol=tol)
    x3 = np.array([[1.0, 0.5, -0.75], [0.25, 2.0, 0.5], [1.5, -1.0, 3.0], [0.5, 0.25, 1.0]], t)
    x4 = np.array([[0.5, -0.5, 0.25], [1.0, 0.75, -0.25], [0.25, 0.5, 1.0], [-1.0, 0.5, 0.125]], t)
    of = lambda text: f"{{ let y = {text}; real(y) + 0.5 * imag(y) }}"
    def part(text, py, x, k):
        g(of(text), py=f"(lambda y: y.real + 0.5 * y.imag)({py})", x=x, k=k, tol=20 * tol)
        c(f"jvp(|x| {text}, (x,), (k,)).1", py=f"jax.jvp(lambda x: {py}, (x,), (k,))[1]", x=x, k=k, tol=20 * tol)
    z = "lax::complex(x, k)"
    Z = "lax.complex(x, k)"
    for a, b in ((x3, x4), (x3[:3], x4[:3])):
        part(f"linalg::qr({z}).0", f"jnp.linalg.qr({Z})[0]", a, b)
        part(f"linalg::qr({z}).1", f"jnp.linalg.qr({Z})[1]", a, b)
        part(f"{{ let (u, s, vt) = linalg::svd({z}, full_matrices = false); matmul(u * exp(-s), vt) }}",
             f"(lambda t: (t[0] * jnp.exp(-t[1])) @ t[2])(jnp.linalg.svd({Z}, full_matrices=False))", a, b)
        part(f"scipy::linalg::lu({z}).1", f"jax.scipy.linalg.lu({Z})[1]", a, b)
        part(f"scipy::linalg::lu({z}).2", f"jax.scipy.linalg.lu({Z})[2]", a, b)
        part(f"linalg::pinv({z})", f"jnp.linalg.pinv({Z})", a, b)
    a, b = x3[:3], x4[:3]
    part(f"{{ let (w, v) = linalg::eigh({z}); matmul(v * exp(0.1 * w), conj(v.T())) }}",
         f"(lambda t: (t[1] * jnp.exp(0.1 * t[0])) @ t[1].conj().T)(jnp.linalg.eigh({Z}))", a, b)
    part(f"linalg::det({z})", f"jnp.linalg.det({Z})", a, b)
    for trans in (0, 1, 2):
        part(f"scipy::linalg::solve_triangular({z}, {z}, trans = {trans}, lower = true)", f"jax.scipy.linalg.solve_triangular({Z}, {Z}, trans={trans}, lower=True)", a, b)
    h2 = f"grad(|x| {{ let y = %s; sum(real(y) * real(y) + imag(y)) }})"
    for name, jname in (("linalg::qr({}).1", "jnp.linalg.qr({})[1]"), ("scipy::linalg::lu({}).2", "jax.scipy.linalg.lu({})[2]")):
        c(f"jvp({h2 % name.format(z)}, (x,), (k,)).1", py=f"jax.jvp(jax.grad(lambda x: (lambda y: jnp.sum(y.real * y.real + y.imag))({jname.format(Z)})), (x,), (k,))[1]", x=a, k=b, tol=50 * tol)
