"""Prints the polynomial coefficients of the f32 functions: minimax in the error relative to the function (Remez).

python -m pip install mpmath numpy; python coefficients.py
"""

from mpmath import asin, atan, cos, euler, exp, loggamma, log, lu_solve, matrix, mp, mpf, pi, polyval, sign
from mpmath import sin, sinh, sqrt, tan, tanh
import numpy as np

mp.prec = 160


def remez(f, weight, a, b, degree, rounds=12):
    """Coefficients, lowest first, of the polynomial with the least max of |weight (p - f)| on [a, b], and that max."""
    a, b, n = mpf(a), mpf(b), degree + 2
    xs = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    grid = [a + (b - a) * mpf(k) / 1200 for k in range(1201)]
    for _ in range(rounds):
        rows, values = matrix(n, n), matrix(n, 1)
        for i, x in enumerate(xs):
            for j in range(degree + 1):
                rows[i, j] = x**j
            rows[i, degree + 1] = (-1) ** i / weight(x)
            values[i] = f(x)
        solution = lu_solve(rows, values)
        c = [solution[j] for j in range(degree + 1)]
        errors = [weight(x) * (polyval(c[::-1], x) - f(x)) for x in grid]
        peaks, best = [], 0
        for k in range(1, len(grid)):
            if errors[k] != 0 and sign(errors[k]) != sign(errors[best]):
                peaks.append(best)
                best = k
            elif abs(errors[k]) > abs(errors[best]):
                best = k
        peaks.append(best)
        if len(peaks) < n:
            break
        while len(peaks) > n:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        xs = [grid[k] for k in peaks]
    return c, max(abs(e) for e in errors)


def show(name, f, weight, a, b, degree):
    c, error = remez(f, lambda x: weight(x) + mpf("1e-30"), a, b, degree)
    print(f"{name:24} 2^{float(log(error, 2)):.1f}", [str(np.float32(float(x))) for x in c])


def odd(g, limit):
    """g(r) = r + r^3 P(r^2): P and its weight as functions of z = r^2; `limit` is P(0)."""
    f = lambda z: limit if z < mpf("1e-20") else (g(sqrt(z)) - sqrt(z)) / (sqrt(z) * z)
    return f, lambda z: z * sqrt(z) / abs(g(sqrt(z))) if z > 0 else mpf(0)


r = log(2) / 2 * mpf("1.001")
e2 = lambda x: mpf(1) / 2 + x / 6 if abs(x) < mpf("1e-15") else (exp(x) - 1 - x) / x**2
show("exp: 1 + r + r^2 P", e2, lambda x: x * x / exp(x), -r, r, 4)
show("expm1: r + r^2 P", e2, lambda x: x * x / abs(exp(x) - 1) if abs(x) > mpf("1e-15") else abs(x), -r, r, 5)
t1 = lambda x: log(2) + log(2) ** 2 * x / 2 if abs(x) < mpf("1e-15") else (2**x - 1) / x
show("exp2: 1 + r P", t1, lambda x: abs(x) / 2**x, "-0.5005", "0.5005", 5)

s = (sqrt(2) - 1) / (sqrt(2) + 1) * mpf("1.001")
l3 = lambda z: mpf(2) / 3 + z * 2 / 5 if z < mpf("1e-20") else (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z
show("log: 2s + s^3 P", l3, lambda z: z / 2, 0, s * s, 2)

q = (pi / 4 * mpf("1.001")) ** 2
show("sin: r + r^3 P", *odd(sin, -mpf(1) / 6), 0, q, 2)
c2 = lambda z: mpf(1) / 24 - z / 720 if z < mpf("1e-14") else (cos(sqrt(z)) - 1 + z / 2) / z**2
show("cos: 1 - z/2 + z^2 P", c2, lambda z: z * z / cos(sqrt(z)), 0, q, 2)
show("tan: r + r^3 P", *odd(tan, mpf(1) / 3), 0, q, 6)
show("asin: r + r^3 P", *odd(asin, mpf(1) / 6), 0, "0.2501", 4)
show("atan: r + r^3 P", *odd(atan, -mpf(1) / 3), 0, mpf("0.5465") ** 2, 5)
show("sinh: r + r^3 P", *odd(sinh, mpf(1) / 6), 0, "1.001", 3)
show("tanh: r + r^3 P", *odd(tanh, -mpf(1) / 3), 0, mpf("0.55") ** 2, 4)


def gamma2(v):
    if abs(v) < mpf("1e-15"):
        return 1 - euler
    return loggamma(v + 2) / ((v + 1) * v)


show("lgamma: (x-1)(x-2) P", gamma2, lambda v: 1 / gamma2(v), "-0.76", "0.5", 10)
