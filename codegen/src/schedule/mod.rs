//! From graph to loop nests: what is computed where, in which order, in which memory.
//!
//! [`fuse`] decides what is computed where it is read and what is stored, [`plan`] where in the arena it is stored;
//! [`siblings`] makes one of loops over the same range; [`region`] does the same for what loops and branches hold. A [`program::Schedule`] is what comes out and what
//! `crate::emit` writes down; [`verify`] says whether its memory holds what its kernels read.

pub mod body;
pub mod budget;
pub mod callees;
pub mod contract;
pub mod cost;
pub mod exprs;
pub mod fuse;
pub mod interp;
pub mod ix;
pub mod machine;
pub mod nests;
pub mod order;
pub mod place;
pub mod plan;
pub mod program;
pub mod region;
pub mod registers;
pub mod rematerialise;
pub mod report;
pub mod siblings;
pub mod stack;
pub mod verify;
pub mod weight;
pub mod work;

#[cfg(test)]
mod tests;
