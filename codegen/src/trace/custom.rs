//! Functions with derivative rules of their own: `#[custom_jvp(rule)]`.

use std::rc::Rc;

use crate::graph::Var;
use crate::ops::CustomJvp;
use crate::parse::ast::{Attr, PatKind};
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, FnItem, FnValue, Scope, Subgraph, Traced, Value};
use crate::trace::{R, Tracer, err, err_help, tree};

/// How often a rule may call its own function inside itself before the function's own derivative is taken: the highest
/// order of differentiation at which the rule is used.
const MAX_ORDER: usize = 3;

impl<'a> Tracer<'a> {
    /// The rule of a function, if it has one and is to use it here.
    pub fn custom_rule<'f>(&self, f: &'f FnItem) -> Option<&'f Attr> {
        if self.rules.iter().filter(|id| **id == f.id).count() >= MAX_ORDER {
            return None;
        }
        f.function.attrs.iter().find(|a| &*a.name.text == "custom_jvp")
    }

    /// Binds the function and its rule as one equation.
    pub fn call_custom(&mut self, f: &Rc<FnItem>, attr: &Attr, vars: &Scope, ctx: &Rc<Ctx>, sp: Sp) -> R<Value> {
        let decl = &f.function;
        let Some(rule) = attr.args.first() else {
            return err_help(attr.name.sp, "`custom_jvp` needs its rule", "write `#[custom_jvp(rule)]`");
        };
        let rule = match self.expr(&rule.value, &mut Scope::default(), ctx)? {
            Value::Fn(rule) => rule,
            other => return err(rule.value.sp, format!("a rule is a function, found {}", other.describe())),
        };
        // Numbers become arrays, so that they have tangents.
        let mut names = Vec::new();
        let mut args = Vec::new();
        for p in &decl.params {
            let PatKind::Bind(name, _) = &p.pat.kind else {
                return err(p.pat.sp, "a parameter of a function with a rule is a name");
            };
            names.push(name.text.clone());
            let value = vars.get(&name.text).cloned().unwrap_or(Value::Poison);
            args.push(tree::try_map(&value, &mut |leaf| -> R<Value> {
                Ok(Value::Array(self.to_traced(leaf, None, sp)?))
            })?);
        }
        let call = self.subgraph(&decl.name.text, &args, |tr, inner| {
            let mut vars = Scope::default();
            for (name, value) in names.iter().zip(inner) {
                vars.push(name.clone(), value);
            }
            tr.body(decl, &mut vars, ctx)
        })?;
        self.rules.push(f.id.clone());
        let rule = self.trace_rule(&rule, &args, &call.out, sp);
        self.rules.pop();
        let rule = rule?;
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
    fn trace_rule(&mut self, rule: &Rc<FnValue>, args: &[Value], out: &Value, sp: Sp) -> R<Subgraph> {
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
        let rule = rule.clone();
        let out = out.clone();
        self.subgraph("", &all, move |tr, mut inner| {
            let tangents = inner.split_off(n);
            let result = tr.apply(&rule, vec![Value::tuple(inner), Value::tuple(tangents)], sp)?;
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
