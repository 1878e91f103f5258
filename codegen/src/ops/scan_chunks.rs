//! A scan in runs of several iterations: unrolled, or each run computed again in reverse mode from where it started.

use std::rc::Rc;

use crate::graph::{Aval, Graph, Var};
use crate::ops::scan::{Scan, index_aval};
use crate::ops::{Add, Checkpoint, Concatenate, Mul, Reshape, Slice};

/// What becomes of a run of iterations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Run {
    /// Its iterations stand after each other: no loop within the run.
    Unrolled,
    /// Only the carries before it are kept for reverse mode; it then runs again. Memory for `length / k + k` iterations
    /// instead of `length`, for one more forward computation.
    Again,
}

/// A stretch of iterations: its number of iterations and what they have.
struct Stretch<'a> {
    length: usize,
    offset: Option<Var>,
    consts: &'a [Var],
    carries: Vec<Var>,
    stacked: Vec<Var>,
}

impl Scan {
    /// Appends the loop to `g` in runs of `k` iterations; what is left over is a shorter run. Yields what the loop does.
    pub fn in_runs(&self, g: &mut Graph, ins: &[Var], k: usize, run: Run) -> Vec<Var> {
        let (blocks, rest) = (self.length / k, self.length % k);
        let parts = self.parts(ins);
        let mut carries = parts.carry.to_vec();
        let mut of_blocks = Vec::new();
        let mut of_rest = Vec::new();
        // From the last slice to the first, the run that is left over comes first.
        for is_rest in if self.reverse { [true, false] } else { [false, true] } {
            let (from, n) = if is_rest { (blocks * k, rest) } else { (0, blocks * k) };
            if n == 0 {
                continue;
            }
            let stacked = parts.stacked.iter().map(|v| rows(g, *v, from, n)).collect();
            let offset = self.indexed.then(|| g.full(index_aval().dtype, &[], from as f64));
            let stretch = Stretch { length: n, offset, consts: parts.consts, carries, stacked };
            let mut outs = match is_rest || blocks == 1 {
                true => self.one_run(g, stretch, run),
                false => self.blocks(g, stretch, k, run),
            };
            let ys = outs.split_off(self.n_carry);
            carries = outs;
            if is_rest { of_rest = ys } else { of_blocks = ys }
        }
        if of_blocks.is_empty() || of_rest.is_empty() {
            carries.extend(of_blocks.into_iter().chain(of_rest));
        } else {
            let both = of_blocks.into_iter().zip(of_rest);
            carries.extend(both.map(|(a, b)| g.bind1(Concatenate { axis: 0 }, &[a, b])).collect::<Vec<_>>());
        }
        if self.length == 0 {
            for a in &self.body.out_avals()[self.n_carry..] {
                let empty = g.zeros(&a.batched(0));
                carries.push(empty);
            }
        }
        carries
    }

    /// A loop over runs of `k` iterations.
    fn blocks(&self, g: &mut Graph, s: Stretch<'_>, k: usize, run: Run) -> Vec<Var> {
        let n = s.length / k;
        let folded: Vec<Var> = s.stacked.iter().map(|v| split_axis(g, *v, n)).collect();
        let mut body = Graph::new(&self.body.name);
        let index = self.index_input(&mut body);
        let consts: Vec<Var> = s.consts.iter().map(|v| body.input(g.aval(*v))).collect();
        let carries: Vec<Var> = s.carries.iter().map(|v| body.input(g.aval(*v))).collect();
        let stacked: Vec<Var> = folded.iter().map(|v| body.input(&g.aval(*v).unbatched())).collect();
        let offset = index.map(|i| {
            let k = body.full(index_aval().dtype, &[], k as f64);
            body.bind1(Mul, &[i, k])
        });
        body.outputs = self.one_run(&mut body, Stretch { length: k, offset, consts: &consts, carries, stacked }, run);
        let op = Scan { length: n, ..self.with(body, self.indexed, self.n_consts, self.n_carry) };
        let args: Vec<Var> = s.consts.iter().chain(&s.carries).chain(&folded).copied().collect();
        let outs = g.bind(op, &args);
        let (carry, ys) = outs.split_at(self.n_carry);
        carry.iter().copied().chain(ys.iter().map(|v| join_axes(g, *v)).collect::<Vec<_>>()).collect()
    }

    /// One run.
    fn one_run(&self, g: &mut Graph, s: Stretch<'_>, run: Run) -> Vec<Var> {
        if run == Run::Unrolled {
            return self.unrolled(g, s);
        }
        let args: Vec<Var> = s.offset.iter().chain(s.consts).chain(&s.carries).chain(&s.stacked).copied().collect();
        let mut call = Graph::new(&self.body.name);
        let own: Vec<Var> = args.iter().map(|v| call.input(g.aval(*v))).collect();
        let (offset, own) = own.split_at(self.n_index());
        let parts = self.parts(own);
        let inner = Stretch {
            length: s.length,
            offset: offset.first().copied(),
            consts: parts.consts,
            carries: parts.carry.to_vec(),
            stacked: parts.stacked.to_vec(),
        };
        call.outputs = match s.length {
            1 => self.unrolled(&mut call, inner),
            _ => self.shifted(&mut call, inner),
        };
        g.bind(Checkpoint { call: Rc::new(call), again: false }, &args)
    }

    /// The loop over the stretch, its index counted from `offset`.
    fn shifted(&self, g: &mut Graph, s: Stretch<'_>) -> Vec<Var> {
        let args: Vec<Var> = s.offset.iter().chain(s.consts).chain(&s.carries).chain(&s.stacked).copied().collect();
        let mut body = Graph::new(&self.body.name);
        let index = self.index_input(&mut body);
        let offset = self.index_input(&mut body);
        let mut own: Vec<Var> = Vec::new();
        if let (Some(i), Some(offset)) = (index, offset) {
            own.push(body.bind1(Add, &[i, offset]));
        }
        own.extend(self.body.in_avals()[self.n_index()..].iter().map(|a| body.input(a)).collect::<Vec<_>>());
        body.outputs = body.inline(&self.body, &own);
        let n_consts = self.n_consts + self.n_index();
        g.bind(Scan { length: s.length, ..self.with(body, self.indexed, n_consts, self.n_carry) }, &args)
    }

    /// The iterations after each other.
    fn unrolled(&self, g: &mut Graph, s: Stretch<'_>) -> Vec<Var> {
        let mut carries = s.carries;
        let mut ys: Vec<Vec<Var>> = Vec::new();
        for step in 0..s.length {
            let n = if self.reverse { s.length - 1 - step } else { step };
            let mut args = Vec::new();
            if let Some(offset) = s.offset {
                let n = g.full(index_aval().dtype, &[], n as f64);
                args.push(g.bind1(Add, &[offset, n]));
            }
            args.extend(s.consts);
            args.append(&mut carries);
            for v in &s.stacked {
                let row = rows(g, *v, n, 1);
                let shape = g.shape(*v)[1..].to_vec();
                args.push(g.bind1(Reshape { shape }, &[row]));
            }
            carries = g.inline(&self.body, &args);
            let of_step: Vec<Var> = carries.split_off(self.n_carry).into_iter().map(|v| with_axis(g, v)).collect();
            ys.push(of_step);
        }
        if self.reverse {
            ys.reverse();
        }
        let n_ys = self.body.outputs.len() - self.n_carry;
        for k in 0..n_ys {
            let column: Vec<Var> = ys.iter().map(|of_step| of_step[k]).collect();
            carries.push(if column.len() == 1 { column[0] } else { g.bind1(Concatenate { axis: 0 }, &column) });
        }
        carries
    }
}

/// `n` slices along axis 0, from slice `from` on.
fn rows(g: &mut Graph, v: Var, from: usize, n: usize) -> Var {
    let shape = g.shape(v).to_vec();
    if n == shape[0] {
        return v;
    }
    let (mut start, mut limit) = (vec![0; shape.len()], shape.clone());
    (start[0], limit[0]) = (from, from + n);
    g.bind1(Slice { start, limit, stride: vec![1; shape.len()] }, &[v])
}

/// Axis 0 as two, the first of extent `n`.
fn split_axis(g: &mut Graph, v: Var, n: usize) -> Var {
    let Aval { shape, .. } = g.aval(v);
    let shape = [&[n, shape[0] / n], &shape[1..]].concat();
    g.bind1(Reshape { shape }, &[v])
}

/// The first two axes as one.
fn join_axes(g: &mut Graph, v: Var) -> Var {
    let shape = g.shape(v);
    let shape = [&[shape[0] * shape[1]], &shape[2..]].concat();
    g.bind1(Reshape { shape }, &[v])
}

/// A leading axis of extent one.
fn with_axis(g: &mut Graph, v: Var) -> Var {
    let shape = [&[1], g.shape(v)].concat();
    g.bind1(Reshape { shape }, &[v])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::eval::eval;
    use crate::text::parse;
    use crate::transform::{jvp_graph, linearize_into, transpose_into};

    /// `c' = sin(c w) + x i`, `y = c x`, with the index.
    fn scan(length: usize, reverse: bool) -> Scan {
        let body = "graph b(i: u32[], w: f32[2], c: f32[2], x: f32[]) -> (d, y) {
            f: f32[] = convert[dtype=f32] i
            p: f32[] = mul f x
            q: f32[2] = broadcast_in_dim[shape=(2), dims=()] p
            a: f32[2] = mul c w
            b: f32[2] = sin a
            d: f32[2] = add b q
            z: f32[2] = broadcast_in_dim[shape=(2), dims=()] x
            y: f32[2] = mul c z
        }";
        let body = Rc::new(parse(body).unwrap());
        Scan { body, length, n_consts: 1, n_carry: 1, reverse, indexed: true }
    }

    fn graph(scan: &Scan, runs: Option<(usize, Run)>) -> Graph {
        let mut g = Graph::new("f");
        let shapes: [&[usize]; 3] = [&[2], &[2], &[scan.length]];
        let ins: Vec<Var> = shapes.iter().map(|s| g.input(&Aval::new(crate::dtype::DType::F32, s))).collect();
        g.outputs = match runs {
            None => g.bind(scan.clone(), &ins),
            Some((k, run)) => scan.in_runs(&mut g, &ins, k, run),
        };
        g
    }

    fn gradient(f: &Graph) -> Graph {
        let mut g = Graph::new("grad");
        let x: Vec<Var> = f.in_avals().iter().map(|a| g.input(a)).collect();
        let (outs, linear) = linearize_into(&mut g, f, &x, &[true; 3]);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        let n = known.len();
        known.resize(linear.graph.inputs.len(), None);
        let cts: Vec<_> = outs.iter().map(|v| Some(crate::ops::elementwise::full_like(&mut g, *v, 1.0))).collect();
        let found = transpose_into(&mut g, &linear.graph, &known, &cts).split_off(n);
        g.outputs = found.into_iter().map(|t| t.expect("a cotangent")).collect();
        g
    }

    #[test]
    fn runs_are_the_loop() {
        let data = |n: usize, at: f32| -> Vec<f32> { (0..n).map(|i| (i as f32 * 0.7 + at).sin()).collect() };
        for length in [1, 2, 5, 6, 7] {
            for reverse in [false, true] {
                let s = scan(length, reverse);
                let ins = [
                    Array::f32(&[2], &data(2, 0.3)),
                    Array::f32(&[2], &data(2, 1.0)),
                    Array::f32(&[length], &data(length, 2.0)),
                ];
                for k in [1, 2, 3, 7] {
                    for run in [Run::Unrolled, Run::Again] {
                        let (one, other) = (graph(&s, None), graph(&s, Some((k.min(length), run))));
                        assert_eq!(eval(&one, &ins), eval(&other, &ins), "{length} {reverse} {k} {run:?}");
                        let (dg, dh) = (gradient(&one), gradient(&other));
                        for (a, b) in eval(&dg, &ins).iter().zip(eval(&dh, &ins)) {
                            for (a, b) in a.to_f64s().iter().zip(b.to_f64s()) {
                                assert!(
                                    (a - b).abs() <= 1e-5 * a.abs().max(1.0),
                                    "{length} {reverse} {k} {run:?}: {a} {b}"
                                );
                            }
                        }
                        assert_eq!(jvp_graph(&one, &[true; 3]).1, jvp_graph(&other, &[true; 3]).1);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_kept_grows_with_the_number_of_runs() {
        let s = scan(64, false);
        let kept = |g: &Graph| {
            let g = crate::passes::optimise(&gradient(g));
            // The first loop's results, but for its last carry, are what reverse mode reads.
            g.eqns
                .iter()
                .find(|e| e.op.name() == "scan")
                .map(|e| e.outputs.iter().map(|v| g.aval(*v).size()).sum::<usize>())
        };
        let (all, few) = (kept(&graph(&s, None)).unwrap(), kept(&graph(&s, Some((8, Run::Again)))).unwrap());
        assert!(all >= 2 * 64 && few <= 2 * 8 + 2 * 64 + 2, "{all} {few}");
    }
}
