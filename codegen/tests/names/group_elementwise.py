group("elementwise")
# Floats of one operand, at delicate points and their derivative at plain ones.
for name in ("exp exp2 log log1p expm1 sin cos tan arcsin arccos arctan asin acos atan sinh cosh tanh arcsinh arccosh arctanh "
             "asinh acosh atanh sqrt cbrt erf erfc expit logistic fabs log2 log10 deg2rad rad2deg radians degrees "
             "reciprocal square neg sinc rint trunc floor ceil sign abs absolute negative positive").split():
    big = name in "sin cos tan".split()
    x = arr("f32", 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 1e-20, np.inf, -np.inf, np.nan) if big else EDGES
    if name in ("sinc",):
        x = arr("f32", 0.0, -0.0, 1.0, -1.0, 0.5, -0.25, 2.5, np.nan)
    tol = 1e-4 if name in ("sinh", "cosh", "expm1", "erfc", "exp", "exp2", "sinc", "tan") else None
    c(f"{name}(x)", x=x, tol=tol)
    if name in "arccosh acosh".split():
        g(f"{name}(x)", x=arr("f32", 1.5, 2.0, 7.0), tol=1e-5)
    else:
        g(f"{name}(x)", x=arr("f32", 0.25, 0.75, -0.5, 0.125) if name not in ("log", "sqrt", "log2", "log10") else arr("f32", 0.25, 3.0),
          tol=2e-5)
    if name not in ("erf erfc expit logistic".split()):
        c(f"{name}(x)", x=i(5, lo=0, hi=1) if name in "arcsin arccos asin acos arctanh atanh".split() else i(5, lo=1, hi=4), tol=1e-5)
c("rsqrt(x)", x=p(5))
c("erf_inv(x)", x=arr("f32", -0.9, -0.5, 0.0, 0.3, 0.95), tol=1e-5)
c("erfinv(x)", py="jax.scipy.special.erfinv(x)", x=arr("f32", -0.9, -0.5, 0.0, 0.3, 0.95), tol=1e-5)
c("lgamma(x)", x=p(5), tol=2e-5)
c("gammaln(x)", py="jax.scipy.special.gammaln(x)", x=p(5), tol=2e-5)
c("digamma(x)", x=p(5), tol=2e-5)
for name in "add subtract multiply maximum minimum divide true_divide arctan2 atan2 hypot fmax fmin logaddexp logaddexp2 nextafter copysign heaviside".split():
    c(f"{name}(x, y)", **PAIRS, tol=1e-5)
    if name not in ("nextafter", "copysign", "heaviside"):
        g(f"{name}(x, y)", x=f(2, 3), y=f(3, salt=1), tol=1e-5)
for name in "floor_divide mod_ remainder fmod".split():
    c(f"{name}(x, y)", x=f(6), y=arr("f32", 0.75, -0.75, 1.5, -1.5, 2.0, -0.5))
    c(f"{name}(x, y)", **INT_PAIRS)
    c(f"{name}(x, y)", x=u(6, hi=40), y=u(6, lo=1))
c("divmod(x, y)", x=f(6), y=arr("f32", 0.75, -0.75, 1.5, -1.5, 2.0, -0.5))
c("divmod(x, y)", x=i(6), y=arr("i32", 2, -2, 3, -3, 4, 5))
c("modf(x)", x=f(6))
c("power(x, y)", x=arr("f32", 0.5, 2.0, 3.0, 0.0), y=arr("f32", 2.0, -1.5, 0.0, 3.0), tol=1e-5)
c("power(x, 3)", x=f(5), tol=1e-5)
c("power(x, -2)", x=p(5), tol=1e-5)
c("power(2.0, x)", x=f(5), tol=1e-5)
c("power(x, y)", x=i(5), y=i(5, lo=0, hi=4))
c("pow(x, y)", x=i(5), y=i(5, lo=0, hi=4))
c("power(x, y)", x=p(5), y=i(5, lo=-2, hi=3), tol=1e-5)
c("float_power(x, y)", x=i(5, lo=1), y=i(5, lo=0, hi=3), tol=1e-5)
c("integer_pow(x, 3)", py="lax.integer_pow(x, 3)", x=f(5), tol=1e-5)
g("power(x, 2.5)", x=p(4), tol=1e-5)
for name in "bitwise_and bitwise_or bitwise_xor left_shift bitwise_left_shift right_shift bitwise_right_shift".split():
    c(f"{name}(x, y)", x=i(6, lo=-99, hi=99), y=i(6, lo=0, hi=5))
    c(f"{name}(x, y)", x=u(6, hi=99), y=u(6, hi=5))
for name in "invert bitwise_not bitwise_invert".split():
    c(f"{name}(x)", x=i(4))
    c(f"{name}(x)", x=b(4))
c("bitwise_count(x)", x=i(5, lo=-70, hi=70))
c("population_count(x)", x=u(5, hi=700))
c("clz(x)", x=u(5, hi=70000))
for name in "shift_left shift_right_arithmetic shift_right_logical".split():
    c(f"{name}(x, y)", x=i(6, lo=-99, hi=99), y=i(6, lo=0, hi=5))
c("mulhi(x, y)", py="lax.mulhi(x, y)", x=i(4, lo=-2**30, hi=2**30), y=i(4, lo=-2**30, hi=2**30, salt=1))
for name in "logical_and logical_or logical_xor".split():
    c(f"{name}(x, y)", x=b(6), y=b(6, salt=2))
    c(f"{name}(x, y)", x=i(6, lo=-1, hi=1), y=f(6))
c("logical_not(x)", x=i(6, lo=-1, hi=1))
for name in "equal not_equal less less_equal greater greater_equal".split():
    c(f"{name}(x, y)", **PAIRS)
    c(f"{name}(x, y)", x=i(4), y=i(4, salt=3))
for name in "isnan isinf isfinite isposinf isneginf signbit".split():
    c(f"{name}(x)", x=EDGES)
    c(f"{name}(x)", x=i(4))
for name in "isreal iscomplex real imag conj conjugate angle".split():
    c(f"{name}(x)", x=z(4), tol=1e-5)
    c(f"{name}(x)", x=f(4))
c("angle(x, deg = true)", py="jnp.angle(x, deg=True)", x=z(3), tol=1e-5)
c("lax::complex(x, y)", x=f(3), y=f(3, salt=1))
c("complex(x, y)", py="lax.complex(x, y)", x=f(3), y=f(3, salt=1))
c("sign(x)", x=z(3), tol=1e-5)
c("gcd(x, y)", x=i(6, lo=-60, hi=60), y=i(6, lo=-60, hi=60, salt=1))
c("lcm(x, y)", x=i(6, lo=-60, hi=60), y=i(6, lo=-60, hi=60, salt=1))
c("ldexp(x, y)", x=f(6), y=arr("i32", 0, 5, -5, 100, -140, 127), tol=1e-6)
c("frexp(x)", x=arr("f32", 0.0, -0.0, 1.0, -3.5, 1e20, np.inf, np.nan))
c("round(x)", x=EDGES)
c("round(x, 2)", x=f(6), tol=1e-6)
c("around(x, decimals = 1)", x=f(6), tol=1e-6)
c("lax::round(x)", x=arr("f32", 0.5, 1.5, -0.5, -2.5, 2.4))
c("clip(x, -1.0, 1.0)", x=EDGES)
c("clip(x, min = -1.0)", x=f(5))
c("clip(x, max = 2)", x=i(5))
c("clamp(-1.0, x, 1.0)", py="lax.clamp(-1.0, x, 1.0)", x=f(5))
c("nan_to_num(x)", x=EDGES)
c("nan_to_num(x, nan = 1.0, posinf = 2.0, neginf = 3.0)", x=EDGES)
c("isclose(x, y)", **PAIRS)
c("isclose(x, y, equal_nan = true)", py="jnp.isclose(x, y, equal_nan=True)", **PAIRS)
c("isclose(x, y, rtol = 0.1, atol = 0.5)", x=f(8), y=f(8, salt=1))
c("spacing(x)", x=p(4))
c("where_(m, x, y)", m=b(2, 3), x=f(2, 3), y=f(3, salt=1))
c("where_(m, x, 0.0)", m=b(6), x=f(6))
c("select(m, x, y)", py="jnp.where(m, x, y)", m=b(6), x=f(6), y=f(6, salt=1))
g("where_(x > 0.0, x * x, 0.0)", x=f(6))
c("bitcast_convert_type(x, u32)", py="lax.bitcast_convert_type(x, u32)", x=f(4))
c("view(x, i32)", py="x.view(i32)", x=f(4))
