//! `custom_root` and `custom_linear_solve`: what is defined by an equation is differentiated by the equation, whatever
//! found it.

use std::rc::Rc;

use crate::graph::{Graph, Var};
use crate::ops::{LinearSolve, Tangent};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound};
use crate::trace::custom::MAX_ORDER;
use crate::trace::transforms::split_aux;
use crate::trace::value::{FnValue, GraphFn, Subgraph, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};
use crate::transform::{jvp_into, transpose_graph};

/// The functions that define a root.
#[derive(Clone)]
struct Root {
    f: GraphFn,
    solve: Rc<FnValue>,
    tangent_solve: Rc<FnValue>,
    has_aux: bool,
}

impl<'a> Tracer<'a> {
    /// Calls a function that was traced before, with what it captured in other hands.
    pub fn call_graph_fn(&mut self, f: &GraphFn, given: Vec<Value>, sp: Sp) -> R<Value> {
        let mut vars = Vec::new();
        if given.len() != f.args.len() {
            return err(
                sp,
                format!("this function takes {}, found {}", super::args::arguments(f.args.len()), given.len()),
            );
        }
        for (want, found) in f.args.iter().zip(&given) {
            self.leaves_as(found, want, &mut vars, sp)?;
            let (want, found): (Vec<_>, Vec<_>) =
                (tree::leaves(want), vars[vars.len() - tree::leaves(want).len()..].to_vec());
            for (w, v) in want.iter().zip(found) {
                if *self.graph().aval(v) != *w.aval {
                    let text =
                        format!("this function takes {}, found {}", show(&w.aval), show(&self.graph().aval(v).clone()));
                    return err(sp, text);
                }
            }
        }
        vars.extend(f.captures.iter().map(|t| self.var(t)).collect::<Vec<_>>());
        let outs = self.graph().inline(&f.sub.graph, &vars);
        let outs: Vec<Traced> = outs.into_iter().map(|v| self.traced(v, sp)).collect();
        Ok(self.results(&f.sub.out, &outs))
    }

    /// `f` on arguments like `args`, traced once; what it captured is beside it, to be handed on.
    fn graph_fn(&mut self, f: &Rc<FnValue>, args: &[Value], sp: Sp) -> R<GraphFn> {
        let sub = self.trace_fn(f, args, sp)?;
        let captures = sub.captures.clone();
        Ok(GraphFn { sub: Rc::new(sub), args: args.to_vec(), captures })
    }

    /// `custom_root(f, initial_guess, solve, tangent_solve, has_aux)`.
    pub fn custom_root(&mut self, args: Args, sp: Sp) -> R<Value> {
        let names = ["f", "initial_guess", "solve", "tangent_solve", "has_aux"];
        let b = args.bind("custom_root", &names, 4, sp)?;
        let guess = self.lift_floats(&b.want("initial_guess"), "`custom_root`", b.sp("initial_guess"))?;
        let f = self.graph_fn(&b.function("f")?, std::slice::from_ref(&guess), sp)?;
        self.like_the_vector(&b, "f", &f.sub.out, &guess)?;
        let root = Root {
            f,
            solve: b.function("solve")?,
            tangent_solve: b.function("tangent_solve")?,
            has_aux: b.bool("has_aux", false)?,
        };
        self.root_at(&root, &guess, 0, sp)
    }

    /// The root with its rule; inside `MAX_ORDER` rules the solver itself.
    fn root_at(&mut self, root: &Root, guess: &Value, depth: usize, sp: Sp) -> R<Value> {
        let solved = |tr: &mut Tracer<'a>, root: &Root, guess: Value| -> R<Value> {
            let f = Value::Fn(Rc::new(FnValue::Graph(Rc::new(root.f.clone()))));
            let out = tr.call_value(&root.solve, Args::of(vec![f, guess], sp), sp)?.value;
            let out = tree::try_map(&out, &mut |leaf| -> R<Value> { Ok(Value::Array(tr.to_traced(leaf, None, sp)?)) })?;
            split_aux(&out, root.has_aux, sp)?;
            Ok(out)
        };
        if depth >= MAX_ORDER {
            return solved(self, root, guess.clone());
        }
        let captured = Value::tuple(root.f.captures.iter().cloned().map(Value::Array).collect());
        let args = [guess.clone(), captured];
        let inner =
            |args: &[Value]| Root { f: GraphFn { captures: tree::leaves(&args[1]), ..root.f.clone() }, ..root.clone() };
        let call = self.subgraph("root", &args, |tr, args| solved(tr, &inner(&args), args[0].clone()))?;
        let (x, _) = split_aux(&call.out, root.has_aux, sp)?;
        if !same_types(&x, guess) {
            let text = format!("`solve` returns {}, the guess is {}", x.describe(), guess.describe());
            return err_help(sp, text, "a root has the type of the guess");
        }
        let rule = self.trace_rule_with(&args, &call.out, sp, |tr, args, tangents| {
            let root = inner(&args);
            let out = tr.root_at(&root, &args[0], depth + 1, sp)?;
            let (x, _) = split_aux(&out, root.has_aux, sp)?;
            // What `f` changes by because of what it captured, at the root.
            let mut vars: Vec<Var> = tree::leaves(&x).iter().map(|t| tr.var(t)).collect();
            let mut along: Vec<Tangent> = vec![None; vars.len()];
            for (c, t) in root.f.captures.iter().zip(tree::children(&tangents[1]).unwrap_or(&[])) {
                vars.push(tr.var(c));
                along.push(match t {
                    Value::Array(t) => Some(tr.var(t)),
                    _ => None,
                });
            }
            let graph = root.f.sub.clone();
            let (_, moved) = tr.transform(sp, |g| jvp_into(g, &graph.graph, &vars, &along))?;
            let rhs = tr.tangent_tree(&x, &moved, sp);
            let rhs = tr.call_builtin("negative", Args::of(vec![rhs], sp), sp, true)?;
            let f = Rc::new(FnValue::Graph(Rc::new(root.f.clone())));
            let Value::Tuple(parts) = tr.linearize(&f, std::slice::from_ref(&x), false, false, sp)? else {
                unreachable!("a pair")
            };
            let dx = tr.apply(&root.tangent_solve, vec![parts[1].clone(), rhs], sp)?;
            let tangent = match (&out, root.has_aux) {
                (Value::Tuple(both), true) => {
                    let still = tree::leaves(&both[1]).len();
                    let none = tr.tangent_tree(&both[1], &vec![None; still], sp);
                    Value::tuple(vec![dx, none])
                }
                _ => dx,
            };
            Ok(Value::tuple(vec![out, tangent]))
        })?;
        self.bind_rule(&args, call, rule, sp)
    }

    /// `custom_linear_solve(matvec, b, solve, transpose_solve, symmetric)`.
    pub fn custom_linear_solve(&mut self, args: Args, sp: Sp) -> R<Value> {
        let names = ["matvec", "b", "solve", "transpose_solve", "symmetric"];
        let bound = args.bind("custom_linear_solve", &names, 3, sp)?;
        let b = self.lift_floats(&bound.want("b"), "`custom_linear_solve`", bound.sp("b"))?;
        let vector = std::slice::from_ref(&b);
        let matvec = self.graph_fn(&bound.function("matvec")?, vector, sp)?;
        self.like_the_vector(&bound, "matvec", &matvec.sub.out, &b)?;
        let solve = bound.function("solve")?;
        let symmetric = bound.bool("symmetric", false)?;
        let transpose_solve = match bound.get("transpose_solve") {
            None | Some(Value::Option(None)) => symmetric.then(|| solve.clone()),
            Some(_) => Some(bound.function("transpose_solve")?),
        };
        let n = tree::leaves(&b).len();
        let m = &matvec.sub.graph;
        // The transposed system takes the same constants.
        let vecmat = match (&transpose_solve, symmetric) {
            (None, _) => None,
            (Some(_), true) => Some(matvec.clone()),
            (Some(_), false) => {
                let mut linear = vec![true; n];
                linear.resize(m.inputs.len(), false);
                let (mut graph, found) = self.transform(sp, |_| transpose_graph(m, &linear, &vec![true; n]))?;
                let mut there = std::mem::take(&mut graph.outputs).into_iter();
                for (aval, found) in m.in_avals()[..n].iter().zip(found) {
                    let out = if found { there.next() } else { None };
                    let out = out.unwrap_or_else(|| graph.zeros(aval));
                    graph.outputs.push(out);
                }
                // It takes constants first, functions the vector.
                let vector = graph.inputs.split_off(m.inputs.len() - n);
                let consts = std::mem::replace(&mut graph.inputs, vector);
                graph.inputs.extend(consts);
                let sub = Subgraph { graph, captures: Vec::new(), out: matvec.sub.out.clone() };
                Some(GraphFn { sub: Rc::new(sub), args: matvec.args.clone(), captures: matvec.captures.clone() })
            }
        };
        let solver = |tr: &mut Tracer<'a>, system: &GraphFn, solve: &Rc<FnValue>| -> R<Subgraph> {
            let captured = Value::tuple(system.captures.iter().cloned().map(Value::Array).collect());
            let sub = tr.subgraph("solve", &[b.clone(), captured], |tr, args| {
                let system = GraphFn { captures: tree::leaves(&args[1]), ..system.clone() };
                let f = Value::Fn(Rc::new(FnValue::Graph(Rc::new(system))));
                let x = tr.apply(solve, vec![f, args[0].clone()], sp)?;
                tree::try_map(&x, &mut |leaf| -> R<Value> { Ok(Value::Array(tr.to_traced(leaf, None, sp)?)) })
            })?;
            if !same_types(&sub.out, &b) {
                let text =
                    format!("the solver returns {}, the right-hand side is {}", sub.out.describe(), b.describe());
                return err_help(sp, text, "a solution has the type of the right-hand side");
            }
            Ok(sub)
        };
        let forward = solver(self, &matvec, &solve)?;
        let backward = match (&vecmat, &transpose_solve) {
            (Some(vecmat), Some(solve)) if !symmetric => Some(solver(self, vecmat, solve)?),
            _ => None,
        };
        // Constants of all graphs: what `matvec` captured, then what only solvers did.
        let mut consts = matvec.captures.clone();
        for c in forward.captures.iter().chain(backward.iter().flat_map(|s| &s.captures)) {
            if !consts.iter().any(|t| t.tvar == c.tvar) {
                consts.push(c.clone());
            }
        }
        let system = |f: &GraphFn| of_constants(&f.sub.graph, &f.captures, &consts, vector);
        let solving = |sub: &Subgraph| {
            let own: Vec<Traced> = matvec.captures.iter().chain(&sub.captures).cloned().collect();
            of_constants(&sub.graph, &own, &consts, vector)
        };
        let solve_graph = solving(&forward);
        let transposed = vecmat.as_ref().map(|v| {
            let solve = backward.as_ref().map_or_else(|| solve_graph.clone(), &solving);
            (system(v), solve)
        });
        let op = LinearSolve { matvec: system(&matvec), solve: solve_graph, transposed, n_consts: consts.len() };
        let leaves = tree::leaves(&b);
        let ins: Vec<&Traced> = consts.iter().chain(&leaves).collect();
        let outs = self.bind(op, &ins, sp)?;
        Ok(tree::rebuild(&b, &outs))
    }

    /// Refuses a function from vectors to something else.
    fn like_the_vector(&self, b: &Bound, name: &str, found: &Value, vector: &Value) -> R<()> {
        if same_types(found, vector) {
            return Ok(());
        }
        let text = format!("`{name}` takes {} and returns {}", vector.describe(), found.describe());
        err_help(b.sp(name), text, "it returns what it takes: as many equations as unknowns")
    }
}

fn same_types(a: &Value, b: &Value) -> bool {
    let (x, y) = (tree::leaves(a), tree::leaves(b));
    x.len() == y.len() && x.iter().zip(&y).all(|(a, b)| a.aval == b.aval)
}

/// A graph that takes a vector and its captures as one that takes `consts`, then the vector.
fn of_constants(graph: &Graph, captures: &[Traced], consts: &[Traced], vector: &[Value]) -> Rc<Graph> {
    let mut g = Graph::new(&graph.name);
    let inputs: Vec<Var> = consts.iter().map(|c| g.input(&c.aval)).collect();
    let leaves: Vec<Traced> = vector.iter().flat_map(tree::leaves).collect();
    let mut args: Vec<Var> = leaves.iter().map(|t| g.input(&t.aval)).collect();
    let of = |c: &Traced| consts.iter().position(|k| k.tvar == c.tvar).expect("collected before");
    args.extend(captures.iter().map(|c| inputs[of(c)]));
    g.outputs = g.inline(graph, &args);
    Rc::new(g)
}
