//! Names that mean something inside `#[jit]` without being imported. What the user defines or imports wins over them.

/// Modules of built-ins: every path that starts with one of these is built in.
const MODULES: &[&str] = &["fft", "lax", "linalg", "nn", "random", "scipy", "tree"];

/// Types and functions of the language and of the prelude, and module prefixes that are never items of the user.
const LANGUAGE: &[&str] = &[
    "Complex", "CheckError", "Err", "FnMut", "FnOnce", "Fn", "None", "Ok", "Option", "Result", "Self", "Some", "alloc", "bf16", "bool", "char",
    "core", "f16", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "kiln", "std", "str", "u128", "u16", "u32", "u64", "u8", "usize",
];

/// Bare functions and constants: Kiln's transformations and control flow, then `jax.numpy` and what is common to it and
/// `jax.lax`, then `jax.nn` where it is used bare. In alphabetical order, for the search.
const BARE: &[&str] = &[
    "PI", "abs", "absolute", "acos", "acosh", "add", "all", "allclose", "amax", "amin", "angle", "any", "append", "apply_along_axis",
    "apply_over_axes", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin",
    "argpartition", "argsort", "argwhere", "around", "array", "array_equal", "array_equiv", "array_split", "array_str", "asarray", "asin",
    "asinh", "associative_scan", "astype", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "average", "bartlett",
    "batch_matmul", "bessel_i0e", "bessel_i1e", "betainc", "bincount", "bitcast_convert_type", "bitwise_and", "bitwise_count",
    "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman", "block",
    "broadcast", "broadcast_arrays", "broadcast_in_dim", "broadcast_shapes", "broadcast_to", "cbrt", "ceil", "celu", "checkpoint",
    "choose", "clamp", "clip", "clz", "collapse", "column_stack", "complex", "compress", "concat", "concatenate", "cond", "conj",
    "conjugate", "conv", "conv_general_dilated", "conv_general_dilated_local", "conv_general_dilated_patches", "conv_transpose",
    "conv_with_general_padding", "convert_element_type", "convolve", "copy", "copysign", "corrcoef", "correlate", "cos", "cosh",
    "count_nonzero", "cov", "cross", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "cumulative_prod", "cumulative_sum",
    "custom_jvp", "custom_vjp", "debug_nans", "deg2rad", "degrees", "delete", "diag", "diag_indices", "diag_indices_from", "diagflat",
    "diagonal", "diff", "digamma", "digitize", "div", "divide", "divmod", "dot", "dot_general", "dsplit", "dstack", "dtype",
    "dynamic_index_in_dim", "dynamic_slice", "dynamic_slice_in_dim", "dynamic_update_index_in_dim", "dynamic_update_slice",
    "dynamic_update_slice_in_dim", "ediff1d", "einsum", "elu", "empty", "empty_like", "eq", "equal", "erf", "erf_inv", "erfc", "exp",
    "exp2", "expand_dims", "expm1", "extract", "eye", "fabs", "fill_diagonal", "finfo", "fix", "flatnonzero", "flatten", "flip", "fliplr",
    "flipud", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "fori_loop", "frexp", "from_dlpack", "fromfunction", "full",
    "full_like", "gather", "gcd", "ge", "gelu", "geomspace", "glu", "grad", "gradient", "greater", "greater_equal", "gt", "hamming",
    "hanning", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "heaviside", "hessian", "histogram", "histogram2d",
    "histogram_bin_edges", "histogramdd", "hsplit", "hstack", "hvp", "hypot", "i0", "identity", "igamma", "igammac", "iinfo", "imag",
    "index_in_dim", "index_take", "indices", "inf", "inner", "insert", "integer_pow", "interp", "intersect1d", "invert", "iota",
    "is_finite", "isclose", "iscomplex", "iscomplexobj", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal",
    "isrealobj", "isscalar", "ix_", "jacfwd", "jacobian", "jacrev", "jvp", "kaiser", "kron", "lcm", "ldexp", "le", "leaky_relu",
    "left_shift", "less", "less_equal", "lexsort", "lgamma", "linear_transpose", "linearize", "linspace", "log", "log10", "log1p", "log2",
    "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "logistic",
    "logspace", "logsumexp", "lt", "map", "mask_indices", "matmul", "matrix_transpose", "matvec", "max", "maximum", "mean", "median",
    "meshgrid", "mgrid", "min", "minimum", "mish", "mod_", "modf", "moveaxis", "mul", "multiply", "nan", "nan_to_num", "nanargmax",
    "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile",
    "nanstd", "nansum", "nanvar", "ndim", "ne", "neg", "negative", "newaxis", "nextafter", "nonzero", "normalize", "not_equal", "ogrid",
    "one_hot", "ones", "ones_like", "outer", "packbits", "pad", "partition", "percentile", "permute_dims", "pi", "piecewise", "place",
    "pmap", "poly", "polyadd", "polyder", "polydiv", "polyfit", "polygamma", "polyint", "polymul", "polysub", "polyval",
    "population_count", "positive", "pow", "power", "prod", "promote_types", "ptp", "put", "put_along_axis", "quantile", "rad2deg",
    "radians", "ravel", "ravel_multi_index", "real", "reciprocal", "reduce", "reduce_and", "reduce_max", "reduce_min", "reduce_or",
    "reduce_precision", "reduce_prod", "reduce_sum", "reduce_window", "relu", "relu6", "rem", "remainder", "repeat", "reshape", "resize",
    "result_type", "rev", "right_shift", "rint", "rng_bit_generator", "roll", "rollaxis", "roots", "rot90", "round", "rsqrt", "scan",
    "scatter", "scatter_add", "scatter_max", "scatter_min", "scatter_mul", "searchsorted", "select", "select_n", "selu", "setdiff1d",
    "setxor1d", "shape", "shift_left", "shift_right_arithmetic", "shift_right_logical", "sigmoid", "sign", "signbit", "silu", "sin",
    "sinc", "sinh", "size", "slice", "slice_in_dim", "soft_sign", "softmax", "softplus", "sort", "sort_complex", "split", "sqrt",
    "square", "squareplus", "squeeze", "stack", "standardize", "std", "stop_gradient", "sub", "subtract", "sum", "swapaxes", "swish",
    "switch", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile", "top_k", "trace", "transpose", "trapezoid", "tree_map",
    "tri", "tril", "tril_indices", "tril_indices_from", "trim_zeros", "triu", "triu_indices", "triu_indices_from", "true_divide", "trunc",
    "union1d", "unique", "unpackbits", "unravel_index", "unstack", "unwrap", "value_and_grad", "vander", "var", "vdot", "vecdot",
    "vecmat", "vectorize", "vjp", "vmap", "vsplit", "vstack", "where_", "while_loop", "zeros", "zeros_like", "zeta",
];

/// Whether a bare name, or the first segment of a path, belongs to the language itself.
pub fn is_language(name: &str) -> bool {
    LANGUAGE.contains(&name)
}

/// Whether a path without spaces and generic arguments is built in.
pub fn is_builtin(path: &str) -> bool {
    match path.split_once("::") {
        Some((module, _)) => MODULES.contains(&module),
        None => BARE.binary_search(&path).is_ok(),
    }
}

/// Types of the standard prelude that allocate.
pub fn is_heap(name: &str) -> bool {
    matches!(name, "Vec" | "String" | "Box")
}

/// The built-in that was probably meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    let allowed = (name.len() / 4).clamp(1, 3);
    let close = BARE.iter().map(|known| (distance(name, known), *known));
    close.filter(|(d, _)| *d <= allowed).min().map(|(_, known)| known)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + change);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    table[a.len()][b.len()]
}

/// Macros of the standard prelude. A function of the same name cannot be told apart from them by its macro.
pub fn is_std_macro(name: &str) -> bool {
    const MACROS: &[&str] = &[
        "addr_of", "assert", "assert_eq", "assert_matches", "assert_ne", "cfg", "cfg_select", "column", "compile_error", "concat", "concat_bytes",
        "concat_idents", "const_format_args", "dbg", "debug_assert", "debug_assert_eq", "debug_assert_ne", "env", "eprint", "eprintln", "file",
        "format", "format_args", "format_args_nl", "global_asm", "include", "include_bytes", "include_str", "is_x86_feature_detected", "line",
        "log_syntax", "matches", "module_path", "option_env", "panic", "pattern_type", "print", "println", "stringify", "thread_local", "todo",
        "trace_macros", "try", "unimplemented", "unreachable", "vec", "write", "writeln",
    ];
    MACROS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        let mut sorted = BARE.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(BARE, sorted);
    }

    #[test]
    fn paths_are_built_in_by_their_module() {
        for path in ["softmax", "nn::relu", "scipy::special::logsumexp", "random::key", "where_"] {
            assert!(is_builtin(path), "{path}");
        }
        for path in ["dense", "layers::relu", "self::softmax", "crate::nn::relu"] {
            assert!(!is_builtin(path), "{path}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        for (slip, meant) in [("sofmax", "softmax"), ("matmull", "matmul"), ("concatentate", "concatenate"), ("mena", "mean"), ("treemap", "tree_map")] {
            assert_eq!(nearest(slip), Some(meant));
        }
        assert_eq!(nearest("my_layer"), None);
    }
}
