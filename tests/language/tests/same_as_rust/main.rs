//! Programs that are Rust as they stand: compiled by rustc and by Kiln they yield the same bits.
//!
//! Every block is expanded twice, as a plain module and as a `#[jit]` module; the lines behind it call both.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(clippy::all)] // Plain Rust that is written as kernels are, with indices.

macro_rules! both {
    ($name:ident { $($items:tt)* } $($checks:tt)*) => {
        mod $name {
            #[allow(dead_code, unused)]
            mod plain {
                use core::cmp::PartialOrd as Tree; // Something to derive that is not Kiln's.
                $($items)*
            }
            #[allow(unused_imports)]
            #[kiln::jit]
            mod kernel {
                use kiln::prelude::*;
                $($items)*
            }
            #[allow(unused_macros)]
            macro_rules! same {
                ($f:ident $args:tt) => {
                    assert_eq!(kernel::$f $args, plain::$f $args, stringify!($f $args))
                };
            }
            #[test]
            fn the_same_as_rust() {
                $($checks)*
            }
        }
    };
}

mod arith;
mod bytes;
mod closures;
mod crc;
mod dsp;
mod firmware;
mod fixed;
mod generic;
mod idioms;
mod iterators;
mod labels;
mod literals;
mod loops;
mod machines;
mod patterns;
mod refs;
mod trees;
