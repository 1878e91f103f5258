//! Which flags make the build script say that floats are not IEEE 754's.

#[allow(dead_code, reason = "its main function is cargo's")]
#[path = "../build.rs"]
mod build;

#[test]
fn float_vectors_are_seen_in_the_flags() {
    let on = |flags: &[&str]| build::float_vectors(&flags.join("\u{1f}"));
    assert!(on(&["-C", "target-cpu=cortex-m55"]));
    assert!(on(&["-Ctarget-cpu=cortex-m85", "-Clink-arg=-Tlink.x"]));
    assert!(on(&["--codegen=target-feature=+v8.1m.main,+mve.fp"]));
    assert!(on(&["-Ctarget-cpu=cortex-m55", "-Ctarget-feature=-lob"]));
    assert!(!on(&[]));
    assert!(!on(&["-Ctarget-cpu=cortex-m33"]));
    assert!(!on(&["-Ctarget-cpu=cortex-m55", "-Ctarget-feature=-mve.fp"]));
    assert!(!on(&["-Ctarget-feature=-mve.fp", "-Ctarget-cpu=cortex-m55"]));
    assert!(!on(&["-Ctarget-feature=+mve.fp,-mve"]));
    assert!(!on(&["-Ctarget-cpu=cortex-m55", "-Ctarget-cpu=cortex-m4"]));
}
