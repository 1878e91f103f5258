//! What emitted kernels call. Not for people: the compiler and this module change together.

/// Calls a macro with the fields of every tuple that may be a tree.
macro_rules! of_tuples {
    ($each:ident) => {
        $each! {
            ()
            (A 0)
            (A 0 B 1)
            (A 0 B 1 C 2)
            (A 0 B 1 C 2 D 3)
            (A 0 B 1 C 2 D 3 E 4)
            (A 0 B 1 C 2 D 3 E 4 F 5)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14)
            (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15)
        }
    };
}

mod arena;
mod callee;
mod contract;
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
mod cortex_m;
mod cumulative;
mod element;
pub mod layout;
mod level;
mod product;
mod products;
mod reduce;
mod rows;
mod shared;
mod show;
mod tree;
mod unwritten;
mod windows;

pub use arena::{Arena, Both, Part, Pod, Rd, View, Views, Wr};
pub use callee::{Callee, Needs, Own};
pub use contract::{contract, contract_from};
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
pub use cortex_m::Target;
pub use cumulative::{argmax, argmin, cumlogsumexp, cummax, cummin, cumprod, cumsum, linear_recurrence};
pub use element::{Elem, Tensor, address, address_mut, bytes, flat, flat_mut, ld, shaped, st, turns, zero};
pub use half::{bf16, f16};
pub use kiln_math::*;
#[cfg(target_arch = "x86_64")]
pub use level::{Avx2, Avx512};
pub use level::{Base, Isa, Level, wide};
pub use product::Product;
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
pub use products::products_into;
pub use products::{Factor, products};
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
pub use reduce::{of_strip, reduce_rows, reduce_strip};
pub use reduce::{reduce, reduce_any_order};
pub use rows::{SameAs, copy, row, row_mut};
pub use shared::Shared;
pub use show::{Flag, Show, flags};
pub use tree::{Floats, FromParts, Path, Place, Step, Visit, Visitor};
pub use unwritten::{Returned, Unwritten};
pub use windows::{Edge, Reach, clip, lanes, windowed, windowed_from};

/// In a constant of each kernel that promises the same bits everywhere: where the target is compiled such that its arithmetic
/// has others, there is an error instead of a kernel.
///
/// # Panics
/// Then, while the constant is evaluated; never in a kernel.
pub const fn reproducible() {
    if cfg!(kiln_float = "flushed") {
        panic!(
            "this kernel would not have the bits that it has elsewhere: the target is compiled for the float vectors of Armv8.1-M (`mve.fp`), \
             which take subnormal numbers for zero. Compile with `-C target-feature=-mve.fp`, or write `#[jit(fast)]`"
        );
    }
    if cfg!(kiln_float = "extended") {
        panic!(
            "this kernel would not have the bits that it has elsewhere: without SSE2, 32-bit x86 computes with numbers of 80 bits. Compile for a \
             target with SSE2, such as `i686-unknown-linux-gnu`, or write `#[jit(fast)]`"
        );
    }
}
