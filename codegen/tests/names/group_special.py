group("special")
SPACE["sp"] = jax.scipy.special
def s1(name, x, tol=1e-5, gx=None, gtol=None, wide=1e-11):
    """A function of one argument, its derivative, and both in f64."""
    x = np.asarray(x, np.float32)
    c(f"scipy::special::{name}(x)", py=f"sp.{name}(x)", x=x, tol=tol)
    gx = x if gx is None else np.asarray(gx, np.float32)
    g(f"scipy::special::{name}(x)", py=f"sp.{name}(x)", x=gx, tol=gtol or 5 * tol)
    if wide:
        c(f"scipy::special::{name}(x)", py=f"sp.{name}(x)", x=np.asarray(gx, np.float64), tol=wide)
def s2(name, x, y, tol=1e-5, gtol=None, wide=1e-11, both=True, gx=None, gy=None):
    x, y = (np.asarray(v, np.float32) for v in (x, y))
    c(f"scipy::special::{name}(x, y)", py=f"sp.{name}(x, y)", x=x, y=y, tol=tol)
    gx, gy = x if gx is None else np.asarray(gx, np.float32), y if gy is None else np.asarray(gy, np.float32)
    if both:
        g(f"scipy::special::{name}(x, y)", py=f"sp.{name}(x, y)", x=gx, y=gy, tol=gtol or 5 * tol)
    g(f"scipy::special::{name}(y, x)", py=f"sp.{name}(y, x)", x=gy, y=gx, tol=gtol or 5 * tol)
    if wide:
        c(f"scipy::special::{name}(x, y)", py=f"sp.{name}(x, y)", x=gx.astype(np.float64), y=gy.astype(np.float64), tol=wide)
POS = [0.1, 0.5, 1.0, 1.5, 3.25, 7.0, 20.0]
REAL = [-3.7, -1.2, -0.3, 0.4, 1.0, 2.5, 6.5]
for name in "gammaln loggamma".split():
    c(f"scipy::special::{name}(x)", py="sp.gammaln(x)", x=np.asarray(POS, np.float32), tol=2e-5)
s1("gamma", REAL, 2e-5)
s1("gammasgn", REAL)
s1("digamma", POS, 2e-5)
s1("factorial", [0, 1, 2, 4.5, 7], 2e-5)
c("scipy::special::comb(x, 2.0)", py="sp.comb(x, 2.0)", x=np.asarray([3, 4, 5, 6.5], np.float32), tol=3e-5)
s2("poch", [1.5, 2.0, 3.0], [2.0, 0.5, 3.0], 3e-5, wide=1e-10)
s2("beta", POS[:6], POS[1:], 5e-5, wide=1e-10)
s2("betaln", POS[:6], POS[1:], 3e-5, wide=1e-7)
c("scipy::special::multigammaln(x, 3)", py="sp.multigammaln(x, 3)", x=np.asarray([3, 4, 5.5], np.float32))
g("scipy::special::multigammaln(x, 3)", py="sp.multigammaln(x, 3)", x=np.asarray([3, 4, 5.5], np.float32))
for n in (0, 1, 2, 3):
    c(f"polygamma({n}, x)", py=f"sp.polygamma({n}, x)", x=np.asarray(POS, np.float32), tol=5e-5)
    g(f"scipy::special::polygamma({n}, x)", py=f"sp.polygamma({n}, x)", x=np.asarray(POS, np.float32), tol=1e-4)
s1("logit", [0.1, 0.5, 0.9, 0.999], 1e-5)
s1("expit", REAL)
s1("entr", [-1.0, 0.0, 0.3, 1.0, 4.0], gx=[0.3, 1.0, 4.0])
s2("xlogy", [0.0, 1.0, 2.5, -1.0], [0.0, 3.0, 0.5, 2.0], gx=[0.0, 1.0, 2.5, -1.0], gy=[2.0, 3.0, 0.5, 2.0])
s2("xlog1py", [0.0, 1.0, 2.5, -1.0], [-1.0, 3.0, 0.5, 2.0], gx=[0.0, 1.0, 2.5, -1.0], gy=[2.0, 3.0, 0.5, 2.0])
s2("rel_entr", [0.0, 1.0, 2.5, -1.0, 1.0], [0.0, 3.0, 0.5, 2.0, 0.0], gx=[1.0, 2.5], gy=[3.0, 0.5])
s2("kl_div", [0.0, 1.0, 2.5, -1.0, 1.0], [0.0, 3.0, 0.5, 2.0, 0.0], gx=[1.0, 2.5], gy=[3.0, 0.5])
s2("boxcox", POS[:4], [0.0, 0.5, -1.0, 2.0], gx=POS[1:4], gy=[0.5, -1.0, 2.0], gtol=1e-4)
s2("boxcox1p", POS[:4], [0.0, 0.5, -1.0, 2.0], gx=POS[1:4], gy=[0.5, -1.0, 2.0], gtol=1e-4)
s1("ndtr", REAL)
s1("ndtri", [1e-20, 1e-6, 0.01, 0.3, 0.5, 0.9, 0.9999], 2e-5, gx=[0.01, 0.3, 0.5, 0.9])
c("scipy::special::ndtri(x)", py="sp.ndtri(x)", x=np.asarray([0.0, 1.0, 1e-300, 1e-30, 0.2], np.float64))
s1("log_ndtr", [-30, -12, -5, -1, 0, 2, 4, 6, 9], 2e-5, wide=1e-10)
A, X = np.meshgrid([0.3, 1.0, 2.5, 10.0, 50.0], [0.1, 0.9, 3.0, 12.0, 45.0])
s2("gammainc", A.ravel(), X.ravel(), 5e-5, gtol=5e-4, wide=1e-10)
s2("gammaincc", A.ravel(), X.ravel(), 5e-5, gtol=5e-4, wide=1e-10)
for name in ("gammainc", "gammaincc"):
    c(f"scipy::special::{name}(x, y)", py=f"sp.{name}(x, y)", x=arr("f32", 1.0, 0.0, 2.0, 0.0, -1.0, 2.0), y=arr("f32", 0.0, 1.0, np.inf, 0.0, 2.0, np.nan))
c("igamma(x, y)", py="lax.igamma(x, y)", x=arr("f32", 1.0, 3.0), y=arr("f32", 2.0, 1.0), tol=2e-5)
c("igammac(x, y)", py="lax.igammac(x, y)", x=arr("f32", 1.0, 3.0), y=arr("f32", 2.0, 1.0), tol=2e-5)
c("lax::igamma_grad_a(x, y)", x=A.ravel().astype(np.float32), y=X.ravel().astype(np.float32), tol=2e-4)
c("lax::random_gamma_grad(x, y)", x=A.ravel(), y=X.ravel(), tol=1e-8)
B = np.array([[0.5, 0.5, 0.2], [1.0, 3.0, 0.9], [2.0, 5.0, 0.1], [10.0, 4.0, 0.6], [30.0, 20.0, 0.5]])
for t, tol in ((np.float32, 2e-5), (np.float64, 1e-11)):
    a, b_, x = B.T.astype(t)
    for name in ("scipy::special::betainc", "lax::betainc"):
        c(f"{name}(a, b, x)", py="sp.betainc(a, b, x)", a=a, b=b_, x=x, tol=tol)
    g("scipy::special::betainc(a, b, x)", py="sp.betainc(a, b, x)", a=a, b=b_, x=x, tol=20 * tol)
c("scipy::special::betainc(a, b, x)", py="sp.betainc(a, b, x)", a=arr("f32", 1.0, 2.0, 0.0, 2.0), b=arr("f32", 2.0, 2.0, 1.0, 0.0), x=arr("f32", 0.0, 1.0, 0.5, 0.5))
s2("zeta", [1.5, 2.0, 3.0, 8.0], [1.0, 0.5, 3.0, 20.0], 2e-5, both=False, wide=1e-12)
c("lax::zeta(x, y)", x=arr("f32", 1.5, 2.0), y=arr("f32", 1.0, 2.0), tol=1e-5)
for name in "i0 i0e i1 i1e".split():
    s1(name, [-12.0, -3.0, -0.5, 0.0, 0.2, 1.0, 4.0, 7.9, 8.1, 30.0], 1e-5, gx=[-12.0, -3.0, -0.5, 0.2, 1.0, 4.0, 7.9, 8.1, 30.0], gtol=5e-5, wide=1e-13)
c("lax::bessel_i0e(x)", x=f(5))
c("lax::bessel_i1e(x)", x=f(5))
c("i0(x)", x=f(5), tol=1e-5)
s1("spence", [0.0, 0.1, 0.49, 0.51, 1.0, 1.9, 2.1, 10.0], 1e-5, gx=[0.1, 0.49, 0.51, 0.8, 2.1, 10.0], gtol=1e-4, wide=1e-12)
s1("exp1", [0.05, 0.5, 1.0, 1.5, 4.0, 20.0], 1e-5, wide=1e-12)
s1("expi", [-20.0, -2.0, -0.5, 0.1, 0.37, 1.0, 5.0, 20.0, 39.0, 41.0, 60.0], 2e-5, gtol=1e-4, wide=1e-10)
for n in (0, 1, 2, 5):
    c(f"scipy::special::expn({n}, x)", py=f"sp.expn({n}, x)", x=np.asarray([0.05, 0.5, 1.0, 1.5, 4.0, 20.0], np.float32), tol=2e-5)
    if n: g(f"scipy::special::expn({n}, x)", py=f"sp.expn({n}, x)", x=np.asarray([0.05, 0.5, 1.5, 4.0, 20.0], np.float32), tol=1e-4)
for t, tol in ((np.float32, 2e-5), (np.float64, 1e-9)):
    x = np.asarray([-5.0, -0.5, 0.3, 1.0, 1.9, 2.1, 6.0, 40.0], t)
    c("scipy::special::sici(x)", py="sp.sici(x)", x=x, tol=tol)
    c("scipy::special::fresnel(x)", py="sp.fresnel(x)", x=x[:-1], tol=tol)
    g("scipy::special::fresnel(x).0", py="sp.fresnel(x)[0]", x=x[:-1], tol=20 * tol)
    g("scipy::special::sici(x).0", py="sp.sici(x)[0]", x=x[1:], tol=20 * tol)
s1("erfcx", [-2.0, -0.5, 0.0, 0.5, 1.9, 2.1, 10.0, 1e5], 2e-5, gx=[-2.0, -0.5, 0.5, 1.9, 2.1, 10.0], gtol=2e-3, wide=1e-11)
s1("dawsn", [-3.0, -0.5, 0.01, 0.5, 1.0, 2.5, 8.0], 2e-5, gtol=2e-4, wide=1e-11)
c("scipy::special::hyp1f1(1.5, 2.5, x)", py="sp.hyp1f1(1.5, 2.5, x)", x=np.asarray([-4.0, -0.5, 0.5, 3.0], np.float32), tol=3e-5)
g("scipy::special::hyp1f1(1.5, 2.5, x)", py="sp.hyp1f1(1.5, 2.5, x)", x=np.asarray([-4.0, -0.5, 0.5, 3.0], np.float32), tol=1e-4)
c("scipy::special::bernoulli(12)", py="jnp.asarray([float(v) for v in __import__('scipy.special').special.bernoulli(12)], jnp.float32)", tol=1e-5)
for name in ("logsumexp", "softmax", "log_softmax"):
    c(f"scipy::special::{name}(x, axis = 0)", py=f"sp.{name}(x, axis=0)", x=f(3, 2), tol=1e-5)
