//! `counted_scan`: a scan that ends after as many iterations as an operand says.

use std::rc::Rc;

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scan::index_aval;
use crate::ops::scatter::Combine;
use crate::ops::{
    Add, Batched, BroadcastInDim, Compare, CompareOp, Gather, Lowering, Narrowed, Op, OpError, Operand, Primitive,
    ReduceMax, Scan, Scatter, Select, Split, Sub, Tangent, While,
};
use crate::text::Params;

/// A [`Scan`] of `n` iterations, where `n` is the first operand (u32, at most `scan.length`); in reverse it starts at
/// `n - 1`. The slices of results that no iteration yields are zero. Reverse mode of a [`While`] runs it, at the cost of
/// the iterations that the loop took. It is spliced in as a `while`.
#[derive(Clone, Debug)]
pub struct CountedScan {
    /// The loop as if it ran to the end.
    pub scan: Scan,
}

/// Makes the scans among the equations from number `first` on stop after `n` iterations.
fn count_scans(g: &mut Graph, first: usize, n: Var) {
    for eqn in &mut g.eqns[first..] {
        if let Some(scan) = eqn.op.downcast::<Scan>() {
            eqn.op = CountedScan { scan: scan.clone() }.into();
            eqn.inputs.insert(0, n);
        }
    }
}

/// `graph` with one more input in front: after how many iterations its scans stop.
pub fn counted(mut graph: Graph) -> (Graph, Var) {
    let n = graph.fresh(index_aval());
    graph.inputs.insert(0, n);
    count_scans(&mut graph, 0, n);
    (graph, n)
}

/// Where slice `index` of an array of type `aval` is, along axis 0.
fn slice_coords(aval: &Aval) -> Coords {
    let mut dims = vec![DimIx::index(0)];
    dims.extend((0..aval.rank() - 1).map(DimIx::window));
    Coords { dims, index_dims: vec![vec![]], shape: aval.shape[1..].to_vec(), mode: IndexMode::Clip }
}

/// Slice `index` of `stack`.
pub fn slice_of(g: &mut Graph, stack: Var, index: Var) -> Var {
    let coords = slice_coords(g.aval(stack));
    g.bind1(Gather { coords }, &[stack, index])
}

/// `stack` with slice `index` replaced.
pub fn with_slice(g: &mut Graph, stack: Var, index: Var, slice: Var) -> Var {
    let coords = slice_coords(g.aval(stack));
    g.bind1(Scatter { coords, combine: Combine::Set }, &[stack, index, slice])
}

impl CountedScan {
    /// The rule of the scan, whose scans are this loop.
    fn through<T>(&self, g: &mut Graph, n: Var, rule: impl FnOnce(&mut Graph) -> T) -> T {
        let first = g.eqns.len();
        let out = rule(g);
        count_scans(g, first, n);
        out
    }

    /// The scan whose first constant is the number of iterations: those after the end leave carries alone and yield zeros.
    fn masked(&self) -> Scan {
        let s = &self.scan;
        let mut body = Graph::new(&s.body.name);
        let index = body.input(&index_aval());
        let n = body.input(&index_aval());
        let own: Vec<Var> = s.body.in_avals()[s.n_index()..].iter().map(|a| body.input(a)).collect();
        let goes_on = body.bind1(Compare { op: CompareOp::Lt }, &[index, n]);
        let args: Vec<Var> = std::iter::repeat_n(index, s.n_index()).chain(own.iter().copied()).collect();
        let outs = body.inline(&s.body, &args);
        let carries = s.parts(&own).carry.to_vec();
        for (k, out) in outs.into_iter().enumerate() {
            let aval = body.aval(out).clone();
            let other = if k < s.n_carry { carries[k] } else { body.zeros(&aval) };
            let mask = match aval.rank() {
                0 => goes_on,
                _ => body.bind1(BroadcastInDim { shape: aval.shape, dims: vec![] }, &[goes_on]),
            };
            let out = body.bind1(Select, &[mask, out, other]);
            body.outputs.push(out);
        }
        s.with(body, true, s.n_consts + 1, s.n_carry)
    }

    /// The loop as a `while` that counts.
    fn as_while(&self, g: &mut Graph, ins: &[Var]) -> Vec<Var> {
        let s = &self.scan;
        let (n, own) = (ins[0], s.parts(&ins[1..]));
        let ys: Vec<Aval> = s.body.out_avals()[s.n_carry..].iter().map(|a| a.batched(s.length)).collect();
        let zero = g.full(DType::U32, &[], 0.0);
        let mut carries = vec![zero];
        carries.extend(own.carry);
        carries.extend(ys.iter().map(|a| g.zeros(a)).collect::<Vec<_>>());

        let mut cond = Graph::new(&s.body.name);
        let limit = cond.input(&index_aval());
        let of_cond: Vec<Var> = carries.iter().map(|v| cond.input(g.aval(*v))).collect();
        cond.outputs = cond.bind(Compare { op: CompareOp::Lt }, &[of_cond[0], limit]);

        let mut body = Graph::new(&s.body.name);
        let limit = body.input(&index_aval());
        let consts: Vec<Var> = own.consts.iter().map(|v| body.input(g.aval(*v))).collect();
        let stacks: Vec<Var> = own.stacked.iter().map(|v| body.input(g.aval(*v))).collect();
        let inner: Vec<Var> = carries.iter().map(|v| body.input(g.aval(*v))).collect();
        let one = body.full(DType::U32, &[], 1.0);
        let next = body.bind1(Add, &[inner[0], one]);
        let index = if s.reverse { body.bind1(Sub, &[limit, next]) } else { inner[0] };
        let mut args: Vec<Var> = std::iter::repeat_n(index, s.n_index()).collect();
        args.extend(consts);
        args.extend(&inner[1..1 + s.n_carry]);
        args.extend(stacks.iter().map(|v| slice_of(&mut body, *v, index)).collect::<Vec<_>>());
        let outs = body.inline(&s.body, &args);
        body.outputs = vec![next];
        body.outputs.extend(&outs[..s.n_carry]);
        for (stack, slice) in inner[1 + s.n_carry..].iter().zip(&outs[s.n_carry..]) {
            let stack = with_slice(&mut body, *stack, index, *slice);
            body.outputs.push(stack);
        }
        let op = While {
            cond: Rc::new(cond),
            body: Rc::new(body),
            n_cond_consts: 1,
            n_body_consts: 1 + own.consts.len() + own.stacked.len(),
            bound: Some(s.length),
        };
        let mut args = vec![n, n];
        args.extend(own.consts.iter().chain(own.stacked).chain(&carries));
        g.bind(op, &args).split_off(1)
    }
}

impl Primitive for CountedScan {
    fn name(&self) -> &'static str {
        "counted_scan"
    }

    fn params(&self) -> Params {
        self.scan.params()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        match ins.split_first() {
            Some((n, own)) if **n == index_aval() => self.scan.abstract_eval(own),
            _ => Err(OpError::new(format!("`counted_scan` takes a number of iterations, {}, first", index_aval()))),
        }
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let n = ins[0].item().to_i128().expect("an integer");
        self.scan.run(&ins[1..], (n as usize).min(self.scan.length))
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        self.through(g, x[0], |g| self.scan.jvp(g, &x[1..], &t[1..]))
    }

    /// One number for all stops the loop; where slices have their own, the largest does, and the others wait.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        if !ins[0].batched {
            return self.through(g, ins[0].var, |g| self.scan.batch(g, &ins[1..], size));
        }
        let largest = g.bind1(ReduceMax { axes: vec![0] }, &[ins[0].var]);
        self.through(g, largest, |g| self.masked().batch(g, ins, size))
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Known(n) = ins[0] else { return vec![None; ins.len()] };
        let mut out = vec![None];
        out.extend(self.through(g, n, |g| self.scan.transpose(g, ct, &ins[1..])));
        out
    }

    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        if unknown[0] {
            return None;
        }
        let split = self.scan.split(&unknown[1..]);
        let n_known = crate::ops::region::count(&split.known_out);
        let (mut known, n) = counted(split.known);
        known.outputs.insert(n_known, n);
        let (later, _) = counted(split.later);
        Some(Split { known, known_out: split.known_out, later })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn is_inlined(&self) -> bool {
        true
    }

    fn inlined_on(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        Some(self.as_while(g, ins))
    }

    fn narrowed(&self, read: &[bool]) -> Option<Narrowed> {
        let less = self.scan.narrowed(read)?;
        let scan = less.op.downcast::<Scan>().expect("a scan").clone();
        let inputs = [vec![true], less.inputs].concat();
        Some(Narrowed { op: CountedScan { scan }.into(), inputs, outputs: less.outputs })
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        self.scan.subgraphs()
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        CountedScan { scan: Scan { body: graphs.remove(0), ..self.scan.clone() } }.into()
    }

    /// Of as many iterations as there may be.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        self.scan.flops(&ins[1..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::Scalar;
    use crate::ops::laws::{Rng, check_op_at, parse_aval};
    use crate::text::parse;

    #[test]
    fn laws() {
        let body = "graph b(i: u32[], w: f64[2], c: f64[2], x: f64[2]) -> (d, y) {
            a: f64[2] = add c w
            d: f64[2] = sin a
            y: f64[2] = mul d x
        }";
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        let mut rng = Rng::new();
        for reverse in [false, true] {
            let scan = Scan { body: body.clone(), length: 5, n_consts: 1, n_carry: 1, reverse, indexed: true };
            for n in [0, 1, 3, 5] {
                let mut args = vec![Array::scalar(Scalar::U32(n))];
                args.extend(["f64[2]", "f64[2]", "f64[5,2]"].map(|a| rng.array(&parse_aval(a))));
                check_op_at(CountedScan { scan: scan.clone() }, &args);
                // What it is spliced in as.
                let mut g = Graph::new("");
                let ins: Vec<Var> = args.iter().map(|a| g.input(a.aval())).collect();
                let op = CountedScan { scan: scan.clone() };
                g.outputs = op.as_while(&mut g, &ins);
                assert_eq!(crate::eval::eval(&g, &args), op.eval(&args.iter().collect::<Vec<_>>()));
            }
        }
    }
}
