//! Functions with rules of their own: `#[custom_jvp(rule)]`, `#[custom_vjp(fwd, bwd)]`, `#[custom_vmap(rule)]`.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::graph::{Aval, Var};
use crate::ops::custom_vmap::{BatchRule, NeedsRule, Rule};
use crate::ops::{CustomJvp, CustomVjp, CustomVmap};
use crate::parse::ast::{Attr, PatKind};
use crate::parse::spans::Sp;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, FnValue, Generic, Scope, Subgraph, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};

/// How often a rule may call its own function inside itself before the function's own derivative is taken: the highest
/// order of differentiation at which the rule is used.
pub const MAX_ORDER: usize = 3;

/// Attributes with rules, the outermost first. With both derivatives the pullback goes outside: what it wraps keeps its own
/// forward rule. The rule for `vmap` is about what is left when no derivative is asked for.
const RULES: [&str; 3] = ["custom_vjp", "custom_jvp", "custom_vmap"];

/// A function whose rule for `vmap` is traced when its extent and its operands are known.
#[derive(Debug)]
pub struct Mapped {
    /// The function.
    function: Rc<FnItem>,
    /// Its rule.
    rule: Rc<FnValue>,
    /// Its arguments.
    args: Vec<Value>,
    /// What it read beside them.
    captured: Vec<Traced>,
    /// Its result.
    out: Value,
    /// Where it was called.
    sp: Sp,
    /// What is known of the rule.
    known: Rc<BatchRule>,
}

impl<'a> Tracer<'a> {
    /// The rule of a function, if it has one and is to use it here.
    pub fn custom_rule<'f>(&self, f: &'f FnItem) -> Option<&'f Attr> {
        if self.rules.iter().filter(|id| **id == f.id).count() >= MAX_ORDER {
            return None;
        }
        rules(f).next()
    }

    /// Binds the function and its rule as one equation.
    pub fn call_custom(&mut self, f: &Rc<FnItem>, attr: &Attr, vars: &Scope, ctx: &Rc<Ctx>, sp: Sp) -> R<Value> {
        let mut names = Vec::new();
        let mut args = Vec::new();
        for p in &f.function.params {
            let PatKind::Bind(name, _) = &p.pat.kind else {
                return err(p.pat.sp, "a parameter of a function with a rule is a name");
            };
            names.push(name.text.clone());
            // Numbers become arrays, so that they have tangents.
            let value = vars.get(&name.text).cloned().unwrap_or(Value::Poison);
            let value = self.looked_up(&value, vars, p.pat.sp)?;
            args.push(tree::try_map(&value, &mut |leaf| -> R<Value> {
                Ok(Value::Array(self.to_traced(leaf, None, sp)?))
            })?);
        }
        let inner_rule = rules(f).skip_while(|a| a.name.text != attr.name.text).nth(1);
        let call = self.subgraph(&f.function.name.text, &args, |tr, inner| {
            let mut vars = Scope::default();
            for (name, value) in names.iter().zip(inner) {
                vars.push(name.clone(), value);
            }
            let out = match inner_rule {
                Some(rule) => tr.call_custom(f, rule, &vars, ctx, sp)?,
                None => tr.body(&f.function, &mut vars, ctx)?,
            };
            // Numbers among the results become arrays, as those among the arguments do.
            tree::try_map(&out, &mut |leaf| match leaf {
                Value::Num(_) | Value::Bool(_) => Ok(Value::Array(tr.to_traced(leaf, None, sp)?)),
                other => Ok(other.clone()),
            })
        })?;
        self.rules.push(f.id.clone());
        let result = match &*attr.name.text {
            "custom_vjp" => self.bind_custom_vjp(attr, &args, call, ctx, sp),
            "custom_vmap" => self.bind_custom_vmap(f, attr, args, call, ctx, sp),
            _ => self.bind_custom_jvp(attr, &args, call, ctx, sp),
        };
        self.rules.pop();
        result
    }

    /// The function that argument `n` of an attribute names.
    fn rule_function(&mut self, attr: &Attr, n: usize, usage: &str, ctx: &Rc<Ctx>) -> R<Rc<FnValue>> {
        let Some(rule) = attr.args.get(n) else {
            return err_help(attr.name.sp, format!("`{}` needs its rule", attr.name.text), format!("write `{usage}`"));
        };
        match self.expr(&rule.value, &mut Scope::default(), ctx)? {
            Value::Fn(rule) => Ok(rule),
            other => err(rule.value.sp, format!("a rule is a function, found {}", other.describe())),
        }
    }

    fn bind_custom_vjp(&mut self, attr: &Attr, args: &[Value], call: Subgraph, ctx: &Rc<Ctx>, sp: Sp) -> R<Value> {
        let usage = "#[custom_vjp(fwd, bwd)]";
        let (fwd, bwd) = (self.rule_function(attr, 0, usage, ctx)?, self.rule_function(attr, 1, usage, ctx)?);
        let out = call.out.clone();
        let fwd = self.subgraph("", args, |tr, inner| {
            let result = tr.apply(&fwd, inner, sp)?;
            let parts = match &result {
                Value::Tuple(parts) if parts.len() == 2 => parts.clone(),
                other => return err(sp, format!("`fwd` returns `(out, residuals)`, found {}", other.describe())),
            };
            let got = tr.leaf_arrays(&parts[0], sp)?;
            let want = tree::leaves(&out);
            if want.len() != got.len() || want.iter().zip(&got).any(|(a, b)| a.aval != b.aval) {
                return err_help(
                    sp,
                    format!("`fwd` returns {}, the function {}", parts[0].describe(), out.describe()),
                    "the first part of what `fwd` returns is the function's result",
                );
            }
            Ok(Value::tuple(vec![Value::tuple(got.into_iter().map(Value::Array).collect()), parts[1].clone()]))
        })?;
        let residuals = match &fwd.out {
            Value::Tuple(parts) => parts[1].clone(),
            _ => unreachable!("made above"),
        };
        // Cotangents have the types of the float results; integer results get the literal 0.
        let cts = tree::try_map(&out, &mut |leaf| -> R<Value> {
            Ok(match leaf {
                Value::Array(t) if !t.aval.dtype.is_inexact() => Value::int(0),
                other => other.clone(),
            })
        })?;
        let floats: Vec<Traced> = args.iter().flat_map(tree::leaves).filter(|t| t.aval.dtype.is_inexact()).collect();
        let n_args = args.len();
        let bwd = self.subgraph("", &[residuals.clone(), cts], |tr, inner| {
            let result = tr.apply(&bwd, inner, sp)?;
            let grads = match &result {
                Value::Tuple(items) if items.len() == n_args => items.to_vec(),
                one if n_args == 1 && !matches!(one, Value::Tuple(_)) => vec![one.clone()],
                other => {
                    return err_help(
                        sp,
                        format!("`bwd` returns {}, the function has {n_args} arguments", other.describe()),
                        "return a tuple with a cotangent for every argument: `(gx,)` for one",
                    );
                }
            };
            let mut leaves = Vec::new();
            let mut fits = true;
            for (g, a) in grads.iter().zip(args) {
                let (found, wanted) = (tr.leaf_arrays(g, sp)?, tree::leaves(a));
                fits &= found.len() == wanted.len();
                for (leaf, like) in found.into_iter().zip(wanted) {
                    if like.aval.dtype.is_inexact() {
                        let leaf = tr.convert_weak(&leaf, like.aval.dtype, sp)?;
                        leaves.push(tr.broadcast_to(&leaf, &like.aval.shape, sp)?);
                    }
                }
            }
            if !fits || leaves.len() != floats.len() || leaves.iter().zip(&floats).any(|(a, b)| a.aval != b.aval) {
                return err(sp, format!("`bwd` returns {}, which does not fit the arguments", result.describe()));
            }
            Ok(Value::tuple(leaves.into_iter().map(Value::Array).collect()))
        })?;
        // What any of the three captured becomes an operand; `bwd` gets its share as residuals.
        let mut captured: Vec<Traced> = Vec::new();
        for c in call.captures.iter().chain(&fwd.captures).chain(&bwd.captures) {
            if !captured.iter().any(|t| t.tvar == c.tvar) {
                captured.push(c.clone());
            }
        }
        let leaves: Vec<Traced> = args.iter().flat_map(tree::leaves).collect();
        let (mut call_graph, mut fwd_graph, mut bwd_graph) = (call.graph, fwd.graph, bwd.graph);
        add_captures(&mut call_graph, leaves.len(), &call.captures, &captured);
        add_captures(&mut fwd_graph, leaves.len(), &fwd.captures, &captured);
        for c in &bwd.captures {
            let n = captured.iter().position(|t| t.tvar == c.tvar).expect("collected above");
            let v = fwd_graph.inputs[leaves.len() + n];
            fwd_graph.outputs.push(v);
        }
        let n_residuals = tree::leaves(&residuals).len();
        let n_cts = bwd_graph.inputs.len() - n_residuals - bwd.captures.len();
        let tail = bwd_graph.inputs.split_off(n_residuals + n_cts);
        let cts = bwd_graph.inputs.split_off(n_residuals);
        bwd_graph.inputs.extend(tail);
        bwd_graph.inputs.extend(cts);
        for c in captured.iter().filter(|t| t.aval.dtype.is_inexact()) {
            let zeros = bwd_graph.zeros(&c.aval);
            bwd_graph.outputs.push(zeros);
        }
        let op = CustomVjp { call: Rc::new(call_graph), fwd: Rc::new(fwd_graph), bwd: Rc::new(bwd_graph) };
        let ins: Vec<&Traced> = leaves.iter().chain(&captured).collect();
        let outs = self.bind(op, &ins, sp)?;
        Ok(tree::rebuild(&out, &outs))
    }

    fn bind_custom_vmap(
        &mut self,
        f: &Rc<FnItem>,
        attr: &Attr,
        args: Vec<Value>,
        call: Subgraph,
        ctx: &Rc<Ctx>,
        sp: Sp,
    ) -> R<Value> {
        let rule = self.rule_function(attr, 0, "#[custom_vmap(rule)]", ctx)?;
        if let Some(arg) = args.iter().find(|a| has_closure(a)) {
            return err_help(
                sp,
                format!("a function with `custom_vmap` cannot take {}", arg.describe()),
                "its rule is called elsewhere: pass a function by its name, and what it reads as arguments",
            );
        }
        let ins: Vec<Traced> = args.iter().flat_map(tree::leaves).chain(call.captures.iter().cloned()).collect();
        let known = BatchRule::new(self.mapped.len());
        self.mapped.push(Rc::new(Mapped {
            function: f.clone(),
            rule,
            args,
            captured: call.captures,
            out: call.out.clone(),
            sp,
            known: known.clone(),
        }));
        let op = CustomVmap { call: Rc::new(call.graph), short: None, rule: known, steps: Vec::new() };
        let outs = self.bind(op, &ins.iter().collect::<Vec<_>>(), sp)?;
        Ok(tree::rebuild(&call.out, &outs))
    }

    /// Calls a rule for `vmap` with what it has been found to be needed for.
    pub fn learn_rule(&mut self, needed: &NeedsRule) -> R<()> {
        let mapped = self.mapped[needed.id].clone();
        let (name, size, sp) = (&mapped.function.function.name.text, needed.size, mapped.sp);
        let mut marks = needed.ins.iter().copied();
        let mut in_batched = Vec::new();
        let mut args = Vec::new();
        for arg in &mapped.args {
            let own: Vec<bool> = marks.by_ref().take(tree::leaves(arg).len()).collect();
            let mut own_marks = own.iter();
            args.push(tree::map_leaves(arg, &mut |t| {
                let batched = *own_marks.next().expect("one per leaf");
                Traced { aval: Rc::new(mapped_aval(&t.aval, batched, size)), weak: false, ..t.clone() }
            }));
            let mut own_marks = own.iter();
            in_batched.push(tree::try_map(arg, &mut |leaf| -> R<Value> {
                Ok(match leaf {
                    Value::Array(_) => Value::Bool(*own_marks.next().expect("one per leaf")),
                    other => other.clone(),
                })
            })?);
        }
        let mut outs = Vec::new();
        self.rules.push(mapped.function.id.clone());
        let sub = self.subgraph(name, &args, |tr, inner| {
            let given: Vec<Value> =
                [Value::int(size as i128), Value::tuple(in_batched)].into_iter().chain(inner).collect();
            let rule = with_open_result(&mapped.rule, &given);
            let result = tr.apply(&rule, given, sp)?;
            let Value::Tuple(parts) = &result else {
                return err(sp, format!("the rule of `{name}` returns `(out, out_batched)`, found {}", result.describe()));
            };
            let [out, batched] = &parts[..] else {
                return err(sp, format!("the rule of `{name}` returns `(out, out_batched)`, found {}", result.describe()));
            };
            tr.out_marks(&mapped.out, batched, &mut outs, sp)?;
            let (found, want) = (tr.leaf_arrays(out, sp)?, tree::leaves(&mapped.out));
            if found.len() != want.len() {
                let text = format!(
                    "the rule of `{name}` returns {}, the function {}",
                    out.describe(),
                    mapped.out.describe()
                );
                return err_help(sp, text, "the first part of what the rule returns has the parts of the function's result");
            }
            let mut fitted = Vec::new();
            for ((found, want), batched) in found.iter().zip(&want).zip(&outs) {
                let found = tr.convert_weak(found, want.aval.dtype, sp)?;
                let aval = mapped_aval(&want.aval, *batched, size);
                if *found.aval != aval {
                    let text = format!("the rule of `{name}` returns {}, expected {}", show(&found.aval), show(&aval));
                    let help = format!(
                        "`{name}` returns {}; for {size} slices that is {} with `true` in `out_batched`, {} with `false`",
                        show(&want.aval),
                        show(&want.aval.batched(size)),
                        show(&want.aval)
                    );
                    return err_help(sp, text, help);
                }
                fitted.push(Value::Array(found));
            }
            Ok(Value::tuple(fitted))
        });
        self.rules.pop();
        let mut sub = sub?;
        if let Some(c) = sub.captures.first() {
            let text = format!("the rule of `{name}` reads {}, which is not among its arguments", show(&c.aval));
            return err_help(sp, text, format!("pass it to `{name}` as an argument"));
        }
        for (c, batched) in mapped.captured.iter().zip(marks) {
            sub.graph.input(&mapped_aval(&c.aval, batched, size));
        }
        let graph = Rc::new(sub.graph);
        mapped.known.learn(Rule { size, ins: needed.ins.clone(), outs, graph });
        Ok(())
    }

    /// What `out_batched` says about every array of `out`; one word stands for all below it.
    fn out_marks(&self, out: &Value, batched: &Value, marks: &mut Vec<bool>, sp: Sp) -> R<()> {
        if let Value::Bool(b) = batched {
            marks.extend(tree::leaves(out).iter().map(|_| *b));
            return Ok(());
        }
        match (tree::children(out), tree::children(batched)) {
            (Some(outs), Some(batched)) if outs.len() == batched.len() => {
                outs.iter().zip(batched).try_for_each(|(o, b)| self.out_marks(o, b, marks, sp))
            }
            _ => err_help(
                sp,
                format!("`out_batched` is {}, the function returns {}", batched.describe(), out.describe()),
                "write `true` where a result has the mapped axis in front and `false` where it has not",
            ),
        }
    }

    /// A literal in the dtype that is asked for; anything else as it is.
    fn convert_weak(&mut self, t: &Traced, dtype: crate::dtype::DType, sp: Sp) -> R<Traced> {
        if t.weak && t.aval.dtype != dtype { self.convert(t, dtype, sp) } else { Ok(t.clone()) }
    }

    fn bind_custom_jvp(&mut self, attr: &Attr, args: &[Value], call: Subgraph, ctx: &Rc<Ctx>, sp: Sp) -> R<Value> {
        let rule = self.rule_function(attr, 0, "#[custom_jvp(rule)]", ctx)?;
        let rule = self.trace_rule_with(args, &call.out, sp, |tr, primals, tangents| {
            tr.apply(&rule, vec![Value::tuple(primals), Value::tuple(tangents)], sp)
        })?;
        self.bind_rule(args, call, rule, sp)
    }

    /// Binds a function and its rule as one equation.
    pub fn bind_rule(&mut self, args: &[Value], call: Subgraph, rule: Subgraph, sp: Sp) -> R<Value> {
        // What either graph captured becomes an operand of both; captured floats have tangents, which the rule ignores.
        let mut captured: Vec<Traced> = Vec::new();
        for c in call.captures.iter().chain(&rule.captures) {
            if !captured.iter().any(|t| t.tvar == c.tvar) {
                captured.push(c.clone());
            }
        }
        let leaves: Vec<Traced> = args.iter().flat_map(tree::leaves).collect();
        let n_tangents = leaves.iter().filter(|t| t.aval.dtype.is_inexact()).count();
        let mut call_graph = call.graph;
        add_captures(&mut call_graph, leaves.len(), &call.captures, &captured);
        let mut rule_graph = rule.graph;
        // The rule takes primals, captures, tangents, tangents of captures.
        let tangents = rule_graph.inputs.split_off(leaves.len());
        let (tangents, rest) = tangents.split_at(n_tangents);
        rule_graph.inputs.extend(rest);
        add_captures(&mut rule_graph, leaves.len(), &rule.captures, &captured);
        rule_graph.inputs.extend(tangents);
        for c in captured.iter().filter(|t| t.aval.dtype.is_inexact()) {
            rule_graph.input(&c.aval);
        }
        let op = CustomJvp { call: Rc::new(call_graph), rule: Rc::new(rule_graph) };
        let ins: Vec<&Traced> = leaves.iter().chain(&captured).collect();
        let outs = self.bind(op, &ins, sp)?;
        Ok(tree::rebuild(&call.out, &outs))
    }

    /// The rule as a graph: primals and tangents to results and the tangents of the float ones.
    pub fn trace_rule_with(
        &mut self,
        args: &[Value],
        out: &Value,
        sp: Sp,
        rule: impl FnOnce(&mut Tracer<'a>, Vec<Value>, Vec<Value>) -> R<Value>,
    ) -> R<Subgraph> {
        let mut all = args.to_vec();
        // Tangents of integer leaves are left out of the inputs; the rule sees the literal 0.
        for a in args {
            all.push(tree::try_map(a, &mut |leaf| -> R<Value> {
                Ok(match leaf {
                    Value::Array(t) if !t.aval.dtype.is_inexact() => Value::int(0),
                    other => other.clone(),
                })
            })?);
        }
        let n = args.len();
        let out = out.clone();
        self.subgraph("", &all, move |tr, mut inner| {
            let tangents = inner.split_off(n);
            let result = rule(tr, inner, tangents)?;
            let Value::Tuple(parts) = &result else {
                return err(sp, format!("a rule returns `(out, tangent)`, found {}", result.describe()));
            };
            let [y, ty] = &parts[..] else {
                return err(sp, format!("a rule returns `(out, tangent)`, found {}", result.describe()));
            };
            let (want, got) = (tree::leaves(&out), tr.leaf_arrays(y, sp)?);
            let got_t = tr.leaf_arrays(ty, sp)?;
            let same = want.len() == got.len() && want.iter().zip(&got).all(|(a, b)| a.aval == b.aval);
            let same_t = want.len() == got_t.len()
                && want.iter().zip(&got_t).all(|(a, b)| a.aval == b.aval || !a.aval.dtype.is_inexact());
            if !same || !same_t {
                return err_help(
                    sp,
                    format!("the rule returns {}, the function {}", result.describe(), out.describe()),
                    "the rule returns `(out, tangent)`, both of the type of the function's result",
                );
            }
            let ts = got_t.into_iter().zip(&want).filter(|(_, w)| w.aval.dtype.is_inexact()).map(|(t, _)| t);
            Ok(Value::tuple(got.into_iter().chain(ts).map(Value::Array).collect()))
        })
    }

    /// Every leaf as an array.
    fn leaf_arrays(&mut self, v: &Value, sp: Sp) -> R<Vec<Traced>> {
        let mut out = Vec::new();
        tree::try_map(v, &mut |leaf| -> R<Value> {
            out.push(self.to_traced(leaf, None, sp)?);
            Ok(leaf.clone())
        })?;
        Ok(out)
    }
}

/// Puts the captures of a graph in the order of `all`; those it does not use become unused inputs.
fn add_captures(g: &mut crate::graph::Graph, n_args: usize, own: &[Traced], all: &[Traced]) {
    let tail: Vec<Var> = g.inputs.split_off(n_args);
    for c in all {
        match own.iter().position(|o| o.tvar == c.tvar) {
            Some(n) => g.inputs.push(tail[n]),
            None => {
                g.input(&c.aval);
            }
        }
    }
}

/// The attributes with rules, the outermost first.
fn rules(f: &FnItem) -> impl Iterator<Item = &Attr> {
    RULES.iter().filter_map(|name| f.function.attrs.iter().find(|a| &*a.name.text == *name))
}

fn mapped_aval(aval: &Aval, batched: bool, size: usize) -> Aval {
    if batched { aval.batched(size) } else { aval.clone() }
}

/// A rule whose result has types that its arguments do not tell, as `Y` of `fn rule<X, Y>(n: usize, in_batched: (bool,), x: X)
/// -> (Y, bool)`: with the mapped axis or without, they are what the rule returns.
fn with_open_result(rule: &Rc<FnValue>, given: &[Value]) -> Rc<FnValue> {
    let FnValue::Item { function, generics } = &**rule else { return rule.clone() };
    let decl = &function.function;
    let mut bound: BTreeMap<Rc<str>, Generic> = generics.iter().cloned().collect();
    for (p, v) in decl.params.iter().zip(given) {
        Tracer::infer(&p.ty, v, &decl.generics, &mut bound);
    }
    let open = decl.generics.iter().filter(|g| !g.is_const && !bound.contains_key(&g.name.text));
    let open = open.map(|g| (g.name.text.clone(), Generic::Type(Ty::Any)));
    Rc::new(FnValue::Item { function: function.clone(), generics: generics.iter().cloned().chain(open).collect() })
}

/// Whether there is a function in `v` that may read what is around it.
fn has_closure(v: &Value) -> bool {
    match v {
        Value::Fn(f) => !matches!(**f, FnValue::Item { .. } | FnValue::Builtin(_) | FnValue::OfDtype { .. }),
        other => tree::children(other).is_some_and(|items| items.iter().any(has_closure)),
    }
}
