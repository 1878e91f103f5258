//! `linear_solve`: the solution of a linear system by the user's own solver, differentiated as what it is.

use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::custom_jvp::check_call;
use crate::ops::region::instantiate;
use crate::ops::{
    Batched, Lowering, Op, OpError, Operand, Primitive, Sub, Tangent, param, refuse, with_batch_axis,
};
use crate::text::Params;
use crate::transform::{batch_graph, jvp_into};

/// `x` with `matvec(x) = b`. Every graph takes the constants, then a vector. Inlined (as `solve`) before lowering.
///
/// **Derivative.** `matvec(dx) = db - d(matvec)(x)`, another solution of the same system: the steps of the solver are
/// never differentiated. Backwards it is the transposed system, where a solver for that is known.
#[derive(Clone, Debug)]
pub struct LinearSolve {
    /// The system; linear in the vector.
    pub matvec: Rc<Graph>,
    /// Takes `b`, yields `x`.
    pub solve: Rc<Graph>,
    /// The transposed system and its solver.
    pub transposed: Option<(Rc<Graph>, Rc<Graph>)>,
    /// Number of leading operands that are constants.
    pub n_consts: usize,
}

impl LinearSolve {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<LinearSolve, String> {
        let transposed = match p.get("vecmat") {
            Ok(_) => Some((p.graph("vecmat")?, p.graph("transpose_solve")?)),
            Err(_) => None,
        };
        Ok(LinearSolve { matvec: p.graph("matvec")?, solve: p.graph("solve")?, transposed, n_consts: p.usize("consts")? })
    }
}

impl Primitive for LinearSolve {
    fn name(&self) -> &'static str {
        "linear_solve"
    }

    fn params(&self) -> Params {
        let (consts, matvec, solve) =
            (param("consts", self.n_consts), param("matvec", &self.matvec), param("solve", &self.solve));
        match &self.transposed {
            None => [consts, matvec, solve].into(),
            Some((vecmat, back)) => {
                [consts, matvec, solve, param("vecmat", vecmat), param("transpose_solve", back)].into()
            }
        }
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let outs = check_call("linear_solve", &self.solve, ins)?;
        if outs.iter().ne(ins[self.n_consts..].iter().copied()) {
            return Err(OpError::new("the solver yields a vector of another type than the right-hand side"));
        }
        Ok(outs)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(&self.solve, &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let solution = g.bind(self.clone(), x);
        let (consts, tb) = t.split_at(self.n_consts);
        let mut rhs: Vec<Tangent> = tb.to_vec();
        if consts.iter().any(Option::is_some) {
            let at: Vec<Var> = x[..self.n_consts].iter().chain(&solution).copied().collect();
            let mut along = consts.to_vec();
            along.resize(at.len(), None);
            let (_, moved) = jvp_into(g, &self.matvec, &at, &along);
            for ((rhs, moved), like) in rhs.iter_mut().zip(moved).zip(&solution) {
                if let Some(moved) = moved {
                    let aval = g.aval(*like).clone();
                    let t = instantiate(g, *rhs, &aval);
                    *rhs = Some(g.bind1(Sub, &[t, moved]));
                }
            }
        }
        if rhs.iter().all(Option::is_none) {
            return (solution, vec![None; tb.len()]);
        }
        let mut args = x[..self.n_consts].to_vec();
        for (t, like) in rhs.iter().zip(&solution) {
            let aval = g.aval(*like).clone();
            args.push(instantiate(g, *t, &aval));
        }
        let ts = g.bind(self.clone(), &args).into_iter().map(Some).collect();
        (solution, ts)
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Some((vecmat, solve)) = &self.transposed else {
            refuse("reverse mode through `custom_linear_solve` needs `transpose_solve`, or `symmetric = true`");
        };
        let mut args: Vec<Var> = ins[..self.n_consts]
            .iter()
            .map(|x| match x {
                Operand::Known(v) => *v,
                Operand::Linear(_) => unreachable!("linear in the right-hand side only"),
            })
            .collect();
        for (aval, ct) in self.solve.out_avals().iter().zip(ct) {
            args.push(instantiate(g, *ct, aval));
        }
        let op = LinearSolve {
            matvec: vecmat.clone(),
            solve: solve.clone(),
            transposed: Some((self.matvec.clone(), self.solve.clone())),
            n_consts: self.n_consts,
        };
        let mut out = vec![None; self.n_consts];
        out.extend(g.bind(op, &args).into_iter().map(Some));
        out
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let mut marks: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        marks[self.n_consts..].fill(true);
        let of = |graph: &Graph| {
            Rc::new(batch_graph(graph, &marks, &vec![true; graph.outputs.len()], size).0)
        };
        let op = LinearSolve {
            matvec: of(&self.matvec),
            solve: of(&self.solve),
            transposed: self.transposed.as_ref().map(|(vecmat, solve)| (of(vecmat), of(solve))),
            n_consts: self.n_consts,
        };
        let vars: Vec<Var> =
            ins.iter().zip(&marks).map(|(b, mark)| if *mark { with_batch_axis(g, *b, size) } else { b.var }).collect();
        g.bind(op, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn inlined(&self) -> Option<Rc<Graph>> {
        Some(self.solve.clone())
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        let mut all = vec![self.matvec.clone(), self.solve.clone()];
        all.extend(self.transposed.iter().flat_map(|(vecmat, solve)| [vecmat.clone(), solve.clone()]));
        all
    }

    /// The transposed system has a solver of its own.
    fn reversed_subgraphs(&self) -> Vec<Rc<Graph>> {
        Vec::new()
    }

    fn with_subgraphs(&self, graphs: Vec<Rc<Graph>>) -> Op {
        let transposed = graphs.get(2).cloned().zip(graphs.get(3).cloned());
        LinearSolve { matvec: graphs[0].clone(), solve: graphs[1].clone(), transposed, n_consts: self.n_consts }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::check_op;
    use crate::text::parse;

    /// A triangular system with its exact solver, so that every law holds to the last digits.
    fn op() -> LinearSolve {
        let graph = |t: &str| Rc::new(parse(t).unwrap_or_else(|e| panic!("{e}")));
        LinearSolve {
            matvec: graph(
                "graph f(a: f64[], x: f64[], y: f64[]) -> (p, q) {
                    e: f64[] = exp a
                    p: f64[] = mul e x
                    r: f64[] = mul a x
                    q: f64[] = add r y
                }",
            ),
            solve: graph(
                "graph s(a: f64[], p: f64[], q: f64[]) -> (x, y) {
                    e: f64[] = exp a
                    x: f64[] = div p e
                    r: f64[] = mul a x
                    y: f64[] = sub q r
                }",
            ),
            transposed: Some((
                graph(
                    "graph t(a: f64[], x: f64[], y: f64[]) -> (p, y) {
                        e: f64[] = exp a
                        r: f64[] = mul e x
                        s: f64[] = mul a y
                        p: f64[] = add r s
                    }",
                ),
                graph(
                    "graph u(a: f64[], p: f64[], y: f64[]) -> (x, y) {
                        e: f64[] = exp a
                        s: f64[] = mul a y
                        r: f64[] = sub p s
                        x: f64[] = div r e
                    }",
                ),
            )),
            n_consts: 1,
        }
    }

    #[test]
    fn laws() {
        check_op(op(), &["f64[]", "f64[]", "f64[]"]);
    }
}
