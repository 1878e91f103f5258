//! Names that mean something inside `#[jit]` without being imported. What the user defines or imports wins over them.

/// Modules of built-ins: every path that starts with one of these is built in.
const MODULES: &[&str] = &["fft", "jnp", "lax", "linalg", "nn", "random", "scipy", "tree"];

/// Types and functions of the language and of the prelude, and module prefixes that are never items of the user.
const LANGUAGE: &[&str] = &[
    "Complex",
    "CheckError",
    "Err",
    "FnMut",
    "FnOnce",
    "Fn",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Some",
    "alloc",
    "bf16",
    "bool",
    "char",
    "core",
    "f16",
    "f32",
    "f64",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "isize",
    "kiln",
    "std",
    "str",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
];

/// Whether a bare name, or the first segment of a path, belongs to the language itself.
pub fn is_language(name: &str) -> bool {
    LANGUAGE.contains(&name)
}

/// Whether a path without spaces and generic arguments is built in. What starts with a module of built-ins is, known or not:
/// the tracer has better words for it than rustc.
pub fn is_builtin(path: &str) -> bool {
    let module = path.split_once("::").map(|(module, _)| module);
    module.is_some_and(|m| MODULES.contains(&m)) || module.is_none() && crate::library::is_builtin(path)
}

/// Types of the standard prelude that allocate.
pub fn is_heap(name: &str) -> bool {
    matches!(name, "Vec" | "String" | "Box")
}

/// Macros of the standard prelude. A function of the same name cannot be told apart from them by its macro.
pub fn is_std_macro(name: &str) -> bool {
    const MACROS: &[&str] = &[
        "addr_of",
        "assert",
        "assert_eq",
        "assert_matches",
        "assert_ne",
        "cfg",
        "cfg_select",
        "column",
        "compile_error",
        "concat",
        "concat_bytes",
        "concat_idents",
        "const_format_args",
        "dbg",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "env",
        "eprint",
        "eprintln",
        "file",
        "format",
        "format_args",
        "format_args_nl",
        "global_asm",
        "include",
        "include_bytes",
        "include_str",
        "is_x86_feature_detected",
        "line",
        "log_syntax",
        "matches",
        "module_path",
        "option_env",
        "panic",
        "pattern_type",
        "print",
        "println",
        "stringify",
        "thread_local",
        "todo",
        "trace_macros",
        "try",
        "unimplemented",
        "unreachable",
        "vec",
        "write",
        "writeln",
    ];
    MACROS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_built_in_by_their_module() {
        for path in ["softmax", "nn::relu", "scipy::special::logsumexp", "random::key", "grad"] {
            assert!(is_builtin(path), "{path}");
        }
        for path in ["dense", "layers::relu", "self::softmax", "crate::nn::relu"] {
            assert!(!is_builtin(path), "{path}");
        }
    }
}
