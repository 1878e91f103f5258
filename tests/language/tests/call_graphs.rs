//! Random programs of kernels that call each other, twice over: what is called computes the same bits as what is traced in its
//! callers. `build.rs` writes them.
//!
//! `KILN_CALL_GRAPHS=20 cargo test --test call_graphs` runs more of them, `KILN_CALL_GRAPHS_FROM=7` starts at another one.

include!(concat!(env!("OUT_DIR"), "/call_graphs.rs"));

#[test]
fn kernels_that_are_called_give_the_bits_of_those_that_are_inlined() {
    compare_all();
}
