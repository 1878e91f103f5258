//! Kernels that are called give the bits of those that are traced in their callers.

use kiln_bits::callers::{EXPECTED, START, W, called, traced};

#[test]
fn what_is_called_gives_the_bits_of_what_is_traced() {
    assert!(called::top::GRAPH.matches("call[kernel").count() == 3 && !traced::top::GRAPH.contains("call["));
    let (mut a, mut b) = (START, START);
    let (called, traced) = (called::top(&mut a, &W, true), traced::top(&mut b, &W, true));
    assert_eq!((a, called), (b, traced));
    let bits: Vec<u32> = traced.0.into_iter().chain([traced.1]).map(f32::to_bits).collect();
    assert_eq!(bits, EXPECTED, "{a:?}");
}
