//! Slices with a step: `x[(0..n).step_by(2)]`, `x[(0..n).rev()]`, numpy's `x[0:n:2]` and `x[n-1::-1]`, read and written.

use crate::array::Array;
use crate::diag::Diag;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::{Rev, Slice};
use crate::parse::spans::Sp;
use crate::trace::index::Update;
use crate::trace::value::{Iter, Num, Number, Traced, Value};
use crate::trace::{R, Tracer};

/// Places `start + k * step` on an axis, for `k` in `0..len`.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    start: usize,
    step: i128,
    len: usize,
}

impl Steps {
    /// One after the other.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..self.len).map(move |k| (self.start as i128 + k as i128 * self.step) as usize)
    }
}

impl<'a> Tracer<'a> {
    /// What a range that was given a step or turned round picks from an axis of `n` elements.
    pub fn steps(&mut self, it: &Iter, n: usize, axis: usize, sp: Sp) -> R<Steps> {
        let Some((start, step, len)) = self.progression(it) else {
            return Err(Diag::at(sp, "of iterators only a range between static bounds is an index")
                .item(axis)
                .help("write `x[(0..8).step_by(2)]`, or index by an array of integers")
                .into());
        };
        let last = start + step * (len as i128 - 1);
        match usize::try_from(start.min(last)) {
            _ if len == 0 => Ok(Steps { start: 0, step: 1, len }),
            Ok(_) if start.max(last) < n as i128 => Ok(Steps { start: start as usize, step, len }),
            _ => {
                let text = format!("the slice from {start} to {last} is out of range: axis {axis} has {n} elements");
                Err(Diag::at(sp, text).item(axis).into())
            }
        }
    }

    /// Start, step and length of the numbers of an iterator.
    fn progression(&self, it: &Iter) -> Option<(i128, i128, usize)> {
        Some(match it {
            Iter::Range { start: Value::Num(Num { value: Number::Int(a), .. }), step, len } => (*a, *step, *len),
            Iter::Rev(inner) => {
                let (a, step, len) = self.progression(inner)?;
                (a + step * (len as i128 - 1), -step, len)
            }
            Iter::StepBy(inner, k) => {
                let (a, step, _) = self.progression(inner)?;
                (a, step * *k as i128, self.iter_len(it))
            }
            Iter::Part(inner, skipped, len) => {
                let (a, step, _) = self.progression(inner)?;
                (a + step * *skipped as i128, step, *len)
            }
            _ => return None,
        })
    }

    /// `t[index]` up to the parts of the index with a step, and the index with `..` in place of these.
    pub fn take_steps(&mut self, t: &Traced, index: &Value, sp: Sp) -> R<(Traced, Value)> {
        let mut items = items(index);
        let mut view = t.clone();
        for axis in 0..items.len().min(t.aval.rank()) {
            let Value::Iter(it) = &items[axis] else { continue };
            let n = t.aval.shape[axis];
            let steps = self.steps(it, n, axis, sp).map_err(|stop| self.with_origin(stop, t))?;
            view = self.every(&view, axis, steps, sp)?;
            items[axis] = Value::Range(None, None);
        }
        view.weak = t.weak;
        Ok((view, Value::tuple(items)))
    }

    fn every(&mut self, t: &Traced, axis: usize, steps: Steps, sp: Sp) -> R<Traced> {
        let rank = t.aval.rank();
        let (mut start, mut limit, mut stride) = (vec![0; rank], t.aval.shape.clone(), vec![1; rank]);
        let (low, high) = (steps.places().min(), steps.places().max());
        (start[axis], limit[axis]) = (low.unwrap_or(0), high.map_or(0, |n| n + 1));
        stride[axis] = steps.step.unsigned_abs() as usize;
        let view = self.bind1(Slice { start, limit, stride }, &[t], sp)?;
        if steps.step > 0 { Ok(view) } else { self.bind1(Rev { axes: vec![axis] }, &[&view], sp) }
    }

    /// `t` with `t[index]` set or combined, if a part of the index has a step. Where others have one too, or pick by what the
    /// run knows, the elements of the first are taken out, changed, and put back.
    pub fn set_steps(
        &mut self,
        t: &Traced,
        index: &Value,
        op: Option<Update>,
        value: &Value,
        sp: Sp,
    ) -> R<Option<Value>> {
        let mut items = items(index);
        let is_step = |v: &Value| matches!(v, Value::Iter(_));
        let Some(axis) = items.iter().position(is_step).filter(|axis| *axis < t.aval.rank()) else { return Ok(None) };
        let Value::Iter(it) = items[axis].clone() else { return Ok(None) };
        let n = t.aval.shape[axis];
        let steps = self.steps(&it, n, axis, sp).map_err(|stop| self.with_origin(stop, t))?;
        let numbers: Vec<Scalar> = steps.places().map(|n| Scalar::I32(n as i32)).collect();
        let places = self.constant(Array::new(Aval::new(DType::I32, &[steps.len]), numbers), sp);
        let whole = |v: &Value| matches!(v, Value::Range(None, None));
        if items.iter().enumerate().all(|(d, v)| d == axis || whole(v)) {
            items[axis] = Value::Array(places);
            return self.index_set(&Value::Array(t.clone()), &Value::tuple(items), op, value, sp).map(Some);
        }
        let mut there = vec![Value::Range(None, None); axis];
        there.push(Value::Array(places));
        let part = Value::Array(self.every(t, axis, steps, sp)?);
        items[axis] = Value::Range(None, None);
        let part = self.index_set(&part, &Value::tuple(items), op, value, sp)?;
        self.index_set(&Value::Array(t.clone()), &Value::tuple(there), None, &part, sp).map(Some)
    }
}

/// The parts of an index.
fn items(index: &Value) -> Vec<Value> {
    match index {
        Value::Tuple(items) => items.to_vec(),
        Value::Unit => Vec::new(),
        other => vec![other.clone()],
    }
}
