//! Names that belong to other languages.

/// What a name of Python, numpy or Rust's standard library is here.
pub fn elsewhere(path: &str) -> Option<String> {
    let owner = path.rsplit("::").nth(1).unwrap_or(path);
    Some(match path {
        "True" => "write `true`".into(),
        "False" => "write `false`".into(),
        "pi" => "write `core::f32::consts::PI`".into(),
        "inf" | "infty" => "write `f32::INFINITY`".into(),
        "nan" | "NaN" => "write `f32::NAN`".into(),
        "newaxis" => "write `x[None]`, or `expand_dims(x, axis = 0)`".into(),
        "none" | "null" | "nil" => "write `None`".into(),
        "float" | "float32" => "write `f32`".into(),
        "float64" => "write `f64`".into(),
        "float16" => "write `f16`".into(),
        "bfloat16" => "write `bf16`".into(),
        "bool_" => "write `bool`".into(),
        "int" => "write `i32`".into(),
        "complex64" => "write `Complex::<f32>`".into(),
        "complex128" => "write `Complex::<f64>`".into(),
        "int8" | "int16" | "int32" | "int64" => format!("write `i{}`", &path[3..]),
        "uint8" | "uint16" | "uint32" | "uint64" => format!("write `u{}`", &path[4..]),
        _ if matches!(owner, "Vec" | "String" | "Box" | "Rc" | "Arc" | "HashMap" | "BTreeMap" | "VecDeque") => {
            "a kernel allocates nothing: an array has a fixed size, `[0.0; N]`, and other values need no box".into()
        }
        _ if matches!(owner, "Cell" | "RefCell" | "Mutex") => {
            "a kernel has no shared state: take what changes as `&mut`".into()
        }
        _ => return None,
    })
}
