//! Branches and loops: schedules inside schedules.

use std::collections::HashMap;
use std::rc::Rc;

use crate::graph::{Eqn, Graph, Var};
use crate::ops::{Op, Region};
use crate::schedule::fuse::{Wishes, fuse_as};
use crate::schedule::plan::plan;
use crate::schedule::program::{Bind, Dest, Form, Kernel, Kind, Program, RegionKernel, SubSchedule};

/// The programs that an op holds, in the order of its graphs: what their inputs may be overwritten with, and where results go.
pub fn programs(op: &Op, n_outputs: usize) -> Vec<Program> {
    let returned = |n: usize| (0..n).map(Dest::Return).collect::<Vec<_>>();
    let carried = |first: usize, n: usize| (0..n).map(|k| Dest::Param(first + k)).collect::<Vec<_>>();
    match op.region() {
        None => Vec::new(),
        Some(Region::Scan { body, n_consts, n_carry, indexed, .. }) => {
            let first = usize::from(indexed) + n_consts;
            vec![program(&body, [carried(first, n_carry), returned(n_outputs - n_carry)].concat())]
        }
        Some(Region::Switch { branches }) => branches.iter().map(|b| program(b, returned(n_outputs))).collect(),
        Some(Region::While { cond, body, n_body_consts, .. }) => {
            vec![program(&cond, returned(1)), program(&body, carried(n_body_consts, n_outputs))]
        }
    }
}

fn program(graph: &Rc<Graph>, dests: Vec<Dest>) -> Program {
    let mut mutable = vec![false; graph.inputs.len()];
    for d in &dests {
        if let Dest::Param(p) = d {
            mutable[*p] = true;
        }
    }
    Program { graph: (**graph).clone(), mutable, dests }
}

/// The kernel of an equation that holds graphs.
pub fn kernel(eqn: &Eqn, buffers: &HashMap<Var, u32>, wishes: Wishes) -> Kernel {
    let mut programs = programs(&eqn.op, eqn.outputs.len()).into_iter();
    let mut sub = |ins, outs| {
        let mut schedule = fuse_as(&programs.next().expect("one per graph"), Wishes { inside: true, ..wishes });
        plan(&mut schedule);
        SubSchedule { schedule, ins, outs }
    };
    let region = eqn.op.region().expect("only regions are lowered as regions");
    let ins: Vec<u32> = eqn.inputs.iter().map(|v| buffers[v]).collect();
    let outs: Vec<u32> = eqn.outputs.iter().map(|v| buffers[v]).collect();
    let whole = |b: &[u32]| b.iter().map(|b| Bind::Whole(*b)).collect::<Vec<_>>();
    let row = |b: &[u32]| b.iter().map(|b| Bind::Row(*b)).collect::<Vec<_>>();
    let (form, bodies, carries, reads) = match region {
        Region::Scan { length, n_consts, n_carry, reverse, indexed, .. } => {
            let (consts, rest) = ins.split_at(n_consts);
            let (init, stacked) = rest.split_at(n_carry);
            let (carry, ys) = outs.split_at(n_carry);
            let mut binds = if indexed { vec![Bind::Index] } else { Vec::new() };
            binds.extend(whole(consts));
            binds.extend(whole(carry));
            binds.extend(row(stacked));
            let body = sub(binds, row(ys));
            let carries: Vec<(u32, u32)> = init.iter().copied().zip(carry.iter().copied()).collect();
            (Form::Scan { length, reverse }, vec![body], carries, ins.clone())
        }
        Region::Switch { branches } => {
            let bodies = branches.iter().map(|_| sub(whole(&ins[1..]), whole(&outs))).collect();
            (Form::Switch { index: ins[0] }, bodies, Vec::new(), ins.clone())
        }
        Region::While { n_cond_consts, n_body_consts, bound, .. } => {
            let (cond_consts, rest) = ins.split_at(n_cond_consts);
            let (body_consts, init) = rest.split_at(n_body_consts);
            let test_binds = [whole(cond_consts), whole(&outs)].concat();
            let test = sub(test_binds, vec![Bind::Test]);
            let binds = [whole(body_consts), whole(&outs)].concat();
            let body = sub(binds, Vec::new());
            let carries = init.iter().copied().zip(outs.iter().copied()).collect();
            (Form::While { bound }, vec![test, body], carries, ins.clone())
        }
    };
    let bytes = bodies.iter().map(|b| b.schedule.arena_bytes).max().unwrap_or(0);
    // Inside, offsets are relative to an address that the planner aligns to the largest element.
    let bytes = bytes.next_multiple_of(8);
    let mut unique = reads;
    unique.dedup();
    Kernel {
        name: eqn.op.name().to_string(),
        src: eqn.src,
        kind: Kind::Region(Box::new(RegionKernel { form, bodies, carries, bytes, base: 0 })),
        reads: unique,
        writes: outs,
        in_place: Vec::new(),
    }
}

impl RegionKernel {
    /// Whether `buffer` is read only as the start of one carry, which may then live in its memory.
    pub fn starts_in_place(&self, buffer: u32) -> bool {
        let starts = self.carries.iter().filter(|(from, _)| *from == buffer).count();
        let elsewhere = self
            .bodies
            .iter()
            .flat_map(|b| b.ins.iter())
            .any(|b| matches!(b, Bind::Whole(x) | Bind::Row(x) if *x == buffer))
            || matches!(self.form, Form::Switch { index } if index == buffer);
        starts == 1 && !elsewhere
    }
}
