//! `jacfwd`, `jacrev` and `hvp`: one linearisation, pushed or pulled over the unit vectors of one leaf at a time. What
//! the other leaves would contribute is known to be zero and never computed; the unit vectors are a comparison of
//! counters, never an array.

use std::rc::Rc;

use crate::diag::Diag;
use crate::graph::{Env, Graph, Var};
use crate::ops::axes::prepended;
use crate::ops::{Batched, Reshape, Tangent, with_batch_axis};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, arguments, static_ints};
use crate::trace::transforms::{linear_known, split_aux};
use crate::trace::value::{Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};
use crate::transform::{batch_into, linearize_into, transpose_into};

/// Which arguments a transformation differentiates by.
#[derive(Clone, Debug)]
pub struct Argnums {
    /// Their numbers.
    pub which: Vec<usize>,
    /// They were given as a tuple: the derivative is one too.
    pub tuple: bool,
}

impl Argnums {
    /// The parameter `argnums`: a number or a tuple of them, argument 0 where it is not given.
    pub fn of(b: &Bound) -> R<Argnums> {
        let Some(v) = b.get("argnums") else { return Ok(Argnums { which: vec![0], tuple: false }) };
        let Some(ints) = static_ints(v) else {
            let text = format!("`argnums` is an integer or a tuple of them, found {}", v.describe());
            return err_help(b.sp("argnums"), text, "what is made of `f` is a function: call it, as in `grad(f)(x)`");
        };
        let mut which = Vec::new();
        for i in ints {
            match usize::try_from(i) {
                Ok(n) => which.push(n),
                Err(_) => return err(b.sp("argnums"), "`argnums` counts from 0"),
            }
        }
        if which.is_empty() {
            return err(b.sp("argnums"), "`argnums` names no argument");
        }
        Ok(Argnums { which, tuple: !matches!(v, Value::Num(_)) })
    }

    /// Refuses numbers beyond the arguments of the call.
    pub fn within(&self, n_args: usize, sp: Sp) -> R<()> {
        let Some(n) = self.which.iter().find(|n| **n >= n_args) else { return Ok(()) };
        let has = match n_args {
            1 => "only argument 0".to_string(),
            k => format!("arguments 0 to {}", k.saturating_sub(1)),
        };
        err_help(sp, format!("`argnums` names argument {n}, the call has {has}"), "arguments are counted from 0")
    }

    /// What belongs to each argument, in the order that was asked for: a tuple, or the one.
    pub fn pick(&self, of: impl Fn(usize) -> Value) -> Value {
        match self.tuple {
            true => Value::tuple(self.which.iter().map(|n| of(*n)).collect()),
            false => of(self.which[0]),
        }
    }
}

impl<'a> Tracer<'a> {
    /// `_jacfwd(f, args, argnums, has_aux)` and `_jacrev`: for every leaf of the result a tree like the arguments, each
    /// leaf with the axes of the result's leaf in front of its own.
    pub fn jacobian(&mut self, name: &str, args: Args, forward: bool, sp: Sp) -> R<Value> {
        let b = args.bind(name, &["f", "args", "argnums", "has_aux"], 2, sp)?;
        let (f, argnums) = (b.function("f")?, Argnums::of(&b)?);
        let mut values = tree::children(&b.want("args")).unwrap_or(&[]).to_vec();
        argnums.within(values.len(), sp)?;
        for n in &argnums.which {
            let what = format!("the derivative with respect to argument {n}");
            values[*n] = self.lift_floats(&values[*n].clone(), &what, sp)?;
        }
        let sub = self.trace_fn(&f, &values, sp)?;
        let primals = self.sub_inputs(&sub, &values);
        let mut nonzero = Vec::new();
        let mut starts = vec![0; values.len()];
        let mut active = 0;
        for (n, v) in values.iter().enumerate() {
            let on = argnums.which.contains(&n);
            starts[n] = active;
            let leaves = tree::leaves(v).len();
            active += if on { leaves } else { 0 };
            nonzero.extend(vec![on; leaves]);
        }
        nonzero.resize(primals.len(), false);
        let (outs, linear) = self.transform(sp, |g| linearize_into(g, &sub.graph, &primals, &nonzero))?;
        if !forward {
            self.expect_reversible(&linear.graph, &sub.graph, sp)?;
        }
        let outs: Vec<Traced> = outs.into_iter().map(|v| self.traced(v, sp)).collect();
        let (out, aux) = split_aux(&self.results(&sub.out, &outs), b.bool("has_aux", false)?, sp)?;
        // Leaves of the result that has a derivative come first.
        let out = tree::try_map(&out, &mut |leaf| -> R<Value> { Ok(Value::Array(self.to_traced(leaf, None, sp)?)) })?;
        let ys = tree::leaves(&out);
        if let Some(t) = ys.iter().find(|t| !t.aval.dtype.is_inexact()) {
            let mut d = Diag::at(sp, format!("`{}` needs float results, found {}", &name[1..], show(&t.aval)));
            d.notes = vec![self.origin(t)];
            return Err(d
                .help("integers have no derivative: convert with `as f32`, or return them with `has_aux = true`")
                .into());
        }
        let xs: Vec<Traced> = {
            let mut order: Vec<usize> = argnums.which.clone();
            order.sort_unstable();
            order.dedup();
            order.iter().flat_map(|n| tree::leaves(&values[*n])).collect()
        };
        // `blocks[y][x]`: the leaf of the Jacobian.
        let mut blocks: Vec<Vec<Option<Var>>> = vec![vec![None; xs.len()]; ys.len()];
        let place = |k: usize| linear.out_nonzero[..k].iter().filter(|nz| **nz).count();
        if forward {
            for (k, x) in xs.iter().enumerate() {
                let mut h = Graph::new("push");
                let residuals: Vec<Var> = linear.residuals.iter().map(|v| h.input(self.graph().aval(*v))).collect();
                let t = h.input(&x.aval);
                let mut ts: Vec<Tangent> = vec![None; xs.len()];
                ts[k] = Some(t);
                let found = self.transform(sp, |_| push_into(&mut h, &linear.graph, &residuals, &ts))?;
                let columns = self.over_units(h, &found, &linear.residuals, x, sp)?;
                for (n, y) in ys.iter().enumerate().filter(|(n, _)| linear.out_nonzero[*n]) {
                    let Some(var) = columns[place(n)] else { continue };
                    let var = self.move_axis(var, 0, y.aval.rank());
                    blocks[n][k] = Some(self.jacobian_block(var, y, x));
                }
            }
        } else {
            for (n, y) in ys.iter().enumerate().filter(|(n, _)| linear.out_nonzero[*n]) {
                let mut h = Graph::new("pull");
                let residuals: Vec<Var> = linear.residuals.iter().map(|v| h.input(self.graph().aval(*v))).collect();
                let ct = h.input(&y.aval);
                let mut cts: Vec<Tangent> = vec![None; linear.graph.outputs.len()];
                cts[place(n)] = Some(ct);
                let known = linear_known(&linear, residuals);
                let mut found = self.transform(sp, |_| transpose_into(&mut h, &linear.graph, &known, &cts))?;
                let found = found.split_off(linear.residuals.len());
                let rows = self.over_units(h, &found, &linear.residuals, y, sp)?;
                for (k, x) in xs.iter().enumerate() {
                    blocks[n][k] = rows[k].map(|var| self.jacobian_block(var, y, x));
                }
            }
        }
        let mut n = 0;
        let jacobian = tree::try_map(&out, &mut |_| -> R<Value> {
            let (y, row) = (&ys[n], &blocks[n]);
            n += 1;
            let mut of_arg = Vec::new();
            for (a, v) in values.iter().enumerate() {
                let mut k = starts[a];
                of_arg.push(if argnums.which.contains(&a) {
                    tree::map_leaves(v, &mut |x| {
                        k += 1;
                        let var = row[k - 1].unwrap_or_else(|| {
                            let shape = [&y.aval.shape[..], &x.aval.shape[..]].concat();
                            self.graph().full(x.aval.dtype, &shape, 0.0)
                        });
                        Traced { weak: x.weak && y.weak, ..self.traced(var, sp) }
                    })
                } else {
                    Value::Unit
                });
            }
            Ok(argnums.pick(|a| of_arg[a].clone()))
        })?;
        Ok(match aux {
            Some(aux) => Value::tuple(vec![jacobian, aux]),
            None => jacobian,
        })
    }

    /// `h`, whose last input is a unit vector like `like` and whose results are `found`, over all unit vectors at once.
    fn over_units(
        &mut self,
        mut h: Graph,
        found: &[Tangent],
        residuals: &[Var],
        like: &Traced,
        sp: Sp,
    ) -> R<Vec<Option<Var>>> {
        h.outputs = found.iter().copied().flatten().collect();
        let size = like.aval.size();
        if size == 1 {
            let mut ins = residuals.to_vec();
            ins.push(self.graph().full(like.aval.dtype, &like.aval.shape, 1.0));
            let outs = self.graph().inline(&h, &ins);
            let first = |g: &mut Graph, var: Var| {
                let shape = prepended(1, g.shape(var));
                g.bind1(Reshape { shape }, &[var])
            };
            let mut outs = outs.into_iter().map(|var| first(self.graph(), var)).collect::<Vec<Var>>().into_iter();
            return Ok(found.iter().map(|t| t.and_then(|_| outs.next())).collect());
        }
        let Value::Array(units) =
            self.call_builtin("_unit_vectors", Args::of(vec![Value::Array(like.clone())], sp), sp, true)?
        else {
            unreachable!("an array")
        };
        let mut ins: Vec<Batched> = residuals.iter().map(|v| Batched { var: *v, batched: false }).collect();
        ins.push(Batched { var: self.var(&units), batched: true });
        let outs = self.transform(sp, |g| {
            let outs = batch_into(g, &h, &ins, size);
            outs.into_iter().map(|b| with_batch_axis(g, b, size)).collect::<Vec<Var>>()
        })?;
        let mut outs = outs.into_iter();
        Ok(found.iter().map(|t| t.and_then(|_| outs.next())).collect())
    }

    fn jacobian_block(&mut self, var: Var, y: &Traced, x: &Traced) -> Var {
        let shape = [&y.aval.shape[..], &x.aval.shape[..]].concat();
        match self.graph().shape(var) == shape {
            true => var,
            false => self.graph().bind1(Reshape { shape }, &[var]),
        }
    }

    /// `_hvp(f, args, argnums)`: the last of `args` is the vector; a push of the gradient, so that no matrix exists.
    pub fn hessian_vector(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("hvp", &["f", "args", "argnums", "has_aux"], 2, sp)?;
        let (f, argnums, has_aux) = (b.function("f")?, Argnums::of(&b)?, b.bool("has_aux", false)?);
        let mut given = tree::children(&b.want("args")).unwrap_or(&[]).to_vec();
        if given.len() < 2 {
            return err_help(
                sp,
                format!("`hvp(f)` takes the arguments of `f` and a vector, found {}", arguments(given.len())),
                "write `hvp(f)(x, v)`, where `v` has the type of `x`",
            );
        }
        let v = given.pop().expect("two or more");
        argnums.within(given.len(), sp)?;
        let vs = match (&v, argnums.tuple) {
            (Value::Tuple(items), true) if items.len() == argnums.which.len() => items.to_vec(),
            (other, true) => {
                let text =
                    format!("`argnums` names {} arguments, the vector is {}", argnums.which.len(), other.describe());
                return err_help(sp, text, "give a tuple with a vector for each of them");
            }
            (one, false) => vec![one.clone()],
        };
        let mut directions = Vec::new();
        for (n, x) in given.iter().enumerate() {
            directions.push(match argnums.which.iter().position(|m| *m == n) {
                Some(k) => vs[k].clone(),
                None => tree::try_map(x, &mut |_| -> R<Value> { Ok(Value::float(0.0)) })?,
            });
        }
        let grad = crate::trace::value::FnValue::Grad { f, argnums, has_aux, value: false, holomorphic: false };
        let (out, t) = match self.jvp(&Rc::new(grad), &Value::tuple(given), &Value::tuple(directions), has_aux, sp)? {
            Value::Tuple(parts) => (parts[0].clone(), Value::tuple(parts[1..].to_vec())),
            _ => unreachable!("a tuple"),
        };
        let _ = out;
        match t {
            Value::Tuple(parts) if parts.len() == 1 => Ok(parts[0].clone()),
            both => Ok(both),
        }
    }
}

/// Appends the linear `graph` at `residuals` to `g`, along tangents of which those that are `None` are zero: what they
/// would be multiplied with is not computed.
pub fn push_into(g: &mut Graph, graph: &Graph, residuals: &[Var], tangents: &[Tangent]) -> Vec<Tangent> {
    #[derive(Clone, Copy)]
    enum Slot {
        Known(Var),
        Linear(Tangent),
    }
    let mut env: Env<Slot> = Env::new(graph);
    let (known, linear) = graph.inputs.split_at(residuals.len());
    env.set_all(known, residuals.iter().map(|v| Slot::Known(*v)));
    env.set_all(linear, tangents.iter().map(|t| Slot::Linear(*t)));
    let outer = g.src;
    for eqn in &graph.eqns {
        g.src = eqn.src;
        let ins = env.get_all(&eqn.inputs);
        let outs: Vec<Slot> = if ins.iter().all(|s| matches!(s, Slot::Known(_))) {
            let vars: Vec<Var> = ins.iter().map(|s| if let Slot::Known(v) = s { *v } else { unreachable!() }).collect();
            g.bind(eqn.op.clone(), &vars).into_iter().map(Slot::Known).collect()
        } else if ins.iter().all(|s| matches!(s, Slot::Known(_) | Slot::Linear(None))) {
            vec![Slot::Linear(None); eqn.outputs.len()]
        } else {
            let zeros = |g: &mut Graph, v: &Var| g.zeros(graph.aval(*v));
            let whole = |g: &mut Graph| -> Vec<Var> {
                let of = |(v, s): (&Var, &Slot)| match s {
                    Slot::Known(k) | Slot::Linear(Some(k)) => *k,
                    Slot::Linear(None) => zeros(g, v),
                };
                eqn.inputs.iter().zip(&ins).map(of).collect()
            };
            let all_there = ins.iter().all(|s| !matches!(s, Slot::Linear(None)));
            if all_there || !eqn.op.subgraphs().is_empty() {
                let vars = whole(g);
                g.bind(eqn.op.clone(), &vars).into_iter().map(|v| Slot::Linear(Some(v))).collect()
            } else {
                // A linear equation is its own tangent; its rule knows what to do with zeros. Its value is never read.
                let values = whole(g);
                let ts: Vec<Tangent> = ins.iter().map(|s| if let Slot::Linear(t) = s { *t } else { None }).collect();
                eqn.op.jvp(g, &values, &ts).1.into_iter().map(Slot::Linear).collect()
            }
        };
        env.set_all(&eqn.outputs, outs);
    }
    g.src = outer;
    graph
        .outputs
        .iter()
        .map(|v| match env.get(*v) {
            Slot::Linear(t) => t,
            Slot::Known(v) => Some(v),
        })
        .collect()
}
