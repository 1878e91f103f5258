//! Random programs of kernels that call each other, twice over: what is called computes the same bits as what is traced in its
//! callers. `build.rs` writes them.
//!
//! `KILN_CALL_GRAPHS=20 cargo test --test call_graphs` runs more of them, `KILN_CALL_GRAPHS_FROM=7` starts at another one.

include!(concat!(env!("OUT_DIR"), "/call_graphs.rs"));

/// Of kernels their names, graphs and constants: what a kernel calls brings its constants along.
fn constants_of_callees_count(kernels: &[(&str, &str, usize)]) {
    let bytes_of = |name: &str| kernels.iter().find(|k| k.0 == name).map(|k| k.2).expect("a kernel of the program");
    for (name, graph, bytes) in kernels {
        for call in graph.split("call[kernel=\"").skip(1) {
            let callee = call.split('"').next().expect("a name");
            assert!(*bytes >= bytes_of(callee), "{name} has {bytes} bytes, {callee} {}", bytes_of(callee));
        }
    }
}

#[test]
fn kernels_that_are_called_give_the_bits_of_those_that_are_inlined() {
    compare_all();
}
