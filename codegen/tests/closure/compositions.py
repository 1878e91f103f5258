"""What JAX makes of programs under transformations of transformations: writes `compositions.txt`, which `tests/closure.rs`
checks Kiln against.

    python compositions.py [--new]

needs jax and numpy. Programs and transformations are those of `matrix.rs`, written again in JAX. Where JAX itself refuses (forward
mode through `custom_vjp`, reverse mode through `custom_vmap`) the functions are taken without their rules, which say the same.
What Kiln refuses is left out: reverse mode through `while_loop`. With `--new` lines that are there already are kept.
"""

import itertools
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)
HERE = pathlib.Path(__file__).parent
X = jnp.array([0.63, -0.41, 0.27])
W = jnp.array([0.5, -0.3, 0.8])
PROGRAMS, TRANSFORMATIONS = {}, {}


def program(f):
    PROGRAMS[f.__name__] = f


def transformation(f):
    TRANSFORMATIONS[f.__name__] = f


@program
def elementwise(x):
    return jnp.sin(1.3 * x) * jnp.exp(-x * x) + jnp.tanh(x) / (2.0 + jnp.cos(x)) + jnp.log1p(0.5 * x * x) - 0.2 * (1.5 + jnp.sin(x)) ** 2.5


@program
def contraction(x):
    w = jnp.array([[0.4, -0.7, 0.2], [0.1, 0.5, -0.6], [-0.3, 0.2, 0.9]])
    h = jnp.tanh(w @ x)
    return 0.5 * jnp.einsum("i,ij,j->i", h, w, x) + h @ w - 0.3 * jnp.cumsum(h * x)


@program
def gather_scatter(x):
    at = jnp.argsort(-x)
    picked = x[at]
    y = 0.4 * jnp.sin(x)
    y = y.at[jnp.array([2, 0, 2])].add(0.5 * picked * picked)
    y = y.at[at[0]].multiply(x[1])
    y = y.at[1:3].add(0.3 * x[0:2])
    n = (4.0 * x[0] * x[0]).astype(jnp.int32)
    return y[n] + jnp.cos(x[n]) * x


@program
def for_loop(x):
    def body(i, c):
        h, total = c
        h = jnp.tanh(h * x + 0.1 * i + 0.2 * jnp.flip(x))
        return h, total + h[i] * x[i]

    h, total = lax.fori_loop(0, 3, body, (0.5 * x, 0.0 * x[0]))
    return h + 0.3 * total


@program
def while_loop_program(x):
    h = 1.5 * jnp.cos(x)
    for _ in range(7):
        h = lax.cond(jnp.sum(h * h) > 0.9, lambda h: 0.6 * h + 0.2 * jnp.sin(h * x), lambda h: h, h)
    return h


PROGRAMS["while_loop"] = PROGRAMS.pop("while_loop_program")


@program
def branch(x):
    s = jnp.sum(x)
    y = lax.cond(s > 0.2, lambda: jnp.sin(x) * s, lambda: 0.7 * x * x - 0.2)
    return lax.cond(y[0] < 0.05, lambda: y + 0.1 * x, lambda: lax.cond(y[0] < 0.3, lambda: y * jnp.cos(x), lambda: 0.5 * y))


@program
def match_arms(x):
    n = jnp.floor(2.0 * jnp.abs(x[0])).astype(jnp.int32)
    n = jnp.where(n == 3, 2, n)
    return lax.switch(n, [lambda: 0.8 * jnp.sin(x) + 0.1, lambda: x * jnp.flip(x), lambda: jnp.sin(jnp.sin(x + 0.3) + 0.3), lambda: 0.3 * x])


@program
def convolution(x):
    image = jnp.outer(x, 1.0 + 0.5 * jnp.flip(x)).reshape((1, 1, 3, 3))
    kernel = jnp.array([[[[0.2, -0.4], [0.7, 0.3]]], [[[0.5, 0.1], [-0.2, 0.6]]]])
    y = jnp.sin(lax.conv_general_dilated(image, kernel, (1, 1), "SAME"))
    pooled = lax.reduce_window(y, -jnp.inf, lax.max, (1, 1, 2, 1), (1, 1, 1, 1), "SAME")
    mixed = lax.conv_general_dilated(pooled, 0.5 * kernel.transpose((1, 0, 2, 3)), (1, 2), "SAME")
    return mixed.reshape((6,))[0:3] * 0.4 + 0.3 * pooled[0, 1, :, 2]


@program
def sorting(x):
    s = jnp.sort(jnp.sin(2.0 * x))
    m = jnp.maximum(s * x, 0.3 * jnp.flip(x))
    return 0.5 * jnp.cumprod(1.0 + 0.4 * m) + jax.scipy.special.logsumexp(s) * x - 0.2 * jnp.max(x)


@program
def random_numbers(x):
    key = jax.random.fold_in(jax.random.key(3), (5.0 * x[0] * x[0]).astype(jnp.uint32))
    a, b = jax.random.split(key)
    u = jax.random.uniform(a, (3,), dtype=jnp.float32).astype(jnp.float64)
    order = jax.random.permutation(b, 3)
    return jnp.sin(x[order] * (0.5 + u)) - 0.3 * u * x * x


@program
def linear_algebra(x):
    a = 2.0 * jnp.eye(3) + 0.3 * jnp.outer(x, jnp.sin(jnp.flip(x))) + jnp.diag(0.2 * x * x)
    s = jnp.diag(jnp.array([1.0, 1.7, 2.6])) + 0.2 * jnp.outer(x, x)
    y = jnp.linalg.solve(a, jnp.cos(x))
    l = jnp.linalg.cholesky(s)
    return y + 0.3 * l @ x + 0.2 * jnp.linalg.eigh(s)[0] - 0.1 * jnp.linalg.det(a) * (jnp.linalg.inv(s) @ x)


@program
def decompositions(x):
    a = jnp.diag(jnp.array([2.0, 1.2, 3.1])) + 0.4 * jnp.outer(jnp.sin(x), jnp.flip(x)) + jnp.diag(0.3 * x[0:2], k=1)
    q, r = jnp.linalg.qr(a)
    lu, _ = jax.scipy.linalg.lu_factor(a)
    big = 2.0 * jnp.eye(4) + jnp.pad(0.5 * a, ((0, 1), (1, 0))) + jnp.outer(jnp.array([0.1, 0.2, 0.3, 0.4]), jnp.array([0.3, 0.1, 0.2, 0.5]))
    return q[0] + 0.2 * jnp.diagonal(r) - 0.1 * lu[1] + 0.1 * jnp.linalg.slogdet(big)[1]


@program
def complex_numbers(x):
    z = jnp.exp(lax.complex(0.3 * x, jnp.flip(x))) * lax.complex(x, 0.5 + 0.0 * x)
    y = jnp.fft.fft(z * jnp.conj(z[0]))
    return (y * jnp.cumprod(z)).real * 0.2 + jnp.abs(z + 1.5) + jnp.fft.rfft(x * x, n=4).imag - 0.3 * jnp.angle(z + 3.0)


@program
def order_and_windows(x):
    top, at = lax.top_k(jnp.cos(x) * x, 2)
    y = lax.cumlogsumexp(x * jnp.flip(x)) + lax.cummax(jnp.sin(3.0 * x)) * top[0]
    # Places that repeat one after the other: JAX has no gradient of `multiply` at them.
    y = y.at[at].min(0.4 * x[0:2]).at[1].multiply(top[0]).at[1].multiply(top[1])
    # JAX has no derivative of a window with gaps: it is a sum of two slices.
    p = jnp.pad(y, 1)
    w = p[0:3] + p[2:5]
    return lax.dynamic_slice(jnp.concatenate((w, y)), (at[0],), (3,)) + 0.5 * jnp.prod(1.0 + 0.3 * x) * y


@jax.custom_jvp
def soft(x, a):
    return jnp.log(1.0 + jnp.exp(a * x))


@soft.defjvp
def soft_rule(x, t):
    s = 1.0 / (1.0 + jnp.exp(-x[1] * x[0]))
    return soft(*x), s * (x[1] * t[0] + x[0] * t[1])


@program
def forward_rule(x):
    return soft(x, 0.5 + jnp.sum(x)) - 0.4 * soft(jnp.flip(x), 1.2)


def plain_wave(x, a):
    return jnp.sin(a * x) * a


wave = jax.custom_vjp(plain_wave)


def wave_bwd(r, ct):
    x, a = r
    return a * a * jnp.cos(a * x) * ct, jnp.sum(ct * (jnp.sin(a * x) + a * x * jnp.cos(a * x)))


wave.defvjp(lambda x, a: (wave(x, a), (x, a)), wave_bwd)


@program
def reverse_rule(x):
    return wave(x, 0.7 + 0.5 * x[1]) + 0.3 * x * wave(x * x, 0.9)


def plain_swirl(x, a):
    return jnp.sin(a * x) + 0.2 * jnp.flip(x) * x, a * a


swirl = jax.custom_batching.custom_vmap(plain_swirl)


@swirl.def_vmap
def mapped(n, in_batched, x, a):
    rows = x if in_batched[0] else jnp.broadcast_to(x, (n, 3))
    scale = a if in_batched[1] else jnp.broadcast_to(a, (n,))
    y = jnp.sin(scale.reshape((n, 1)) * rows) + 0.2 * jnp.flip(rows, axis=1) * rows
    return (y, a * a), (True, in_batched[1])


@program
def mapping_rule(x):
    y, s = swirl(x, 0.6 + x[0])
    return y * s - 0.3 * x * swirl(jnp.flip(x), 1.1)[0]


def plain_mapping_rule(x):
    y, s = plain_swirl(x, 0.6 + x[0])
    return y * s - 0.3 * x * plain_swirl(jnp.flip(x), 1.1)[0]


@transformation
def grad(f):
    return jax.grad(lambda x: jnp.sum(f(x) * W))


@transformation
def value_and_grad(f):
    def g(x):
        v, g = jax.value_and_grad(lambda a, x: a * jnp.sum(f(x) * W), argnums=1)(1.0, x)
        return v * g

    return g


@transformation
def grad_with_aux(f):
    def h(x):
        def value(x):
            y = f(x)
            return jnp.sum(y * W), y

        g, y = jax.grad(value, has_aux=True)(x)
        return g + 0.5 * y

    return h


@transformation
def jvp(f):
    return lambda x: jax.jvp(f, (x,), (W,))[1]


@transformation
def vjp(f):
    return lambda x: jax.vjp(f, x)[1](W)[0]


@transformation
def linearize(f):
    def g(x):
        y, push = jax.linearize(f, x)
        return push(W) + push(y)

    return g


@transformation
def linear_transpose(f):
    return lambda x: jax.linear_transpose(lambda t: jax.jvp(f, (x,), (t,))[1], x)(W)[0]


@transformation
def jacfwd(f):
    return lambda x: jax.jacfwd(f)(x) @ W


@transformation
def jacrev(f):
    return lambda x: W @ jax.jacrev(f)(x)


@transformation
def hessian(f):
    return lambda x: jax.hessian(lambda x: jnp.sum(f(x) * W))(x) @ W


@transformation
def hvp(f):
    return lambda x: jax.jvp(jax.grad(lambda x: jnp.sum(f(x) * W)), (x,), (W,))[1]


@transformation
def vmap(f):
    return lambda x: jnp.sum(jax.vmap(f)(jnp.outer(jnp.array([1.0, 0.5]), x)), axis=0)


@transformation
def vmap_over_columns(f):
    return lambda x: jax.vmap(f, in_axes=-1, out_axes=1)(jnp.outer(x, jnp.array([1.0, 0.7]))) @ jnp.array([1.0, -0.5])


@transformation
def vmap_over_one(f):
    return lambda x: jnp.sum(jax.vmap(lambda a, x: a * f(x), in_axes=(0, None), out_axes=-1)(jnp.array([1.0, 0.3]), x), axis=-1)


@transformation
def vmap_over_a_tree(f):
    def g(x):
        args = (jnp.outer(x, jnp.array([1.0, 0.6])), (jnp.float64(0.9), jnp.array([0.5, 0.8])))
        ys, k = jax.vmap(lambda t, k: (t[1][1] * f(t[0] * t[1][0]), k), in_axes=((-1, (None, 0)), None), out_axes=(-1, None))(args, x[1] > 0.0)
        return ys @ jnp.array([1.0, -0.5]) + jnp.where(k, 0.0, 0.1)

    return g


@transformation
def vmap_with_a_name(f):
    def row(x):
        y = f(x)
        other = lax.all_gather(y, "rows")[1 - lax.axis_index("rows")]
        extremes = lax.pmax(y, "rows") * lax.pmin(lax.psum(x, "rows") * y, "rows")
        return y - 0.5 * lax.pmean(y, "rows") + 0.1 * extremes + 0.2 * other * lax.ppermute(x, "rows", ((0, 1), (1, 0)))

    def gathered(x):
        # `pmax` and `pmin` have no derivative in JAX: the rows as one array.
        xs = jnp.outer(jnp.array([1.0, 0.5]), x)
        y = jnp.stack([f(xs[0]), f(xs[1])])
        extremes = jnp.max(y, axis=0) * jnp.min(jnp.sum(xs, axis=0) * y, axis=0)
        return jnp.sum(y - 0.5 * jnp.mean(y, axis=0) + 0.1 * extremes + 0.2 * y[::-1] * xs[::-1], axis=0)

    def g(x):
        try:
            return jnp.sum(jax.vmap(row, axis_name="rows")(jnp.outer(jnp.array([1.0, 0.5]), x)), axis=0)
        except NotImplementedError:
            return gathered(x)

    return g


@transformation
def checkpoint(f):
    return jax.checkpoint(f)


@transformation
def custom_jvp(f):
    g = jax.custom_jvp(f)
    g.defjvp(lambda x, t: jax.jvp(f, x, t))
    return g


@transformation
def custom_vjp(f):
    g = jax.custom_vjp(f)
    g.defvjp(lambda x: (f(x), x), lambda x, ct: jax.vjp(f, x)[1](ct))
    return g


@transformation
def all_rules(f):
    return TRANSFORMATIONS["custom_jvp"](f)


@transformation
def custom_vmap(f):
    g = jax.custom_batching.custom_vmap(f)
    g.def_vmap(lambda n, batched, x: (lax.map(f, x), True))
    return g


@transformation
def custom_root(f):
    def g(x):
        r = f(x)
        solve = lambda f, y: lax.fori_loop(0, 14, lambda i, y: y - f(y), y)
        return lax.custom_root(lambda y: y + 0.1 * jnp.sin(y) - r, r, solve, lambda push, b: b / push(jnp.ones(3)))

    return g


@transformation
def custom_linear_solve(f):
    def g(x):
        d = 2.0 + x * x
        solve = lambda f, b: lax.fori_loop(0, 18, lambda i, v: v + (b - f(v)) / d, b / d)
        return lax.custom_linear_solve(lambda v: d * v + 0.3 * jnp.roll(v, 1), f(x), solve, solve)

    return g


@transformation
def jet(f):
    # `jax.experimental.jet` knows few primitives; along a line its terms are derivatives of derivatives.
    def g(x):
        first = lambda x: jax.jvp(f, (x,), (W,))[1]
        a, b = jax.jvp(first, (x,), (W,))
        return a + 0.3 * b

    return g


@transformation
def checkpoint_every(f):
    def g(x):
        step = jax.checkpoint(lambda c: 0.4 * c + 0.5 * f(c))
        return step(step(step(x)))

    return g


@transformation
def scan(f):
    def g(x):
        def body(c, a):
            c = 0.5 * c + a * f(c)
            return c, a * c

        last, ys = lax.scan(body, x, jnp.array([0.8, 0.4]))
        return last + jnp.sum(ys, axis=0)

    return g


@transformation
def fori_loop(f):
    return lambda x: lax.fori_loop(0, 2, lambda i, c: 0.4 * x + 0.5 * f(c), x)


@transformation
def bounded_while(f):
    return lambda x: lax.fori_loop(0, 2, lambda i, c: 0.5 * c + 0.4 * f(c), x)


@transformation
def while_loop(f):
    return lambda x: lax.while_loop(lambda c: c[1] < 2, lambda c: (0.5 * c[0] + 0.4 * f(c[0]), c[1] + 1), (x, (x[0] > 9.0).astype(jnp.int32)))[0]


@transformation
def cond(f):
    return lambda x: lax.cond(x[0] > 0.1, f, lambda x: 0.6 * x + 0.5 * f(0.8 * x), x)


@transformation
def switch(f):
    def g(x):
        n = (x[1] > 0.0).astype(jnp.int32) + (x[2] > 0.0).astype(jnp.int32)
        return lax.switch(n, (f, lambda x: 0.5 * f(0.9 * x), lambda x: jnp.sin(x)), x)

    return g


@transformation
def map(f):
    def g(x):
        ys = lax.map(f, jnp.outer(jnp.array([1.0, 0.4]), x))
        return ys[0] - ys[1]

    return g


@transformation
def associative_scan(f):
    return lambda x: jnp.sum(lax.associative_scan(lambda a, b: a * b, jnp.stack((1.0 + 0.3 * f(x), 1.0 + 0.2 * f(0.5 * x)))), axis=0)


def cases():
    """All single transformations, and of the deeper ones an even sample."""
    names = list(TRANSFORMATIONS)
    for p in PROGRAMS:
        yield p, ()
        for t in names:
            yield p, (t,)
    rng = np.random.default_rng(4)
    programs = list(PROGRAMS)
    pairs = list(itertools.product(names, names))
    for n, k in enumerate(rng.permutation(len(pairs))[:200]):
        yield programs[n % len(programs)], pairs[k]
    for n in range(100):
        yield programs[n % len(programs)], tuple(names[k] for k in rng.integers(0, len(names), 3))


REVERSE = {"grad", "value_and_grad", "grad_with_aux", "vjp", "linear_transpose", "jacrev", "hessian", "hvp"}


def value(p, stack):
    f = PROGRAMS[p]
    for t in stack:
        f = TRANSFORMATIONS[t](f)
    # Loops and branches on concrete values run as Python does: nothing is compiled for them.
    with jax.disable_jit():
        return np.asarray(f(X))


def without_rules(p, stack):
    """The same without what JAX refuses to differentiate."""
    plain = {"reverse_rule": lambda x: plain_wave(x, 0.7 + 0.5 * x[1]) + 0.3 * x * plain_wave(x * x, 0.9), "mapping_rule": plain_mapping_rule}
    old = PROGRAMS.get(p)
    try:
        PROGRAMS[p] = plain.get(p, old)
        return value(p, [t for t in stack if t not in ("custom_vjp", "custom_vmap", "custom_jvp", "all_rules")])
    finally:
        PROGRAMS[p] = old


def main():
    path = HERE / "compositions.txt"
    lines = path.read_text().splitlines() if "--new" in sys.argv else []
    known = dict(line.split(" -> ") for line in lines)
    out, left_out, plain = [], 0, 0
    for p, stack in cases():
        if "while_loop" in stack and REVERSE & set(stack[stack.index("while_loop") :]):
            continue
        name = " ".join([p, *stack])
        if name not in known:
            try:
                try:
                    y = value(p, stack)
                except Exception:
                    y = without_rules(p, stack)
                    plain += 1
            except Exception as e:
                left_out += 1
                print(name, "-", type(e).__name__, str(e).splitlines()[0][:80])
                continue
            known[name] = " ".join(repr(float(v)) for v in y)
            print(len(out), name, flush=True)
        out.append(f"{name} -> {known[name]}")
    # What was drawn from fewer programs or transformations stays.
    out += [line for line in lines if line not in set(out)]
    path.write_text("\n".join(out) + "\n")
    print(len(out), "compositions,", plain, "without rules,", left_out, "refused by JAX")


if __name__ == "__main__":
    main()
