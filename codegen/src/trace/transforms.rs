//! `grad`, `vmap`, `jvp`, `vjp` and their kin: trace the function to a graph, transform the graph, splice it in.

use std::rc::Rc;

use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Iota, Tangent, Transpose, with_batch_axis};
use crate::parse::ast::Name;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, axis};
use crate::trace::collectives::NamedAxis;
use crate::trace::jacobians::{Argnums, push_into};
use crate::trace::value::{FnValue, LinearFn, Num, Number, Subgraph, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};
use crate::transform::{batch_into, jvp_into, linearize_into, transpose_into};

impl<'a> Tracer<'a> {
    /// Calls a function that a transformation made.
    pub fn call_transformed(&mut self, f: &FnValue, args: Args, sp: Sp) -> R<Value> {
        match f {
            FnValue::Grad { f, argnums, has_aux, value, holomorphic } => {
                self.call_grad(f, argnums, (*has_aux, *value, *holomorphic), args, sp)
            }
            FnValue::Vmap { f, in_axes, out_axes, axis_name, axis_size } => {
                self.call_vmap(f, (in_axes, out_axes), axis_name.as_ref(), *axis_size, args, sp)
            }
            FnValue::Linear(l) => self.call_linear(l, args, sp),
            FnValue::Graph(f) => {
                let given = positional(args)?.into_iter().map(|(v, _)| v).collect();
                self.call_graph_fn(f, given, sp)
            }
            FnValue::Applied { name, f, kwargs } => {
                // The library's `_hessian(f, args, ..)` and so on take the function and a tuple of arguments.
                let mut inner = Args::default();
                for f in f {
                    inner.pos.push((Value::Fn(f.clone()), sp));
                }
                let given: Vec<Value> = positional(args)?.into_iter().map(|(v, _)| v).collect();
                inner.pos.push((Value::tuple(given), sp));
                inner.kw = kwargs.iter().map(|(n, v)| (n.clone(), v.clone(), sp)).collect();
                self.call_builtin(&format!("_{name}"), inner, sp, true)
            }
            _ => err(sp, "this function cannot be called"),
        }
    }

    /// Traces `f` on the traced leaves of `args`.
    pub fn trace_fn(&mut self, f: &Rc<FnValue>, args: &[Value], sp: Sp) -> R<Subgraph> {
        let f = f.clone();
        self.subgraph("", args, move |tr, inner| tr.apply(&f, inner, sp))
    }

    /// Variables for the inputs of `sub`: the leaves of the arguments, then what it captured.
    pub fn sub_inputs(&mut self, sub: &Subgraph, args: &[Value]) -> Vec<Var> {
        let leaves: Vec<Traced> = args.iter().flat_map(tree::leaves).chain(sub.captures.iter().cloned()).collect();
        leaves.iter().map(|t| self.var(t)).collect()
    }

    /// A float tree with every number made an array, so that it can be differentiated.
    pub fn lift_floats(&mut self, v: &Value, what: &str, sp: Sp) -> R<Value> {
        let lifted = self.lift_any(v, sp)?;
        let lifted = tree::try_map(&lifted, &mut |x| -> R<Value> { Ok(Value::Array(self.to_traced(x, None, sp)?)) })?;
        for t in tree::leaves(&lifted) {
            if !t.aval.dtype.is_inexact() {
                let mut d = Diag::at(sp, format!("{what} needs floats, found {}", show(&t.aval)));
                d.notes = vec![self.origin(&t)];
                return Err(d
                    .help(
                        "integers have no gradient: leave this argument out of `argnums`, or convert it with `as f32`",
                    )
                    .into());
            }
        }
        Ok(lifted)
    }

    fn call_grad(
        &mut self,
        f: &Rc<FnValue>,
        argnums: &Argnums,
        (has_aux, value, holomorphic): (bool, bool, bool),
        args: Args,
        sp: Sp,
    ) -> R<Value> {
        let given = positional(args)?;
        let mut values: Vec<Value> = given.iter().map(|(v, _)| v.clone()).collect();
        argnums.within(values.len(), sp)?;
        for n in &argnums.which {
            values[*n] = self.lift_floats(
                &values[*n].clone(),
                &format!("the gradient with respect to argument {n}"),
                given[*n].1,
            )?;
        }
        let sub = self.trace_fn(f, &values, sp)?;
        let (out, aux) = split_aux(&sub.out, has_aux, sp)?;
        match &out {
            Value::Array(t) if t.aval.rank() == 0 && t.aval.dtype.is_float() => {}
            Value::Array(t) if holomorphic && t.aval.rank() == 0 && t.aval.dtype.is_inexact() => {}
            Value::Num(_) => {
                return err_help(
                    sp,
                    "the gradient of a constant was asked for",
                    "return something that depends on the arguments",
                );
            }
            other => {
                let mut d =
                    Diag::at(sp, format!("`grad` needs a function that returns one float, found {}", other.describe()));
                d.help = Some("reduce it: `sum(..)` or `mean(..)`; for arrays use `jacrev` or `jacfwd`".into());
                return Err(d.into());
            }
        }
        let primals = self.sub_inputs(&sub, &values);
        let mut nonzero = Vec::new();
        for (n, v) in values.iter().enumerate() {
            nonzero.extend(tree::leaves(v).iter().map(|_| argnums.which.contains(&n)));
        }
        nonzero.resize(primals.len(), false);
        let (outs, linear) = self.transform(sp, |g| linearize_into(g, &sub.graph, &primals, &nonzero))?;
        self.expect_reversible(&linear.graph, &sub.graph, sp)?;
        let graph = self.graph();
        let seed = if linear.out_nonzero[0] {
            let aval = graph.aval(outs[0]).clone();
            Some(graph.full(aval.dtype, &[], 1.0))
        } else {
            None
        };
        let mut cts: Vec<Tangent> = vec![None; linear.out_nonzero.iter().filter(|nz| **nz).count()];
        if seed.is_some() {
            cts[0] = seed;
        }
        let known = linear_known(&linear, linear.residuals.clone());
        let input_cts = self.transform(sp, |g| transpose_into(g, &linear.graph, &known, &cts))?;
        let mut input_cts = input_cts.into_iter().skip(linear.residuals.len());
        let mut grads = Vec::new();
        for (n, v) in values.iter().enumerate() {
            if argnums.which.contains(&n) {
                let cts: Vec<Tangent> = tree::leaves(v).iter().map(|_| input_cts.next().flatten()).collect();
                grads.push(self.tangent_tree(v, &cts, sp));
            } else {
                grads.push(Value::Unit);
            }
        }
        let grad = argnums.pick(|n| grads[n].clone());
        let outs: Vec<Traced> = outs.into_iter().map(|v| self.traced(v, sp)).collect();
        let whole = self.results(&sub.out, &outs);
        Ok(match (value, aux) {
            (true, _) => Value::tuple(vec![whole, grad]),
            (false, Some(_)) => match whole {
                Value::Tuple(items) => Value::tuple(vec![grad, items[1].clone()]),
                other => other,
            },
            (false, None) => grad,
        })
    }

    /// A tree like `v` from (co)tangents of its leaves; zeros where there is none.
    pub fn tangent_tree(&mut self, v: &Value, ts: &[Tangent], sp: Sp) -> Value {
        let mut ts = ts.iter();
        tree::map_leaves(v, &mut |leaf| {
            let var = match ts.next().copied().flatten() {
                Some(var) => var,
                None => {
                    let aval = (*leaf.aval).clone();
                    self.graph().zeros(&aval)
                }
            };
            Traced { weak: leaf.weak, ..self.traced(var, sp) }
        })
    }

    fn call_vmap(
        &mut self,
        f: &Rc<FnValue>,
        (in_axes, out_axes): (&Value, &Value),
        axis_name: Option<&Rc<str>>,
        axis_size: Option<usize>,
        args: Args,
        sp: Sp,
    ) -> R<Value> {
        let given = positional(args)?;
        let specs = match in_axes {
            Value::Tuple(items) if items.len() == given.len() => items.to_vec(),
            Value::Tuple(items) => {
                return err_help(
                    sp,
                    format!(
                        "`in_axes` has {} entries, the call has {}",
                        items.len(),
                        super::args::arguments(given.len())
                    ),
                    "give one entry per argument: an axis, or `None` for an argument that is not mapped",
                );
            }
            one => vec![one.clone(); given.len()],
        };
        let mut size: Option<(usize, String)> = axis_size.map(|n| (n, "`axis_size`".to_string()));
        let mut outer: Vec<Batched> = Vec::new();
        let mut inner: Vec<Value> = Vec::new();
        for ((v, at), spec) in given.iter().zip(&specs) {
            inner.push(self.vmap_arg(v, spec, &mut outer, &mut size, *at)?);
        }
        let Some((size, _)) = size else {
            return err_help(sp, "`vmap` has no mapped argument", "give at least one argument an axis in `in_axes`");
        };
        // The leaves of `inner` stand for slices: they exist only inside.
        // The number of the slice is one more argument, which only named axes read.
        let mut inner = inner;
        if axis_name.is_some() {
            let aval = Aval::new(DType::U32, &[size]);
            let var = self.graph().bind1(Iota { aval, dimension: 0 }, &[]);
            outer.push(Batched { var, batched: true });
            let lane = self.traced(var, sp);
            inner.push(Value::Array(Traced { aval: Rc::new(Aval::scalar(DType::U32)), ..lane }));
        }
        let (f, name) = (f.clone(), axis_name.cloned());
        let sub = self.subgraph("", &inner, move |tr, mut inner| {
            let Some(name) = name else { return tr.apply(&f, inner, sp) };
            let Some(Value::Array(lane)) = inner.pop() else { unreachable!("added above") };
            tr.axes.push(NamedAxis { name, lane, size });
            let out = tr.apply(&f, inner, sp);
            tr.axes.pop();
            out
        })?;
        let mut ins = outer;
        for c in &sub.captures {
            ins.push(Batched { var: self.var(c), batched: false });
        }
        let outs = self.transform(sp, |g| batch_into(g, &sub.graph, &ins, size))?;
        let mut outs = outs.into_iter();
        let mut specs = self.leaf_axes(&sub.out, out_axes, sp)?.into_iter();
        tree::try_map(&sub.out, &mut |leaf| -> R<Value> {
            let spec = specs.next().expect("one per leaf");
            // Static results get the axis too, as every other leaf.
            let (b, weak) = match leaf {
                Value::Array(t) => (outs.next().expect("one per leaf"), t.weak),
                other => {
                    let t = self.to_traced(other, None, sp)?;
                    (Batched { var: self.var(&t), batched: false }, false)
                }
            };
            let rank = self.graph().shape(b.var).len() - usize::from(b.batched);
            let var = match spec {
                Some(i) => {
                    let to = axis(i, rank + 1, "the result", sp)?;
                    let var = with_batch_axis(self.graph(), b, size);
                    self.move_axis(var, 0, to)
                }
                None if b.batched => {
                    return err_help(
                        sp,
                        "`out_axes = None` needs a result that does not depend on a mapped argument",
                        "give the result an axis",
                    );
                }
                None => b.var,
            };
            Ok(Value::Array(Traced { weak, ..self.traced(var, sp) }))
        })
    }

    /// The per-slice form of an argument of `vmap`; the batched leaves are appended to `outer`.
    fn vmap_arg(
        &mut self,
        v: &Value,
        spec: &Value,
        outer: &mut Vec<Batched>,
        size: &mut Option<(usize, String)>,
        sp: Sp,
    ) -> R<Value> {
        let whole_array = matches!(v, Value::List(items) if !items.iter().any(tree::is_tree));
        match (v, spec) {
            (_, Value::Option(None)) => Ok(tree::map_leaves(v, &mut |t| {
                outer.push(Batched { var: self.var(t), batched: false });
                t.clone()
            })),
            (Value::List(_) | Value::Num(_) | Value::Bool(_), Value::Num(_))
                if whole_array || !matches!(v, Value::List(_)) =>
            {
                let t = self.to_traced(v, None, sp)?;
                self.vmap_arg(&Value::Array(t), spec, outer, size, sp)
            }
            (Value::Array(t), Value::Num(Num { value: Number::Int(i), .. })) => {
                let shown = show(&t.aval);
                if t.aval.rank() == 0 {
                    return err_help(
                        sp,
                        format!("`vmap` cannot map over the scalar {shown}"),
                        "give this argument `None` in `in_axes`",
                    );
                }
                let from = axis(*i, t.aval.rank(), &shown, sp)?;
                let n = t.aval.shape[from];
                match size {
                    Some((m, other)) if *m != n => {
                        return err_help(
                            sp,
                            format!("`vmap` maps over {m} slices of {other} but {n} of {shown}"),
                            "mapped axes have one extent; an argument that is not mapped has `None` in `in_axes`",
                        );
                    }
                    _ => *size = Some((n, shown)),
                }
                let var = self.var(t);
                let var = self.move_axis(var, from, 0);
                outer.push(Batched { var, batched: true });
                // Only dtype and shape of this leaf are looked at.
                Ok(Value::Array(Traced { aval: Rc::new(self.graph().aval(var).unbatched()), ..t.clone() }))
            }
            _ => {
                let Some(items) = tree::children(v) else {
                    return match v {
                        Value::Unit | Value::Str(_) | Value::Fn(_) | Value::Option(None) => Ok(v.clone()),
                        _ => err(sp, format!("`in_axes` {} does not fit {}", spec.describe(), v.describe())),
                    };
                };
                let specs = match tree::children(spec) {
                    Some(s) if s.len() == items.len() => s.to_vec(),
                    Some(_) => return err(sp, format!("`in_axes` {} does not fit {}", spec.describe(), v.describe())),
                    None => vec![spec.clone(); items.len()],
                };
                let new =
                    items.iter().zip(&specs).map(|(x, s)| self.vmap_arg(x, s, outer, size, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
        }
    }

    /// The axis of each leaf of `v` under a spec that may be a prefix of its tree.
    fn leaf_axes(&mut self, v: &Value, spec: &Value, sp: Sp) -> R<Vec<Option<i128>>> {
        let one = match spec {
            Value::Option(None) => None,
            Value::Num(Num { value: Number::Int(i), .. }) => Some(*i),
            _ => match (tree::children(spec), tree::children(v)) {
                (Some(s), Some(items)) if s.len() == items.len() => {
                    let mut out = Vec::new();
                    for (s, x) in s.iter().zip(items) {
                        out.extend(self.leaf_axes(x, s, sp)?);
                    }
                    return Ok(out);
                }
                _ => {
                    return err(sp, format!("`out_axes` {} does not fit the result {}", spec.describe(), v.describe()));
                }
            },
        };
        let mut n = 0;
        tree::try_map(v, &mut |leaf| -> R<Value> {
            n += 1;
            Ok(leaf.clone())
        })?;
        Ok(vec![one; n])
    }

    /// Moves an axis; the others keep their order.
    pub fn move_axis(&mut self, var: Var, from: usize, to: usize) -> Var {
        if from == to {
            return var;
        }
        let rank = self.graph().shape(var).len();
        let mut perm: Vec<usize> = (0..rank).filter(|d| *d != from).collect();
        perm.insert(to, from);
        self.graph().bind1(Transpose { perm }, &[var])
    }

    /// `jvp(f, primals, tangents)`.
    pub fn jvp(&mut self, f: &Rc<FnValue>, primals: &Value, tangents: &Value, has_aux: bool, sp: Sp) -> R<Value> {
        let (Some(ps), Some(ts)) = (tuple_items(primals), tuple_items(tangents)) else {
            let found = format!(
                "`jvp` takes tuples of primals and tangents, found {} and {}",
                primals.describe(),
                tangents.describe()
            );
            return err_help(sp, found, "write `jvp(f, (x,), (dx,))`");
        };
        if ps.len() != ts.len() {
            return err_help(
                sp,
                format!("`jvp` has {} primals but {} tangents", ps.len(), ts.len()),
                "give one tangent per argument; `0.0` for an argument that stays",
            );
        }
        let mut values = Vec::new();
        for p in &ps {
            values.push(self.lift_any(p, sp)?);
        }
        let mut dirs: Vec<Tangent> = Vec::new();
        for (p, t) in values.iter().zip(&ts) {
            self.tangents_like(p, t, &mut dirs, sp)?;
        }
        let sub = self.trace_fn(f, &values, sp)?;
        let primal_vars = self.sub_inputs(&sub, &values);
        dirs.resize(primal_vars.len(), None);
        let (outs, out_ts) = self.transform(sp, |g| jvp_into(g, &sub.graph, &primal_vars, &dirs))?;
        let outs: Vec<Traced> = outs.into_iter().map(|v| self.traced(v, sp)).collect();
        let (out, aux) = split_aux(&self.results(&sub.out, &outs), has_aux, sp)?;
        let tangent = self.float_tangent_tree(&out, &out_ts, sp)?;
        let mut all = vec![out, tangent];
        all.extend(aux);
        Ok(Value::tuple(all))
    }

    /// Tangents of a result: zeros for static and integer leaves.
    fn float_tangent_tree(&mut self, out: &Value, ts: &[Tangent], sp: Sp) -> R<Value> {
        let mut ts = ts.iter();
        tree::try_map(out, &mut |leaf| -> R<Value> {
            let t = self.to_traced(leaf, None, sp)?;
            let tangent = if matches!(leaf, Value::Array(_)) { ts.next().copied().flatten() } else { None };
            let var = match tangent {
                Some(v) => v,
                None => self.graph().zeros(&t.aval),
            };
            Ok(Value::Array(Traced { weak: t.weak, ..self.traced(var, sp) }))
        })
    }

    /// A tree with every number made an array; weak integers become floats.
    fn lift_any(&mut self, v: &Value, sp: Sp) -> R<Value> {
        if let Value::List(items) = v
            && !items.iter().any(tree::is_tree)
        {
            let mut t = self.to_traced(v, None, sp)?;
            if t.weak && t.aval.dtype.is_int() {
                t = self.convert(&t, DType::F32, sp)?;
            }
            return Ok(Value::Array(t));
        }
        match tree::children(v) {
            Some(items) => {
                let new = items.iter().map(|x| self.lift_any(x, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
            None => match v {
                Value::Num(n) => {
                    let n = match (n.dtype, n.value) {
                        (None, Number::Int(i)) => Num { value: Number::Float(i as f64), dtype: None },
                        _ => *n,
                    };
                    Ok(Value::Array(self.number(n, sp)))
                }
                other => Ok(other.clone()),
            },
        }
    }

    /// Tangents for the leaves of `p` from the tree `t`; integer leaves have none.
    fn tangents_like(&mut self, p: &Value, t: &Value, out: &mut Vec<Tangent>, sp: Sp) -> R<()> {
        match (p, tree::children(p), tree::children(t)) {
            (Value::Array(x), _, _) => {
                if !x.aval.dtype.is_inexact() {
                    out.push(None);
                    return Ok(());
                }
                let given = self.to_traced(t, Some(x.aval.dtype), sp)?;
                self.settle(x, given.aval.dtype)?;
                if *given.aval != *x.aval {
                    let ok = given.aval.dtype == x.aval.dtype && given.aval.rank() == 0 && matches!(t, Value::Num(_));
                    if !ok {
                        let mut d = Diag::at(
                            sp,
                            format!("the tangent of {} has its type, found {}", show(&x.aval), show(&given.aval)),
                        );
                        d.notes = vec![self.origin_as(x, "primal"), self.origin_as(&given, "tangent")];
                        return Err(d.into());
                    }
                }
                // A literal zero is known to be zero.
                if matches!(t, Value::Num(n) if n.is_zero()) {
                    out.push(None);
                    return Ok(());
                }
                let given = self.broadcast_to(&given, &x.aval.shape, sp)?;
                let var = self.var(&given);
                out.push(Some(var));
                Ok(())
            }
            (_, Some(ps), Some(ts)) if ps.len() == ts.len() => {
                for (p, t) in ps.iter().zip(ts) {
                    self.tangents_like(p, t, out, sp)?;
                }
                Ok(())
            }
            (_, Some(_), _) => err(sp, format!("a tangent of {} cannot be {}", p.describe(), t.describe())),
            _ => Ok(()),
        }
    }

    /// `linearize(f, x, ..)` and `vjp(f, (x, ..))`: the result and the linear map.
    pub fn linearize(
        &mut self,
        f: &Rc<FnValue>,
        primals: &[Value],
        transposed: bool,
        has_aux: bool,
        sp: Sp,
    ) -> R<Value> {
        let mut values = Vec::new();
        for p in primals {
            values.push(self.lift_any(p, sp)?);
        }
        let sub = self.trace_fn(f, &values, sp)?;
        let vars = self.sub_inputs(&sub, &values);
        let mut nonzero: Vec<bool> = values.iter().flat_map(tree::leaves).map(|t| t.aval.dtype.is_inexact()).collect();
        nonzero.resize(vars.len(), false);
        let (outs, linear) = self.transform(sp, |g| linearize_into(g, &sub.graph, &vars, &nonzero))?;
        if transposed {
            self.expect_reversible(&linear.graph, &sub.graph, sp)?;
        }
        let outs: Vec<Traced> = outs.into_iter().map(|v| self.traced(v, sp)).collect();
        let whole = self.results(&sub.out, &outs);
        let residuals = linear.residuals.iter().map(|v| self.traced(*v, sp)).collect();
        let (out, aux) = split_aux(&whole, has_aux, sp)?;
        let map = LinearFn { linear, residuals, input: Value::tuple(values), output: out.clone(), transposed };
        let map = Value::Fn(Rc::new(FnValue::Linear(Rc::new(map))));
        let mut all = vec![out, map];
        all.extend(aux);
        Ok(Value::tuple(all))
    }

    /// Refuses loops that reverse mode cannot run backwards: how often a `while` on tangents may run must be bounded.
    pub fn expect_reversible(&self, linear: &Graph, primal: &Graph, sp: Sp) -> R<()> {
        if unbounded_while(linear).is_none() {
            return Ok(());
        }
        let at = unbounded_while(primal).filter(|at| *at != Sp(0)).unwrap_or(sp);
        err_help(
            self.user_sp(at),
            "the gradient of a `while` needs to know how often it may run",
            "write `#[bound(N)] while ..`",
        )
    }

    /// Pushes tangents forward or pulls cotangents back.
    fn call_linear(&mut self, l: &Rc<LinearFn>, args: Args, sp: Sp) -> R<Value> {
        let given: Vec<Value> = positional(args)?.into_iter().map(|(v, _)| v).collect();
        let residuals: Vec<Var> = l.residuals.iter().map(|t| self.var(t)).collect();
        if !l.transposed {
            let ins = tree::children(&l.input).unwrap_or(&[]).to_vec();
            if given.len() != ins.len() {
                return err(sp, format!("this linear map takes {} tangents, found {}", ins.len(), given.len()));
            }
            let mut ts = Vec::new();
            for (p, t) in ins.iter().zip(&given) {
                self.tangents_like(p, t, &mut ts, sp)?;
            }
            let has_tangent = tree::leaves(&l.input).into_iter().map(|t| t.aval.dtype.is_inexact());
            let ts: Vec<Tangent> = ts.into_iter().zip(has_tangent).filter(|(_, has)| *has).map(|(t, _)| t).collect();
            let mut outs = push_into(self.graph(), &l.linear.graph, &residuals, &ts).into_iter();
            let ts: Vec<Tangent> =
                l.linear.out_nonzero.iter().map(|nz| if *nz { outs.next().flatten() } else { None }).collect();
            return self.float_tangent_tree(&l.output, &ts, sp);
        }
        let [ct] = &given[..] else {
            return err_help(
                sp,
                format!("a pullback takes one cotangent, found {}", given.len()),
                "give a tuple if the function returns one",
            );
        };
        let mut cts: Vec<Tangent> = Vec::new();
        self.cotangents_like(&l.output, ct, &mut cts, sp)?;
        cts.resize(l.linear.out_nonzero.len(), None);
        let cts: Vec<Tangent> =
            cts.into_iter().zip(&l.linear.out_nonzero).filter(|(_, nz)| **nz).map(|(t, _)| t).collect();
        let known = linear_known(&l.linear, residuals);
        let n_residuals = l.residuals.len();
        let outs = self.transform(sp, |g| transpose_into(g, &l.linear.graph, &known, &cts))?;
        let mut outs = outs.into_iter().skip(n_residuals);
        let ts: Vec<Tangent> = tree::leaves(&l.input)
            .iter()
            .map(|t| if t.aval.dtype.is_inexact() { outs.next().flatten() } else { None })
            .collect();
        Ok(self.tangent_tree(&l.input, &ts, sp))
    }

    /// Cotangents for every traced leaf of `out`.
    fn cotangents_like(&mut self, out: &Value, ct: &Value, cts: &mut Vec<Tangent>, sp: Sp) -> R<()> {
        match (tree::children(out), tree::children(ct)) {
            (Some(os), Some(cs)) if os.len() == cs.len() => {
                for (o, c) in os.iter().zip(cs) {
                    self.cotangents_like(o, c, cts, sp)?;
                }
                Ok(())
            }
            (Some(_), _) => err(sp, format!("a cotangent of {} cannot be {}", out.describe(), ct.describe())),
            (None, _) => match out {
                Value::Array(x) => {
                    let given = self.to_traced(ct, Some(x.aval.dtype), sp)?;
                    self.settle(x, given.aval.dtype)?;
                    let scalar = given.aval.rank() == 0 && matches!(ct, Value::Num(_));
                    if x.aval.dtype.is_inexact() && given.aval != x.aval && !scalar {
                        let text =
                            format!("the cotangent of {} has its type, found {}", show(&x.aval), show(&given.aval));
                        let mut d = Diag::at(sp, text);
                        d.notes = vec![self.origin_as(x, "result"), self.origin_as(&given, "cotangent")];
                        return Err(d.into());
                    }
                    self.tangents_like(out, ct, cts, sp)
                }
                _ => Ok(()),
            },
        }
    }
}

/// What transposition knows of the inputs of a linear map: its residuals.
pub fn linear_known(linear: &crate::transform::Linear, residuals: Vec<Var>) -> Vec<Option<Var>> {
    let n = linear.graph.inputs.len();
    let mut known: Vec<Option<Var>> = residuals.into_iter().map(Some).collect();
    known.resize(n, None);
    known
}

/// What a function yields, and beside it, with `has_aux`, what is not differentiated.
pub fn split_aux(out: &Value, has_aux: bool, sp: Sp) -> R<(Value, Option<Value>)> {
    match (out, has_aux) {
        (Value::Tuple(items), true) if items.len() == 2 => Ok((items[0].clone(), Some(items[1].clone()))),
        (other, true) => err(
            sp,
            format!("`has_aux = true` needs a function that returns `(value, aux)`, found {}", other.describe()),
        ),
        (other, false) => Ok((other.clone(), None)),
    }
}

/// Transformed functions take their arguments by position.
pub fn positional(args: Args) -> R<Vec<(Value, Sp)>> {
    match args.kw.first() {
        Some((name, _, _)) => err_help(
            name.sp,
            "a transformed function takes its arguments by position",
            format!("write the value of `{}` in its place", name.text),
        ),
        None => Ok(args.pos),
    }
}

fn tuple_items(v: &Value) -> Option<Vec<Value>> {
    match v {
        Value::Tuple(items) => Some(items.to_vec()),
        Value::Unit => Some(Vec::new()),
        _ => None,
    }
}

/// `grad(f, argnums = .., has_aux = ..)` and `value_and_grad`.
pub fn make_grad(_tr: &mut Tracer<'_>, args: Args, value: bool, sp: Sp) -> R<Value> {
    let name = if value { "value_and_grad" } else { "grad" };
    let b = args.bind(name, &["f", "argnums", "has_aux", "holomorphic"], 1, sp)?;
    let (argnums, has_aux, holomorphic) = (Argnums::of(&b)?, b.bool("has_aux", false)?, b.bool("holomorphic", false)?);
    Ok(Value::Fn(Rc::new(FnValue::Grad { f: b.function("f")?, argnums, has_aux, value, holomorphic })))
}

/// `vmap(f, in_axes = .., out_axes = ..)`.
pub fn make_vmap(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("vmap", &["f", "in_axes", "out_axes", "axis_name", "axis_size"], 1, sp)?;
    let or_zero = |v: Option<&Value>| v.cloned().unwrap_or(Value::int(0));
    let axis_name = match b.get("axis_name") {
        None | Some(Value::Option(None)) => None,
        Some(Value::Str(name)) => Some(name.clone()),
        Some(other) => {
            let found = format!("`axis_name` is a text, found {}", other.describe());
            return err_help(b.sp("axis_name"), found, "write `axis_name = \"batch\"`");
        }
    };
    Ok(Value::Fn(Rc::new(FnValue::Vmap {
        f: b.function("f")?,
        in_axes: or_zero(b.get("in_axes")),
        out_axes: or_zero(b.get("out_axes")),
        axis_name,
        axis_size: b.int("axis_size")?.and_then(|n| usize::try_from(n).ok()),
    })))
}

/// `jacfwd(f)` and other built-ins that are completed by the call that follows: the library's `_name(f, args, ..)`.
pub fn make_applied(_tr: &mut Tracer<'_>, name: &str, params: &[&'static str], args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, params, 1, sp)?;
    let kwargs = params[1..]
        .iter()
        .filter_map(|p| b.get(p).map(|v| (Name { text: (*p).into(), sp: b.sp(p) }, v.clone())))
        .collect();
    Ok(Value::Fn(Rc::new(FnValue::Applied { name: name.into(), f: vec![b.function("f")?], kwargs })))
}

/// Where the first `while` without a bound stands that yields floats.
fn unbounded_while(graph: &Graph) -> Option<Sp> {
    graph.eqns.iter().find_map(|eqn| {
        let floats = eqn.outputs.iter().any(|v| graph.aval(*v).dtype.is_inexact());
        match eqn.op.region() {
            Some(crate::ops::Region::While { bound: None, .. }) if floats => Some(Sp(eqn.src.0)),
            _ => eqn.op.reversed_subgraphs().iter().find_map(|inner| unbounded_while(inner)),
        }
    })
}
