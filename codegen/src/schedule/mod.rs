//! From graph to loop nests: what is computed where, in which order, in which memory.

pub mod body;
pub mod interp;
pub mod ix;
