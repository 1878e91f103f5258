group("more")
c("concat((x, y))", py="jnp.concat((x, y))", x=f(2, 3), y=f(1, 3))
c("apply_over_axes(|v, d| sum(v, axis = d), x, (0, 2))", py="jnp.apply_over_axes(lambda v, d: jnp.sum(v, axis=d), x, (0, 2))", x=f(2, 3, 4), tol=1e-6)
c("diag_indices_from(x)", x=f(3, 3))
c("tril_indices_from(x)", x=f(3, 4))
c("triu_indices_from(x, 1)", x=f(3, 4))
for name in "iscomplexobj isrealobj".split():
    c(f"array({name}(x))", py=f"jnp.array(jnp.{name}(x))", x=f(2))
    c(f"array({name}(x))", py=f"jnp.array(jnp.{name}(x))", x=z(2))
c("array(isscalar(x))", py="jnp.array(jnp.isscalar(x))", x=np.float32(2))
c("put(x, i, v)", py="jnp.put(x, i, v, inplace=False)", x=f(2, 3), i=arr("i32", 0, 4), v=arr("f32", 7.0, 8.0))
c("put(x, i, 5.0, mode = \"wrap\")", py="jnp.put(x, i, 5.0, mode='wrap', inplace=False)", x=f(2, 3), i=arr("i32", 0, 7))
c("place(x, m, v)", py="jnp.place(x, m, v, inplace=False)", x=f(2, 3), m=b(2, 3), v=arr("f32", 7.0, 8.0))
S1, S2 = arr("i32", 3, 1, 2, 3, 5, 9), arr("i32", 2, 9, 4)
c("setdiff1d(x, y, size = 5)", x=S1, y=S2)
c("setdiff1d(x, y, size = 5, fill_value = -1)", x=S1, y=S2)
c("intersect1d(x, y, size = 3)", x=S1, y=S2)
c("intersect1d(x, y, size = 4, fill_value = 7)", x=S1, y=S2)
c("setxor1d(x, y, size = 6)", x=S1, y=S2)
c("setxor1d(x, y, size = 4, fill_value = 0)", x=S1, y=S2)
c("sort_complex(x)", x=np.array([2 + 1j, 1 - 1j, 1 - 2j, -3 + 0j], np.complex64))
c("poly(x)", x=f(4), tol=1e-5)
g("poly(x)", x=f(3), tol=1e-5)
c("polydiv(x, y)", x=f(5), y=p(3), tol=1e-5)
c("polyfit(x, y, 2)", x=f(8), y=f(8, salt=3), tol=1e-4)
c("polyfit(x, y, 1, w = w)", x=f(8), y=f(8, salt=3), w=p(8), tol=1e-4)
c("kaiser(7, 4.0)", tol=1e-5)
c("kaiser(1, 4.0)", tol=1e-5)
c("histogram2d(x, y, bins = (3, 4))", x=f(30), y=f(30, salt=1), tol=1e-5)
c("histogram2d(x, y, bins = 3, range = ((-2.0, 2.0), (-1.0, 1.0)), density = true)", x=f(30), y=f(30, salt=1), tol=1e-5)
c("lax::approx_max_k(x, 2)", x=f(2, 5))
c("lax::approx_min_k(x, 2)", x=f(2, 5))
c("lax::index_take(x, (i,), (0,))", py="jnp.take(x, i, 0)", x=f(4, 2), i=arr("i32", 2, 0))
for kind, x in (("FFT", z(2, 4)), ("IFFT", z(2, 4)), ("RFFT", f(2, 4)), ("IRFFT", z(2, 3))):
    c(f'lax::fft(x, "{kind}", (2, 4))', py=f'lax.fft(x, "{kind}", (2, 4))', x=x, tol=2e-6)
from jax.experimental.jet import jet
SPACE["jet"] = jet
c("{ let (y, s) = jet(|v| sin(v), (x,), ((a, b, d),)); (y, s.0, s.1, s.2) }", py="(lambda r: (r[0], *r[1]))(jet(jnp.sin, (x,), ((a, b, d),)))",
  x=f(3), a=f(3, salt=1), b=f(3, salt=2), d=f(3, salt=3), tol=2e-5)
c("{ let (y, s) = jet(|v, w| exp(v) * w, (x, a), ((a, b), (b, d))); (y, s.0, s.1) }",
  py="(lambda r: (r[0], *r[1]))(jet(lambda v, w: jnp.exp(v) * w, (x, a), ((a, b), (b, d))))",
  x=f(3), a=f(3, salt=1), b=f(3, salt=2), d=f(3, salt=3), tol=2e-5)
c("{ let (y, s) = jet(|v| tanh(v), (x,), ((a, b),), factorial_scaled = false); (y, s.0, s.1) }",
  py="(lambda r: (r[0], *r[1]))(jet(jnp.tanh, (x,), ((a, b),), factorial_scaled=False))", x=f(3), a=f(3, salt=1), b=f(3, salt=2), tol=2e-5)
c("{ let (y, s) = jet(|v| (sin(v), v * v), (x,), ((a, b),)); (y.0, y.1, s.0.0, s.0.1, s.1.0, s.1.1) }",
  py="(lambda r: (*r[0], *r[1][0], *r[1][1]))(jet(lambda v: (jnp.sin(v), v * v), (x,), ((a, b),)))", x=f(3), a=f(3, salt=1), b=f(3, salt=2), tol=2e-5)
