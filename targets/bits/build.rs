//! How the image is linked: as `examples/digits-mps2` is.

fn main() {
    for argument in ["-Tlink.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
