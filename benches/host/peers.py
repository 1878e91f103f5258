#!/usr/bin/env python3
"""The workloads in JAX and NumPy, one line of JSON each: `peers.py jax|jax-loop|numpy [--workload PART,PART..] [--seconds N]`.

`jax` is a call as Python sees it; `jax-loop` is the same computation repeated in one compiled loop, whose turns depend on each
other through a vanishing part of the result, so that what a call costs is not counted. Inputs are those of `src/inputs.rs`.
"""
import json
import os
import sys
import time

SYSTEM = sys.argv[1]
option = lambda name, default: sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default
PARTS, SECONDS = option("--workload", "").split(","), float(option("--seconds", "0.3"))
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
import numpy as np

JAX = SYSTEM.startswith("jax")
if JAX:
    import jax
    import jax.numpy as np_

    jax.config.update("jax_cpu_enable_async_dispatch", False)
else:
    np_ = np
f32 = np.float32


def fill(seed, *shape, scale=1.0):
    n, state, out = int(np.prod(shape)), seed * 0x9E3779B97F4A7C15 % 2**64, []
    if n > 100_000:  # The state after k steps is a^k s + c (a^(k-1) + .. + 1): all of them at once, modulo 2^64.
        with np.errstate(over="ignore"):
            powers = np.cumprod(np.full(n, 6364136223846793005, np.uint64), dtype=np.uint64)
            sums = np.concatenate([np.ones(1, np.uint64), powers[:-1]]).cumsum(dtype=np.uint64)
            states = powers * np.uint64(state) + sums * np.uint64(1442695040888963407)
    else:
        for _ in range(n):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            out.append(state)
        states = np.array(out, np.uint64)
    return (((states >> np.uint64(40)).astype(f32) * f32(2.0**-23) - f32(1)) * f32(scale)).reshape(shape)


def one_hot(n):
    return (np.arange(10)[None, :] == (7 * np.arange(n)[:, None] + 3) % 10).astype(f32)


def spd(seed, n):
    m = fill(seed, n, n).astype(np.float64)
    return (m @ m.T / n + np.eye(n)).astype(f32)


def particles():
    corners = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    cells = [(i, j, k) for i in range(4) for j in range(4) for k in range(4)]
    at = np.array([[c + b for c, b in zip(cell, corner)] for cell in cells for corner in corners], f32)
    return at * f32(1.71) + fill(400, 256, 3, scale=0.05)


def relu(x):
    return np_.maximum(x, 0)


def softmax(x):
    e = np_.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np_.log(np_.exp(x).sum(-1, keepdims=True))


def sigmoid(x):
    return jax.nn.sigmoid(x) if JAX else 1 / (1 + np.exp(-x))


def logits(w1, b1, w2, b2, x):
    return relu(x @ w1 + b1) @ w2 + b2


def loss(w1, b1, w2, b2, x, y):
    return -(log_softmax(logits(w1, b1, w2, b2, x)) * y).sum() / (x.shape[0] if x.ndim == 2 else 1)


def gradients_by_hand(w1, b1, w2, b2, x, y):
    h = relu(x @ w1 + b1)
    z = log_softmax(h @ w2 + b2)
    dz = (np.exp(z) - y) / f32(len(x))
    dh = dz @ w2.T * (h > 0)
    return -(z * y).sum() / f32(len(x)), (x.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0))


def train(value_and_grad):
    def step(w1, b1, w2, b2, x, y):
        l, g = value_and_grad(w1, b1, w2, b2, x, y)
        return *(p - f32(0.01) * d for p, d in zip((w1, b1, w2, b2), g)), l

    return step


def layernorm(x, g, b):
    d = x - x.mean(-1, keepdims=True)
    return d / np_.sqrt((d * d).mean(-1, keepdims=True) + f32(1e-5)) * g + b


def cell(h, c, x, wx, wh, b):
    z = x @ wx + h @ wh + b
    c = sigmoid(z[32:64]) * c + sigmoid(z[:32]) * np_.tanh(z[64:96])
    return sigmoid(z[96:]) * np_.tanh(c), c


def states(wx, wh, b, x):
    if not JAX:
        h = c = np.zeros(32, f32)
        out = []
        for row in x:
            h, c = cell(h, c, row, wx, wh, b)
            out.append(h)
        return np.stack(out)
    zero = np_.zeros(32)
    turn = lambda s, row: (lambda new: (new, new[0]))(cell(*s, row, wx, wh, b))
    return jax.lax.scan(turn, (zero, zero), x)[1]


def conv(x, w, b, stride=1, groups=1):
    names = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=names, feature_group_count=groups)
    return y + b


def dscnn(x, w, b, *p):
    x = relu(conv(x, w, b, 2))
    for n in range(0, 16, 4):
        x = relu(conv(relu(conv(x, p[n], p[n + 1], groups=64)), p[n + 2], p[n + 3]))
    return softmax(x[0].mean((0, 1)) @ p[16] + p[17])


def resnet8(x, *p):
    at = lambda x, n, stride=1: conv(x, p[2 * n], p[2 * n + 1], stride)
    x = relu(at(x, 0))
    x = relu(x + at(relu(at(x, 1)), 2))
    x = relu(at(x, 5, 2) + at(relu(at(x, 3, 2)), 4))
    x = relu(at(x, 8, 2) + at(relu(at(x, 6, 2)), 7))
    return softmax(x[0].mean((0, 1)) @ p[18] + p[19])


def decode(x, k, v, embedding, *p):
    if not JAX:
        k, v = k.copy(), v.copy()
    for l in range(2):
        g1, b1, qkv, qkv_b, o, o_b, g2, b2, up, up_b, down, down_b = p[12 * l : 12 * l + 12]
        z = layernorm(x, g1, b1) @ qkv + qkv_b
        if JAX:
            k, v = k.at[l, 63].set(z[64:128]), v.at[l, 63].set(z[128:])
        else:
            k[l, 63], v[l, 63] = z[64:128], z[128:]
        keys, values = k[l].reshape(64, 4, 16), v[l].reshape(64, 4, 16)
        weights = softmax(np_.einsum("hd,thd->ht", z[:64].reshape(4, 16), keys) * f32(0.25))
        x = x + np_.einsum("ht,thd->hd", weights, values).reshape(64) @ o + o_b
        y = layernorm(x, g2, b2) @ up + up_b
        y = f32(0.5) * y * (1 + np_.tanh(f32(0.7978845608) * (y + f32(0.044715) * (y * y * y))))
        x = x + y @ down + down_b
    return layernorm(x, p[24], p[25]) @ embedding.T, k, v


def energy(x):
    own = np_.eye(256, dtype=f32)
    d = x[:, None, :] - x[None, :, :]
    d = d - f32(6.84) * np_.round(d / f32(6.84))
    inv2 = 1 / ((d * d).sum(-1) + own)
    inv6 = inv2 * inv2 * inv2
    return 2 * ((inv6 * inv6 - inv6) * (1 - own)).sum()


def forces_by_hand(x):
    d = x[:, None, :] - x[None, :, :]
    d -= f32(6.84) * np.round(d / f32(6.84))
    r2 = (d * d).sum(-1)
    np.fill_diagonal(r2, np.inf)
    inv2 = 1 / r2
    inv6 = inv2 * inv2 * inv2
    return 2 * (inv6 * inv6 - inv6).sum(), np.einsum("ij,ijk->ik", 24 * (2 * inv6 * inv6 - inv6) * inv2, d)


def kalman(x, p, z, f, h, q, r):
    x, p = f @ x, f @ p @ f.T + q
    gain = np_.linalg.solve(h @ p @ h.T + r, h @ p).T
    return x + gain @ (z - h @ x), p - gain @ h @ p


def cost(u):
    def turn(s, u):
        th, om, c = s
        om = om + 0.05 * (9.81 * np_.sin(th) + u)
        th = th + 0.05 * om
        return (th, om, c + th * th + 0.1 * om * om + 0.001 * u * u), None

    return jax.lax.scan(turn, (f32(0.3), f32(0), f32(0)), u)[0][2]


def workloads():
    one = lambda f: lambda *x: (f(*x),)
    large = [fill(10, 784, 128, scale=0.05), fill(11, 128, scale=0.05), fill(12, 128, 10, scale=0.1), fill(13, 10, scale=0.1)]
    small = [fill(20, 64, 32, scale=0.2), fill(21, 32, scale=0.2), fill(22, 32, 10, scale=0.2), fill(23, 10, scale=0.2)]
    net = [fill(50, 8), fill(51, 8, 16, scale=0.5), fill(52, 16, scale=0.5), fill(53, 16, 8, scale=0.5), fill(54, 8, scale=0.5)]
    lstm = [fill(60, 8, 128, scale=0.2), fill(61, 32, 128, scale=0.2), fill(62, 128, scale=0.2), fill(63, 32, 8)]
    yield "dispatch", one(lambda x: x + 1), lambda: [fill(1, 1)]
    for n in (64, 512, 5000):
        yield f"poly_{n}", one(lambda x: x + x * x + x * x * x), lambda n=n: [fill(1, n, n)]
    for n in (16, 64, 128, 256, 512, 1024):
        yield f"matmul_{n}", one(lambda a, b: a @ b), lambda n=n: [fill(2, n, n), fill(3, n, n)]
    yield "matvec_784x128", one(lambda x, w: x @ w), lambda: [fill(4, 784), large[0]]
    for n in (1, 32):
        yield f"mlp_predict_b{n}", one(lambda *p: softmax(logits(*p))), lambda n=n: [*large, fill(14, n, 784)]
    value_and_grad = jax.value_and_grad(loss, argnums=(0, 1, 2, 3)) if JAX else gradients_by_hand
    yield "mlp_train_b32", train(value_and_grad), lambda: [*large, fill(14, 32, 784), one_hot(32)]
    yield "mlp_small_train_b16", train(value_and_grad), lambda: [*small, fill(24, 16, 64), one_hot(16)]
    yield "sort_4096", one(np_.sort), lambda: [fill(104, 4096)]
    yield "cumsum_65536", one(np_.cumsum), lambda: [fill(105, 65536)]
    yield "softmax_128x1000", one(softmax), lambda: [fill(106, 128, 1000, scale=4.0)]
    yield "layernorm_128x768", one(layernorm), lambda: [fill(107, 128, 768), 1 + fill(108, 768, scale=0.1), fill(109, 768, scale=0.1)]
    yield "lstm_fwd", one(lambda *p: states(*p)[31]), lambda: lstm
    yield "rfft_256", one(np_.fft.rfft), lambda: [fill(100, 256)]
    yield "rfft_4096", one(np_.fft.rfft), lambda: [fill(100, 4096)]
    yield "cholesky_32", one(np_.linalg.cholesky), lambda: [spd(101, 32)]
    yield "solve_32", one(np_.linalg.solve), lambda: [fill(102, 32, 32) + 4 * np.eye(32, dtype=f32), fill(103, 32)]

    def filter_inputs():
        f = np.eye(6, dtype=f32)
        f[:3, 3:] = f32(0.1) * np.eye(3, dtype=f32)
        h = np.eye(6, dtype=f32)[:3].copy()
        return [fill(430, 6), spd(431, 6), fill(432, 3), f, h, f32(0.01) * np.eye(6, dtype=f32), f32(0.1) * np.eye(3, dtype=f32)]

    yield "kalman_6_3", kalman, filter_inputs

    def decoder():
        e = fill(300, 256, 64, scale=0.5)
        x = e[17] + fill(301, 64, 64, scale=0.1)[63]
        p = [x, fill(302, 2, 64, 64), fill(303, 2, 64, 64), e]
        for s in (310, 330):
            p += [1 + fill(s, 64, scale=0.1), fill(s + 1, 64, scale=0.1), fill(s + 2, 64, 192, scale=0.2), fill(s + 3, 192, scale=0.1)]
            p += [fill(s + 4, 64, 64, scale=0.2), fill(s + 5, 64, scale=0.1), 1 + fill(s + 6, 64, scale=0.1), fill(s + 7, 64, scale=0.1)]
            p += [fill(s + 8, 64, 256, scale=0.2), fill(s + 9, 256, scale=0.1), fill(s + 10, 256, 64, scale=0.1), fill(s + 11, 64, scale=0.1)]
        return p + [1 + fill(350, 64, scale=0.1), fill(351, 64, scale=0.1)]

    yield "decoder_step", decode, decoder
    if not JAX:
        yield "lj_forces", forces_by_hand, lambda: [particles()]
        return
    yield "lj_forces", lambda x: (lambda e, g: (e, -g))(*jax.value_and_grad(energy)(x)), lambda: [particles()]

    def verlet(x, v, f):
        half = v + 0.0025 * f
        x = x + 0.005 * half
        f = -jax.grad(energy)(x)
        return x, half + 0.0025 * f, f

    yield "lj_step", verlet, lambda: [particles(), fill(401, 256, 3), fill(402, 256, 3)]
    descend = lambda _, u: u - 0.02 * jax.grad(cost)(u)
    yield "mpc_50x20", one(lambda u: jax.lax.fori_loop(0, 50, descend, u)), lambda: [fill(440, 20, scale=0.1)]
    each = jax.vmap(jax.grad(loss, argnums=(0, 1, 2, 3)), in_axes=(None, None, None, None, 0, 0))
    yield "mlp_small_pergrad_b32", each, lambda: [*small, fill(24, 32, 64), one_hot(32)]

    def logistic(w, x, y):
        z = x @ w
        return (np_.maximum(z, 0) + np_.log1p(np_.exp(-abs(z))) - y * z).mean()

    labels = lambda: [fill(32, 20), fill(30, 1000, 20), (fill(31, 1000) > 0).astype(f32)]
    yield "logreg_grad", one(jax.grad(logistic)), labels
    rosenbrock = lambda x: (100 * (x[1:] - x[:-1] * x[:-1]) ** 2 + (1 - x[:-1]) ** 2).sum()
    yield "rosen_hessian", one(jax.hessian(rosenbrock)), lambda: [fill(40, 10)]
    tanh_net = lambda x, w1, b1, w2, b2: np_.tanh(np_.tanh(x @ w1 + b1) @ w2 + b2)
    yield "tanh_jacfwd", one(jax.jacfwd(tanh_net)), lambda: net
    yield "tanh_jacrev", one(jax.jacrev(tanh_net)), lambda: net
    lstm_loss = lambda wx, wh, b, x: (states(wx, wh, b, x) ** 2).sum() / 1024
    yield "lstm_grad", jax.grad(lstm_loss, argnums=(0, 1, 2)), lambda: lstm

    def words():
        p = [fill(70, 1, 49, 10, 1), fill(71, 10, 4, 1, 64, scale=0.15), fill(72, 64, scale=0.05)]
        for s in range(73, 89, 4):
            p += [fill(s, 3, 3, 1, 64, scale=0.3), fill(s + 1, 64, scale=0.05)]
            p += [fill(s + 2, 1, 1, 64, 64, scale=0.15), fill(s + 3, 64, scale=0.05)]
        return p + [fill(89, 64, 12, scale=0.2), fill(90, 12, scale=0.2)]

    yield "dscnn", one(dscnn), words

    def pictures():
        sizes = [(3, 3, 16, 0.3), (3, 16, 16, 0.12), (3, 16, 16, 0.12), (3, 16, 32, 0.12), (3, 32, 32, 0.08)]
        sizes += [(1, 16, 32, 0.3), (3, 32, 64, 0.08), (3, 64, 64, 0.06), (1, 32, 64, 0.2)]
        p = [fill(200, 1, 32, 32, 3)]
        for n, (k, i, o, scale) in enumerate(sizes):
            p += [fill(201 + 2 * n, k, k, i, o, scale=scale), fill(202 + 2 * n, o, scale=0.05)]
        return p + [fill(230, 64, 10, scale=0.2), fill(231, 10, scale=0.2)]

    yield "resnet8", one(resnet8), pictures


def parts(x):
    x = np.asarray(x)
    return (x.view(f32) if np.iscomplexobj(x) else x).astype(np.float64).ravel()


def measure(name, function, inputs):
    inputs = inputs()
    if JAX:
        inputs = [jax.numpy.asarray(x) for x in inputs]
        function = jax.jit(function)
    out = [parts(x) for x in function(*inputs)]
    weights = [1 + np.arange(len(x)) % 16 / 16 for x in out]
    check, size = (sum(float((f(x) * w).sum()) for x, w in zip(out, weights)) for f in (lambda x: x, np.abs))
    turns = 1
    run = lambda: jax.block_until_ready(function(*inputs)) if JAX else function(*inputs)
    start = time.process_time_ns()
    run()
    once = max(time.process_time_ns() - start, 200)
    if SYSTEM == "jax-loop":
        turns = int(min(max(2_000_000 // once, 10), 20_000))

        def body(_, x):
            first = sum(r.ravel()[0].real for r in function(*x)).astype(f32) * f32(1e-30)
            return (*(x[i] + first if i < 2 else x[i] for i in range(len(x))),)

        loop = jax.jit(lambda *x: jax.lax.fori_loop(0, turns, body, x))
        run = lambda: jax.block_until_ready(loop(*inputs))
        run()
        once *= turns
    calls = int(min(max(150_000 // once, 1), 2000))
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 7 or time.perf_counter() < end and len(times) < 4000:
        start = time.process_time_ns()
        for _ in range(calls):
            run()
        times.append((time.process_time_ns() - start) / calls / turns)
    times.sort()
    line = dict(system=SYSTEM, workload=name, ns_min=times[0], ns_median=times[len(times) // 2], samples=len(times), check=check, size=size, numbers=sum(map(len, out)))
    print(json.dumps(line), flush=True)


for name, function, inputs in workloads():
    if any(part in name for part in PARTS):
        measure(name, function, inputs)
