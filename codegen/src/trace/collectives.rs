//! Named axes: `vmap(f, axis_name = "batch")`, and `psum`, `pmean`, `axis_index` and their kin over it.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::{AllGather, Convert, ReduceMax, ReduceMin, ReduceSum};
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{Num, Number, Traced, Value};
use crate::trace::{R, Tracer, err_help};

/// A mapped axis while the function of its `vmap` is traced.
#[derive(Clone, Debug)]
pub struct NamedAxis {
    /// What the user calls it.
    pub name: Rc<str>,
    /// The number of the slice.
    pub lane: Traced,
    /// Number of slices.
    pub size: usize,
}

impl<'a> Tracer<'a> {
    fn named_axis(&mut self, function: &str, name: &Value, sp: Sp) -> R<NamedAxis> {
        let known: Vec<String> = self.axes.iter().rev().map(|a| format!("{:?}", a.name)).collect();
        let Value::Str(wanted) = name else {
            return err_help(
                sp,
                format!("`{function}` needs the name of an axis, found {}", name.describe()),
                "the one that `vmap(f, axis_name = \"batch\")` gives",
            );
        };
        match self.axes.iter().rev().find(|a| a.name == *wanted) {
            Some(axis) => Ok(axis.clone()),
            None => err_help(
                sp,
                format!("no `vmap` around this call has the axis {wanted:?}"),
                match known.is_empty() {
                    true => format!("give it the name: `vmap(f, axis_name = {wanted:?})`"),
                    false => format!("the axes here are {}", known.join(", ")),
                },
            ),
        }
    }

    /// `psum(x, axis_name)`, `pmean`, `pmax`, `pmin`: over all slices, leaf by leaf.
    pub fn over_axis(&mut self, function: &'static str, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind(function, &["x", "axis_name"], 2, sp)?;
        let axis = self.named_axis(function, &b.want("axis_name"), b.sp("axis_name"))?;
        self.map_tree(&b.want("x"), b.sp("x"), &mut |tr, t| {
            let t = match (function, t.aval.dtype) {
                ("pmean", d) if !d.is_inexact() => tr.convert(t, DType::F32, sp)?,
                ("psum", DType::Bool) => tr.convert(t, DType::I32, sp)?,
                _ => t.clone(),
            };
            let all = tr.bind1(AllGather { size: axis.size }, &[&t, &axis.lane], sp)?;
            let axes = vec![0];
            match function {
                "pmax" => tr.bind1(ReduceMax { axes }, &[&all], sp),
                "pmin" => tr.bind1(ReduceMin { axes }, &[&all], sp),
                "psum" => tr.bind1(ReduceSum { axes }, &[&all], sp),
                _ => {
                    let sum = tr.bind1(ReduceSum { axes }, &[&all], sp)?;
                    let n = Value::Num(Num { value: Number::Float(axis.size as f64), dtype: None });
                    match tr.binary(crate::parse::ast::BinOp::Div, &Value::Array(sum), &n, sp)? {
                        Value::Array(mean) => Ok(mean),
                        _ => unreachable!("an array divided by a number is an array"),
                    }
                }
            }
        })
    }

    /// `all_gather(x, axis_name, axis = 0)`: every slice's value, along a new axis.
    pub fn all_gather(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("all_gather", &["x", "axis_name", "axis"], 2, sp)?;
        let axis = self.named_axis("all_gather", &b.want("axis_name"), b.sp("axis_name"))?;
        let to = b.int("axis")?.unwrap_or(0);
        self.map_tree(&b.want("x"), b.sp("x"), &mut |tr, t| {
            let all = tr.bind1(AllGather { size: axis.size }, &[t, &axis.lane], sp)?;
            let to = super::args::axis(to, all.aval.rank(), "the result", sp)?;
            let var = tr.var(&all);
            let var = crate::ops::axes::move_axis(tr.graph(), var, 0, to);
            Ok(tr.traced(var, sp))
        })
    }

    /// `axis_index(axis_name)`: the number of the slice, i32.
    pub fn axis_index(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("axis_index", &["axis_name"], 1, sp)?;
        let axis = self.named_axis("axis_index", &b.want("axis_name"), b.sp("axis_name"))?;
        Ok(Value::Array(self.bind1(Convert { dtype: DType::I32 }, &[&axis.lane], sp)?))
    }

    /// `axis_size(axis_name)`: the number of slices, static.
    pub fn axis_size(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("axis_size", &["axis_name"], 1, sp)?;
        Ok(Value::size(self.named_axis("axis_size", &b.want("axis_name"), b.sp("axis_name"))?.size))
    }
}
