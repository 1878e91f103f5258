//! Finds out whether the floating-point arithmetic that the target is compiled for is IEEE 754's, as reproducible kernels need.

use std::env;

/// Cores whose vectors the compiler uses for floats, if it is told to compile for them.
const HELIUM: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(kiln_float, values(\"flushed\", \"extended\"))");
    let of = |name: &str| env::var(name).unwrap_or_default();
    let (arch, features) = (of("CARGO_CFG_TARGET_ARCH"), of("CARGO_CFG_TARGET_FEATURE"));
    if arch == "arm" && float_vectors(&of("CARGO_ENCODED_RUSTFLAGS")) {
        println!("cargo::rustc-cfg=kiln_float=\"flushed\"");
    }
    if arch == "x86" && !features.split(',').any(|feature| feature == "sse2") {
        println!("cargo::rustc-cfg=kiln_float=\"extended\"");
    }
}

/// Whether flags turn on the vectors of floats of Armv8.1-M. The compiler does not say so: it shows only features that are stable.
pub fn float_vectors(flags: &str) -> bool {
    let mut on = false;
    let mut features = Vec::new();
    // `-C`, `target-cpu=x` or `-Ctarget-cpu=x`, separated by the byte 1f.
    for flag in flags.split('\u{1f}') {
        let flag = flag.strip_prefix("-C").or(flag.strip_prefix("--codegen=")).unwrap_or(flag);
        if let Some(cpu) = flag.strip_prefix("target-cpu=") {
            on = HELIUM.contains(&cpu);
        } else if let Some(list) = flag.strip_prefix("target-feature=") {
            features.extend(list.split(','));
        }
    }
    // Features are added to those of the core, whatever comes first, and `mve.fp` needs what it is part of.
    for feature in features {
        on = match feature {
            "+mve.fp" => true,
            "-mve.fp" | "-mve" => false,
            _ => on,
        };
    }
    on
}
