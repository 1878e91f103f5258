//! What a rolled loop goes over: how an item is made of the index and of slices of arrays.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::{Rev, Slice};
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::iterators::element;
use crate::trace::place::Place;
use crate::trace::value::{FnValue, Iter, Num, Number, Traced, Value};
use crate::trace::{R, Tracer, err};

/// How an item of a rolled loop is made of the index and of slices of arrays.
pub(super) enum ItemPlan {
    /// `start + step * index`.
    Index(Value, i128),
    /// Slice of the n-th stacked array.
    Slice(usize),
    /// A tuple.
    Tuple(Vec<ItemPlan>),
    /// An element of a place, by reference.
    Element(Rc<Place>, Box<ItemPlan>),
    /// A run of elements of an array or place, from an index on.
    Run(Value, Box<ItemPlan>, usize),
    /// What a function makes of an item.
    Map(Box<ItemPlan>, Rc<FnValue>),
}

impl<'a> Tracer<'a> {
    /// How the items of an iterator are made inside a rolled loop; arrays to slice are collected.
    pub(super) fn item_plan(&mut self, it: &Iter, stacked: &mut Vec<Traced>, sp: Sp) -> R<ItemPlan> {
        let len = self.iter_len(it);
        Ok(match it {
            Iter::Range { start, step, .. } => ItemPlan::Index(start.clone(), *step),
            Iter::Open { .. } => return err(sp, "this range is not static"),
            Iter::Items(v) => {
                let t = self.to_traced(v, None, sp)?;
                stacked.push(t);
                ItemPlan::Slice(stacked.len() - 1)
            }
            Iter::Enumerate(inner) => {
                ItemPlan::Tuple(vec![ItemPlan::Index(Value::int(0), 1), self.item_plan(inner, stacked, sp)?])
            }
            Iter::Zip(a, b) => {
                let mut parts = Vec::new();
                for side in [a, b] {
                    let mark = stacked.len();
                    parts.push(self.item_plan(side, stacked, sp)?);
                    for t in &mut stacked[mark..] {
                        *t = self.strided(t, 0, 1, len, sp)?;
                    }
                }
                ItemPlan::Tuple(parts)
            }
            Iter::Rev(inner) => {
                let mark = stacked.len();
                let n = self.iter_len(inner);
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.bind1(Rev { axes: vec![0] }, &[t], sp)?;
                }
                self.shift_plan(plan, n as i128 - 1, -1, sp)?
            }
            Iter::Places(place, _) => ItemPlan::Element(place.clone(), Box::new(ItemPlan::Index(Value::int(0), 1))),
            Iter::Runs { of, size, step, .. } => {
                let index = ItemPlan::Index(Value::int(0), *step as i128);
                ItemPlan::Run(of.clone(), Box::new(index), *size)
            }
            Iter::Map(inner, f) => ItemPlan::Map(Box::new(self.item_plan(inner, stacked, sp)?), f.clone()),
            // What is left out, the body of the loop decides.
            Iter::Filter(inner, _) => self.item_plan(inner, stacked, sp)?,
            Iter::Part(inner, first, _) => {
                let mark = stacked.len();
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.strided(t, *first, 1, len, sp)?;
                }
                self.shift_plan(plan, *first as i128, 1, sp)?
            }
            Iter::StepBy(inner, k) => {
                let mark = stacked.len();
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.strided(t, 0, *k, len, sp)?;
                }
                self.shift_plan(plan, 0, *k as i128, sp)?
            }
        })
    }

    pub(super) fn strided(&mut self, t: &Traced, start: usize, stride: usize, len: usize, sp: Sp) -> R<Traced> {
        if stride == 1 && start == 0 && t.aval.shape[0] == len {
            return Ok(t.clone());
        }
        let rank = t.aval.rank();
        let mut op = Slice { start: vec![0; rank], limit: t.aval.shape.clone(), stride: vec![1; rank] };
        (op.start[0], op.stride[0]) = (start, stride);
        op.limit[0] = (start + (len.max(1) - 1) * stride + 1).min(t.aval.shape[0]);
        self.bind1(op, &[t], sp)
    }

    /// The plan for items `offset + factor * index` of another plan; arrays have been rearranged already.
    fn shift_plan(&mut self, plan: ItemPlan, offset: i128, factor: i128, sp: Sp) -> R<ItemPlan> {
        Ok(match plan {
            ItemPlan::Index(start, step) => {
                let moved = self.binary(BinOp::Add, &start, &Value::int(offset * step), sp)?;
                ItemPlan::Index(moved, step * factor)
            }
            ItemPlan::Tuple(parts) => {
                ItemPlan::Tuple(parts.into_iter().map(|p| self.shift_plan(p, offset, factor, sp)).collect::<R<_>>()?)
            }
            ItemPlan::Element(place, at) => {
                ItemPlan::Element(place, Box::new(self.shift_plan(*at, offset, factor, sp)?))
            }
            ItemPlan::Run(of, at, size) => ItemPlan::Run(of, Box::new(self.shift_plan(*at, offset, factor, sp)?), size),
            ItemPlan::Map(plan, f) => ItemPlan::Map(Box::new(self.shift_plan(*plan, offset, factor, sp)?), f),
            slice @ ItemPlan::Slice(_) => slice,
        })
    }

    pub(super) fn plan_item(&mut self, plan: &ItemPlan, index: &Traced, slices: &[Traced], sp: Sp) -> R<Value> {
        match plan {
            ItemPlan::Slice(n) => Ok(Value::Array(slices[*n].clone())),
            ItemPlan::Tuple(parts) => {
                Ok(Value::tuple(parts.iter().map(|p| self.plan_item(p, index, slices, sp)).collect::<R<_>>()?))
            }
            ItemPlan::Element(place, at) => {
                let at = self.plan_item(at, index, slices, sp)?;
                Ok(element(place, at))
            }
            ItemPlan::Run(of, at, size) => {
                let at = self.plan_item(at, index, slices, sp)?;
                self.run_of(of, at, *size, sp)
            }
            ItemPlan::Map(plan, f) => {
                let item = self.plan_item(plan, index, slices, sp)?;
                self.apply(f, vec![item], sp)
            }
            ItemPlan::Index(start, step) => {
                let dtype = match start {
                    Value::Num(n) => n.dtype.unwrap_or(DType::I32),
                    Value::Array(t) => t.aval.dtype,
                    _ => DType::I32,
                };
                let mut v = Value::Array(self.convert(index, dtype, sp)?);
                if *step != 1 {
                    v = self.binary(BinOp::Mul, &v, &Value::int(*step), sp)?;
                }
                if !matches!(start, Value::Num(Num { value: Number::Int(0), .. })) {
                    v = self.binary(BinOp::Add, &v, start, sp)?;
                }
                // A loop counter is a literal in Rust's eyes: it takes the dtype of the integers it meets.
                let weak = match start {
                    Value::Num(n) => n.dtype.is_none(),
                    Value::Array(t) => t.weak,
                    _ => false,
                };
                if let Value::Array(t) = &mut v {
                    t.weak = weak;
                }
                Ok(v)
            }
        }
    }
}
