//! Nothing that kernels call can panic, and no `f32` function uses `f64`, which most cores emulate.
//!
//! Links `panic_free/` for Cortex-M4F; says so and passes if that target is not installed.

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "thumbv7em-none-eabihf";

fn is_installed() -> bool {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
    let sysroot = String::from_utf8(sysroot.stdout).expect("a path");
    let installed = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir();
    if !installed {
        println!("skipped: rustup target add {TARGET}");
    }
    installed
}

/// Builds and links; the program, or what the linker said.
fn link(profile: &str, features: &str) -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/panic_free/Cargo.toml");
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic_free").join(features);
    let run = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--target", TARGET, "--profile", profile, "--features", features])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target_dir)
        .output()
        .expect("cargo runs");
    if run.status.success() {
        Ok(target_dir.join(TARGET).join(profile).join("panic-free"))
    } else {
        Err(String::from_utf8_lossy(&run.stderr).into_owned())
    }
}

fn mentions(program: &Path, symbol: &str) -> bool {
    let bytes = std::fs::read(program).expect("the program was linked");
    bytes.windows(symbol.len()).any(|w| w == symbol.as_bytes())
}

#[test]
fn kernels_cannot_panic() {
    if is_installed() {
        for profile in ["release", "small"] {
            let linked = link(profile, "double");
            assert!(linked.is_ok(), "{profile}: {}", linked.unwrap_err());
        }
        let control = link("release", "control").expect_err("an index out of range must be noticed");
        assert!(control.contains("a_kernel_may_panic"), "{control}");
    }
}

#[test]
fn single_precision_needs_no_double_precision() {
    if is_installed() {
        for profile in ["release", "small"] {
            let program = link(profile, "").unwrap_or_else(|e| panic!("{e}"));
            for symbol in ["__aeabi_d", "__adddf3", "__subdf3", "__muldf3", "__divdf3"] {
                assert!(!mentions(&program, symbol), "{profile}: an f32 function calls f64 arithmetic: {symbol}");
            }
        }
        let double = link("release", "double").unwrap_or_else(|e| panic!("{e}"));
        assert!(mentions(&double, "__aeabi_d"), "the symbols are there to be found");
    }
}
