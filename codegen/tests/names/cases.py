"""What every function of the library yields in JAX: writes the tables `*.txt` that `tests/names.rs` checks Kiln against.

    python cases.py [--new] [group ..]

needs jax and numpy. With `--new` cases that stand in the table already keep their values. A case is one expression. It is Kiln's text and, after a few changes of spelling, Python's: that the two
agree in names, argument order and keywords is part of what is tested. Where they cannot agree, the Python text is given too.
"""

import pathlib
import re
import sys
import types
import warnings
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import ml_dtypes

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent

DTYPES = {
    "f32": np.float32, "f64": np.float64, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "i8": np.int8, "i16": np.int16,
    "i32": np.int32, "i64": np.int64, "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
    "bool": np.bool_, "c64": np.complex64, "c128": np.complex128,
}
NAMES = {np.dtype(v): k for k, v in DTYPES.items()}
# Relative to the largest magnitude of a result: a few roundings.
TOLERANCE = {"f32": 3e-6, "f64": 1e-13, "f16": 2e-3, "bf16": 2e-2, "c64": 5e-6, "c128": 1e-13}

# Names as inside `#[jit]`: those of `jax.numpy`, else `jax.nn`, else `jax.lax`; modules by path.
SPACE = {}
for module in (jax.scipy.special, jax.lax, jax.ops, jax.nn, jnp):
    SPACE.update({n: getattr(module, n) for n in dir(module) if not n.startswith("_")})
SPACE.update(DTYPES)
SPACE.update(true=True, false=False, jax=jax, jnp=jnp, np=np, nn=jax.nn, lax=jax.lax, ops=jax.ops, inf=np.inf, nan=np.nan, where_=jnp.where,
             mod_=jnp.mod, grad=jax.grad, hessian=jax.hessian, bool=np.bool_)

GROUPS = {}
GROUP = None


def group(name):
    global GROUP
    GROUP = GROUPS.setdefault(name, [])


def python(text):
    text = text.replace("::", ".").replace("where_ =", "where =").replace("f32.INFINITY", "inf").replace("f32.NAN", "nan")
    text = re.sub(r"\|([\w, ]*)\| ?", r"lambda \1: ", text)
    text = re.sub(r"(\b\w+\b|\)) as (\w+)", r"\1.astype(\2)" if " as " in text else r"\1", text)
    return text


def c(text, py=None, tol=None, **inputs):
    """One expression over named arrays."""
    GROUP.append((text, py or python(text), tol, {k: np.asarray(v) for k, v in inputs.items()}))


def g(text, py=None, tol=None, **inputs):
    """The gradient of an expression in `x`, every element of the result weighed differently."""
    py = py or python(text)
    wide = np.asarray(inputs["x"]).dtype == np.float64
    c(f"grad(|x| {{ let y = {text}; sum(y * (arange(y.size()).reshape(y.shape()) as {'f64' if wide else 'f32'} + 1.0)) }})(x)",
      f"jax.grad(lambda x: (lambda y: jnp.sum(y * (jnp.arange(y.size).reshape(y.shape) + 1)))({py}))(x)", tol, **inputs)


def rng(shape, salt):
    return np.random.default_rng(zlib.crc32(repr((shape, salt)).encode()))


def f(*shape, lo=-3.0, hi=3.0, dtype=np.float32, salt=0):
    """Floats with few digits."""
    return (np.round(rng(shape, (lo, hi, salt)).uniform(lo, hi, shape) * 64) / 64).astype(dtype)


def p(*shape, **kw):
    """Positive floats."""
    return f(*shape, lo=0.125, hi=4.0, **kw)


def i(*shape, lo=-9, hi=9, dtype=np.int32, salt=0):
    return rng(shape, (lo, hi, salt)).integers(lo, hi, shape, endpoint=True).astype(dtype)


def u(*shape, lo=0, hi=9, dtype=np.uint32, salt=0):
    return i(*shape, lo=lo, hi=hi, dtype=dtype, salt=salt)


def b(*shape, salt=0):
    return rng(shape, ("b", salt)).uniform(size=shape) < 0.5


def z(*shape, salt=0):
    return (f(*shape, salt=salt) + 1j * f(*shape, salt=salt + 1)).astype(np.complex64)


def arr(dtype, *values):
    return np.array(values, dtype=DTYPES[dtype])


# Where functions of floats are delicate.
EDGES = arr("f32", 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 1e-20, -1e-20, 1e20, -1e20, np.inf, -np.inf, np.nan)
PAIRS = np.meshgrid(arr("f32", 0.0, -0.0, 1.0, -1.5, 3.0, np.inf, -np.inf, np.nan), arr("f32", 0.0, -0.0, 1.0, -1.5, 3.0, np.inf, -np.inf, np.nan))
PAIRS = dict(x=PAIRS[0].ravel(), y=PAIRS[1].ravel())
INT_PAIRS = np.meshgrid(arr("i32", 0, 1, -1, 7, -7, 12, 2**31 - 1, -(2**31)), arr("i32", 1, -1, 3, -3, 12, 2**31 - 1, -(2**31)))
INT_PAIRS = dict(x=INT_PAIRS[0].ravel(), y=INT_PAIRS[1].ravel())


def number(x):
    if np.iscomplexobj(x):
        return f"{number(x.real)}+{number(x.imag)}i"
    if x.dtype == np.bool_:
        return "true" if x else "false"
    if x.dtype.kind in "iu":
        return str(int(x))
    if np.isnan(x):
        return "nan"
    if np.isinf(x):
        return "inf" if x > 0 else "-inf"
    short = str(x.astype(np.float32)) if x.dtype.itemsize == 2 else str(x)
    return short


def line(x):
    shape = ",".join(map(str, x.shape))
    return f"{NAMES[x.dtype]}[{shape}] " + " ".join(number(v) for v in x.ravel())


def known(name):
    """The results in the table, by text and inputs."""
    out = {}
    path = HERE / f"{name}.txt"
    for case in (("\n" + path.read_text()).split("\n== ")[1:] if path.exists() else ()):
        lines = case.strip().split("\n")
        given = [l for l in lines[1:] if not l.startswith("-> ")]
        out[lines[0], *given] = [l.split(" ", 2)[2] for l in lines if l.startswith("-> ")]
    return out


def write(name, cases, old):
    out = []
    for text, py, tol, inputs in cases:
        given = [f"{k} {line(a)}".rstrip() for k, a in inputs.items()]
        if (text, *given) in old:
            results = old[text, *given]
            tols = [tol or TOLERANCE.get(r.split("[")[0], 0) for r in results]
            out += [f"== {text}", *given, *(f"-> {t:g} {r}" for t, r in zip(tols, results))]
            continue
        wide = any(a.dtype.itemsize == (16 if np.iscomplexobj(a) else 8) for a in inputs.values()) or re.search("[fiu]64|c128", text)
        with jax.enable_x64(bool(wide)):
            try:
                space = dict(SPACE)
                space.update({k: jnp.asarray(v) for k, v in inputs.items()})
                result = eval(py, space)
            except Exception as e:
                print(f"{name}: {text}\n    {py}\n    {type(e).__name__}: {str(e).splitlines()[0]}")
                continue
            results = jax.tree.leaves(result)
            results = [np.asarray(r) for r in results]
        out += [f"== {text}", *given]
        tols = [tol or TOLERANCE.get(NAMES[r.dtype], 0) for r in results]
        out += [f"-> {t:g} {line(r)}".rstrip() for t, r in zip(tols, results)]
    (HERE / f"{name}.txt").write_text("\n".join(out) + "\n")


def main():
    for module in sorted(HERE.glob("group_*.py")):
        space = dict(globals())
        exec(compile(module.read_text(), module.name, "exec"), space)
    wanted = [a for a in sys.argv[1:] if a != "--new"]
    for name, cases in GROUPS.items():
        if not wanted or name in wanted:
            write(name, cases, known(name) if "--new" in sys.argv else {})


if __name__ == "__main__":
    main()
