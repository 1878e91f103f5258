//! Where the arenas of other kernels lie while those are called.
//!
//! A callee's arena takes the place of everything that is not live at the call, and reaches as far behind the end of its caller's
//! as it has to. How far that is only rustc knows, which adds up what kernels need: here callees begin as low as they can, on top of what is
//! live, and the planner keeps that low.

use std::rc::Rc;

use crate::schedule::program::{Form, Function, Kernel, Kind, Schedule};

/// Arenas begin at multiples of this.
const ALIGN: usize = 8;

/// A call of another kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callee {
    /// Its name.
    pub name: Rc<str>,
    /// Where its arena begins.
    pub at: usize,
    /// How often it is called when the schedule runs once; of a loop without a bound in one turn, of a branch on every side.
    pub times: u64,
}

/// The calls that a kernel comes to, those in loops and branches too.
pub fn of(kernel: &Kernel) -> impl Iterator<Item = Callee> {
    let mut out = Vec::new();
    collect(kernel, 0, 1, &mut out);
    out.into_iter()
}

/// The calls of a schedule.
pub fn all(s: &Schedule) -> impl Iterator<Item = Callee> + '_ {
    s.kernels.iter().flat_map(of)
}

/// The highest place at which the arena of a callee begins.
pub fn highest(s: &Schedule) -> usize {
    all(s).map(|callee| callee.at).max().unwrap_or(0)
}

fn collect(kernel: &Kernel, base: usize, times: u64, out: &mut Vec<Callee>) {
    match &kernel.kind {
        Kind::Call { function: Function::Kernel { name, at, .. }, .. } => {
            out.push(Callee { name: name.clone(), at: base + at, times });
        }
        Kind::Region(r) => {
            let turns = match r.form {
                Form::Scan { length, .. } => length as u64,
                Form::While { bound } => bound.unwrap_or(1) as u64,
                Form::Switch { .. } => 1,
            };
            let kernels = r.bodies.iter().flat_map(|body| &body.schedule.kernels);
            kernels.for_each(|k| collect(k, base + r.base, times.saturating_mul(turns), out));
        }
        _ => {}
    }
}

/// Lets the callees of a kernel begin no lower than at `top`.
pub fn lift(kernel: &mut Kernel, top: usize) {
    match &mut kernel.kind {
        Kind::Call { function: Function::Kernel { at, .. }, .. } => *at = top.next_multiple_of(ALIGN).max(*at),
        Kind::Region(r) => {
            let top = top.saturating_sub(r.base);
            r.bodies.iter_mut().flat_map(|body| &mut body.schedule.kernels).for_each(|k| lift(k, top));
        }
        _ => {}
    }
}
