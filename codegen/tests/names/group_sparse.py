from jax.scipy.sparse import linalg as sparse_linalg

group("sparse")

# Iterations stop at a tolerance, so that the last one taken may differ by a rounding: tolerances here are those of the solution.
SPACE.update(scipy=jax.scipy, sparse_linalg=sparse_linalg)
M = np.array([[4.0, 1.0, 0.5, 0.0], [1.0, 5.0, 0.25, 0.5], [0.5, 0.25, 6.0, -1.0], [0.0, 0.5, -1.0, 3.0]])
N = np.array([[4.0, -1.0, 0.5, 0.0], [1.5, 5.0, 0.25, 0.5], [-0.5, 0.25, 6.0, -1.0], [0.0, 2.5, -1.0, 3.0]])
B = np.array([1.0, -0.5, 2.0, 0.25])
X = np.array([0.5, 0.25, -1.0, 0.75])
for t, tol, eps in ((np.float32, "1e-5", 2e-4), (np.float64, "1e-10", 1e-8)):
    m, n, b, x = (v.astype(t) for v in (M, N, B, X))
    for name, a in (("cg", m), ("bicgstab", n)):
        path, py = f"scipy::sparse::linalg::{name}", f"scipy.sparse.linalg.{name}"
        c(f"{path}(a, b, tol = {tol}).0", f"{py}(a, b, tol={tol})[0]", tol=eps, a=a, b=b)
        c(f"{path}(|v| matmul(a, v), b, tol = {tol}, maxiter = 2).0", f"{py}(lambda v: a @ v, b, tol={tol}, maxiter=2)[0]", tol=eps, a=a, b=b)
        c(f"{path}(a, b, x0 = x, tol = {tol}, M = |v| v / diag(a)).0", f"{py}(a, b, x0=x, tol={tol}, M=lambda v: v / jnp.diag(a))[0]", tol=eps, a=a, b=b, x=x)
        c(f"{path}(a, b, atol = 0.5).0", f"{py}(a, b, atol=0.5)[0]", tol=eps, a=a, b=b)
        c(f"grad(|a, b| sum(sin({path}((a + a.T()) * 0.5, b, tol = {tol}).0)), argnums = (0, 1))(a, b)",
          f"jax.grad(lambda a, b: jnp.sum(jnp.sin({py}((a + a.T) * 0.5, b, tol={tol})[0])), argnums=(0, 1))(a, b)", tol=30 * eps, a=a, b=b)
        c(f"jvp(|b| {path}(a, b, tol = {tol}).0, (b,), (x,)).1", f"jax.jvp(lambda b: {py}(a, b, tol={tol})[0], (b,), (x,))[1]", tol=eps, a=a, b=b, x=x)
        c(f"vmap(|b| {path}(a, b, tol = {tol}).0)(stack((b, x, b - x)))", f"jax.vmap(lambda b: {py}(a, b, tol={tol})[0])(jnp.stack((b, x, b - x)))", tol=eps, a=a, b=b, x=x)
        c(f"{path}(|t| (matmul(a, t.0) + t.1, 3.0 * t.1 + t.0), (b, x), tol = {tol}).0",
          f"{py}(lambda t: (a @ t[0] + t[1], 3 * t[1] + t[0]), (b, x), tol={tol})[0]", tol=eps, a=a, b=b, x=x)
