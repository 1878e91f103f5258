"""Writes the files of tensors beside it: `python make.py`, with numpy, safetensors and ml_dtypes."""
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file


def ramp(shape, dtype=np.float32):
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) / 8 - 1).astype(dtype)


mlp = {"l1.w": ramp((2, 3)), "l1.b": ramp((2,)), "l2.w": ramp((1, 2)), "l2.b": ramp((1,))}
save_file(mlp, "mlp.safetensors")
np.savez("mlp.npz", **mlp)
np.savez_compressed("compressed.npz", **{name: np.asfortranarray(x) for name, x in mlp.items()})
np.save("matrix.npy", np.asfortranarray(ramp((3, 4), ">f8")))

# Every dtype; tuples, arrays of structs by number and stacked.
save_file(
    {
        "flag": np.array([True, False]), "small.0": np.array(-3, np.int8), "small.1": np.array([1, 65535], np.uint16),
        "wide": np.array([-(2**63), 2**63 - 1]), "half": ramp((2,), np.float16), "double": np.array(np.pi),
        "cells.0.w": ramp((2,)), "cells.0.n": np.array(7, np.uint32),
        "cells.1.w": ramp((2,)) + 10, "cells.1.n": np.array(8, np.uint32),
        "stacked.w": ramp((2, 3, 2)), "stacked.n": np.arange(6, dtype=np.uint32).reshape(2, 3),
    },
    "all.safetensors",
)
np.savez("exotic.npz", z=np.array([1 + 2j, 3 - 4j], np.complex64), bf=ramp((2,), ml_dtypes.bfloat16))
