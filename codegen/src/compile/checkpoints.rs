//! What the checkpoints of loops cost: memory and work of a kernel for each choice, for its record.

use crate::compile::{Entry, TracedEntry, optimised, program, result_bytes, trace_checkpointed};
use crate::ops::region::flops;
use crate::parse::spans::{SourceMap, Sp};
use crate::schedule::fuse::{Wishes, fuse_as};
use crate::schedule::{plan, stack};
use crate::trace::Items;
use crate::trace::loops::Checkpointed;
use crate::unit::{Json, Unit};

/// Loops of fewer turns have no choice worth a table.
const MIN_TURNS: usize = 4;

/// What a choice comes to.
#[derive(Clone, Copy)]
struct Cost {
    ram_bytes: usize,
    flops: u64,
}

/// A table for every loop whose checkpoints make a difference: those that are run backwards.
pub fn choices(unit: &Unit, items: &Items, map: &SourceMap) -> Json {
    let with = |wanted: Option<(Sp, Option<usize>)>, seen: &mut Checkpointed| {
        *seen = Checkpointed { wanted, seen: Vec::new() };
        match trace_checkpointed(items, map, &unit.entry, seen) {
            Entry::Done(t) => Some(cost(unit, &t, map)),
            _ => None,
        }
    };
    let mut seen = Checkpointed::default();
    if with(None, &mut seen).is_none() {
        return Json::List(Vec::new());
    }
    let mut tables = Vec::new();
    for (at, length, written) in seen.seen {
        let root = (1..).find(|k| k * k >= length).unwrap_or(1);
        let mut every: Vec<usize> = [2, root.div_ceil(2), root, 2 * root].into_iter().chain(written).collect();
        every.retain(|k| (2..length).contains(k) || Some(*k) == written);
        every.sort_unstable();
        every.dedup();
        let of = |k: Option<usize>| with(Some((at, k)), &mut Checkpointed::default());
        let (Some(all), Some(of_root)) = (of(None), of(Some(root))) else { continue };
        // What runs forwards only is computed once whatever is kept.
        if length < MIN_TURNS || all.flops == of_root.flops {
            continue;
        }
        let choice = |k: Option<usize>, cost: Cost| {
            Json::Object(vec![
                ("every", k.map_or(Json::Null, |k| Json::Number(k as u64))),
                ("ram_bytes", Json::Number(cost.ram_bytes as u64)),
                ("flops", Json::Number(cost.flops)),
                ("square_root", Json::Bool(k == Some(root))),
                ("chosen", Json::Bool(k == written)),
            ])
        };
        let rest = every.into_iter().filter_map(|k| Some(choice(Some(k), of(Some(k))?)));
        let place = map.place(at);
        tables.push(Json::Object(vec![
            (
                "place",
                Json::List(vec![
                    Json::Text(place.file.clone()),
                    Json::Number(place.line as u64),
                    Json::Number(place.column as u64),
                ]),
            ),
            ("turns", Json::Number(length as u64)),
            ("choices", Json::List(std::iter::once(choice(None, all)).chain(rest).collect())),
        ]));
    }
    Json::List(tables)
}

/// Memory and work of a traced entry, without a budget.
fn cost(unit: &Unit, t: &TracedEntry, map: &SourceMap) -> Cost {
    let program = program(t, optimised(unit, t, map));
    let mut schedule = fuse_as(&program, Wishes { unfused: unit.options.unfused, inside: false });
    plan::plan(&mut schedule);
    let ram_bytes = schedule.arena_bytes + result_bytes(&t.ret) + stack::bytes(&schedule);
    Cost { ram_bytes, flops: flops(&program.graph) }
}
