//! Graphs drawn at random from the primitives, with arguments.

use std::rc::Rc;

use kiln_codegen::array::Array;
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::graph::{Aval, Graph, Var};
use kiln_codegen::ops::indexing::{Coords, DimIx, IndexMode};
use kiln_codegen::ops::reduce_window::WindowOp;
use kiln_codegen::ops::scatter::Combine;
use kiln_codegen::ops::windows::Windows;
use kiln_codegen::ops::*;
use kiln_codegen::schedule::program::{Dest, Program};

#[path = "wide.rs"]
mod wide;

/// Arrays of more elements are not drawn.
const MAX_SIZE: usize = 96;
/// dtypes of inputs, and of conversions.
const DTYPES: [DType; 7] = [DType::F32, DType::F32, DType::F32, DType::I32, DType::U8, DType::Bool, DType::F64];

/// A program with arguments.
#[derive(Debug)]
pub struct Case {
    /// What it was drawn from.
    pub seed: u64,
    /// The program, not optimised.
    pub program: Program,
    /// One per input.
    pub args: Vec<Array>,
}

/// Draws a program of about `n_eqns` equations, of what kernels are made of.
pub fn case(seed: u64, n_eqns: usize) -> Case {
    drawn(seed, n_eqns, false)
}

/// Draws a program of about `n_eqns` equations, of everything that can be evaluated.
#[allow(dead_code)] // The build script compiles what it draws.
pub fn wide_case(seed: u64, n_eqns: usize) -> Case {
    drawn(seed, n_eqns, true)
}

fn drawn(seed: u64, n_eqns: usize, wide: bool) -> Case {
    let mut d = Draw { state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d), wide };
    let mut g = Graph::new("f");
    let n_inputs = 1 + d.below(4);
    let mut pool: Vec<Var> = (0..n_inputs)
        .map(|_| {
            let aval = d.aval();
            g.input(&aval)
        })
        .collect();
    grow(&mut d, &mut g, &mut pool, n_eqns, 2);
    let mut mutable = vec![false; n_inputs];
    let mut dests = Vec::new();
    let mut n_returned = 0;
    for k in 0..1 + d.below(4) {
        // The last value is always a result, so that long chains are seen.
        let v = if k == 0 { pool[pool.len() - 1] } else { pool[d.below(pool.len())] };
        let target = (0..n_inputs).find(|n| !mutable[*n] && g.aval(g.inputs[*n]) == g.aval(v));
        match target {
            Some(n) if d.one_in(2) => {
                mutable[n] = true;
                dests.push(Dest::Param(n));
            }
            _ => {
                dests.push(Dest::Return(n_returned));
                n_returned += 1;
            }
        }
        g.outputs.push(v);
    }
    let args = g.in_avals().iter().map(|a| d.array(a)).collect();
    Case { seed, program: Program { graph: g, mutable, dests }, args }
}

/// Appends about `n` equations; `depth` says how many loops may be inside each other.
fn grow(d: &mut Draw, g: &mut Graph, pool: &mut Vec<Var>, n: usize, depth: usize) {
    let end = g.eqns.len() + n;
    // Refused shapes are drawn again, but not for ever.
    for _ in 0..n * 20 {
        if g.eqns.len() >= end {
            break;
        }
        if let Some(outs) = draw(d, g, pool, depth) {
            pool.extend(outs);
        }
    }
}

/// One more equation, or several that belong together; `None` where what was drawn does not fit.
fn draw(d: &mut Draw, g: &mut Graph, pool: &[Var], depth: usize) -> Option<Vec<Var>> {
    if d.wide && d.one_in(3) {
        return wide::draw(d, g, pool, depth);
    }
    // Recent values are likelier, so that chains become long.
    let x = if d.one_in(2) { pool[d.below(pool.len())] } else { pool[pool.len() - 1 - d.below(pool.len().min(3))] };
    let aval = g.aval(x).clone();
    match d.below(20) {
        0..=2 => {
            let op = d.unary();
            bind(d, g, op, &[x])
        }
        3..=6 => {
            let y = d.partner(g, pool, &aval);
            let op = d.binary();
            let (a, b) = if d.one_in(2) { (x, y) } else { (y, x) };
            bind(d, g, op, &[a, b])
        }
        7 => {
            let y = d.partner(g, pool, &aval);
            let c = g.try_bind(Compare { op: d.relation() }, &[x, y]).ok()?[0];
            let op = if d.one_in(4) { return Some(vec![c]) } else { Select };
            let z = d.partner(g, pool, &aval);
            bind(d, g, op, &[c, y, z])
        }
        8 => {
            let dtype = d.dtype();
            bind(d, g, Convert { dtype }, &[x])
        }
        9 => {
            let moved = d.movement(&aval)?;
            bind(d, g, moved, &[x])
        }
        10 => {
            let y = d.partner(g, pool, &aval);
            if aval.rank() == 0 {
                return None;
            }
            let axis = d.below(aval.rank());
            bind(d, g, Concatenate { axis }, &[x, y])
        }
        11..=12 => {
            let axes: Vec<usize> = (0..aval.rank()).filter(|_| d.one_in(2)).collect();
            let op: Op = match d.below(6) {
                0..=2 => ReduceSum { axes }.into(),
                3 => ReduceMax { axes }.into(),
                4 => ReduceMin { axes }.into(),
                _ => ReduceProd { axes }.into(),
            };
            bind(d, g, op, &[x])
        }
        13..=14 => contraction(d, g, pool, x),
        15 => along_an_axis(d, g, x),
        16 => indexed(d, g, pool, x),
        17 => windowed(d, g, x),
        18 if depth > 0 => region(d, g, pool, depth - 1),
        _ => {
            let aval = d.aval();
            if d.one_in(4) && aval.rank() > 0 && aval.dtype != DType::Bool {
                let dimension = d.below(aval.rank());
                return bind(d, g, Iota { aval, dimension }, &[]);
            }
            let value = if d.one_in(2) { Array::full(&aval, d.scalar(aval.dtype)) } else { d.array(&aval) };
            Some(vec![g.constant(value)])
        }
    }
}

fn bind(d: &Draw, g: &mut Graph, op: impl Into<Op>, ins: &[Var]) -> Option<Vec<Var>> {
    let op = op.into();
    let avals: Vec<&Aval> = ins.iter().map(|v| g.aval(*v)).collect();
    let outs = op.abstract_eval(&avals).ok()?;
    let fits = outs.iter().all(|a| (1..=MAX_SIZE).contains(&a.size()) && d.draws(a.dtype));
    if fits { g.try_bind(op, ins).ok() } else { None }
}

fn contraction(d: &mut Draw, g: &mut Graph, pool: &[Var], x: Var) -> Option<Vec<Var>> {
    let a = g.aval(x).clone();
    let fitting: Vec<Var> = pool.iter().copied().filter(|v| g.dtype(*v) == a.dtype && g.aval(*v).rank() > 0).collect();
    let y = if fitting.is_empty() || a.rank() == 0 { return None } else { fitting[d.below(fitting.len())] };
    let b = g.aval(y).clone();
    let mut op = DotGeneral::contracting(&[], &[]);
    for (i, n) in a.shape.iter().enumerate() {
        let free = |j: &usize| !op.rhs_contract.contains(j) && !op.rhs_batch.contains(j) && b.shape[*j] == *n;
        let Some(j) = (0..b.rank()).rev().find(free) else { continue };
        match d.below(4) {
            0 => {
                op.lhs_batch.push(i);
                op.rhs_batch.push(j);
            }
            1..=2 => {
                op.lhs_contract.push(i);
                op.rhs_contract.push(j);
            }
            _ => {}
        }
    }
    bind(d, g, op, &[x, y])
}

fn along_an_axis(d: &mut Draw, g: &mut Graph, x: Var) -> Option<Vec<Var>> {
    let rank = g.aval(x).rank();
    if rank == 0 {
        return None;
    }
    let (axis, flag) = (d.below(rank), d.one_in(2));
    let op: Op = match d.below(8) {
        0 => Argmax { axis }.into(),
        1 => Argmin { axis }.into(),
        2 => Cumsum { axis, reverse: flag }.into(),
        3 => Cumprod { axis, reverse: flag }.into(),
        4 => Cummax { axis, reverse: flag }.into(),
        5 => Sort { axis, descending: flag }.into(),
        6 => Argsort { axis, descending: flag }.into(),
        _ => TopK { k: 1 + d.below(3) }.into(),
    };
    bind(d, g, op, &[x])
}

fn indexed(d: &mut Draw, g: &mut Graph, pool: &[Var], x: Var) -> Option<Vec<Var>> {
    let aval = g.aval(x).clone();
    let whole: Vec<Var> =
        pool.iter().copied().filter(|v| g.dtype(*v) == DType::I32 && g.aval(*v).rank() <= 1).collect();
    let index = if whole.is_empty() || d.one_in(3) {
        let shape = if d.one_in(2) { vec![] } else { vec![1 + d.below(5)] };
        g.constant(d.array(&Aval::new(DType::I32, &shape)))
    } else {
        whole[d.below(whole.len())]
    };
    if aval.rank() == 0 {
        return None;
    }
    // Rows of `x` along one axis, as many as there are indices.
    let axis = d.below(aval.rank());
    let n_index = g.aval(index).rank();
    let mut shape = g.shape(index).to_vec();
    let mut dims = Vec::new();
    for (k, n) in aval.shape.iter().enumerate() {
        if k == axis && d.one_in(2) {
            dims.push(DimIx::index(0));
        } else {
            let window = if k == axis { 1 + d.below(*n) } else { *n };
            dims.push(if k == axis { DimIx::slice(0, shape.len()) } else { DimIx::window(shape.len()) });
            shape.push(window);
        }
    }
    let mode = if d.one_in(2) { IndexMode::Clip } else { IndexMode::Drop };
    let coords = Coords { dims, index_dims: vec![(0..n_index).collect()], shape: shape.clone(), mode };
    if d.one_in(2) {
        return bind(d, g, Gather { coords }, &[x, index]);
    }
    let updates = d.partner(g, pool, &aval.with_shape(&shape));
    let combine =
        [Combine::Set, Combine::Add, Combine::Mul, Combine::Max, Combine::Min][d.below(4 + usize::from(d.wide))];
    bind(d, g, Scatter { coords, combine }, &[x, index, updates])
}

fn windowed(d: &mut Draw, g: &mut Graph, x: Var) -> Option<Vec<Var>> {
    let aval = g.aval(x).clone();
    if d.one_in(2) {
        let window: Vec<usize> = aval.shape.iter().map(|n| 1 + d.below((*n).clamp(1, 3))).collect();
        let strides: Vec<usize> = aval.shape.iter().map(|_| 1 + d.below(2)).collect();
        let mut windows = Windows::new(&window, &strides);
        windows.lo = window.iter().map(|w| d.below(*w) as i64).collect();
        let op = [WindowOp::Sum, WindowOp::Max, WindowOp::Min][d.below(3)];
        return bind(d, g, ReduceWindow { op, windows }, &[x]);
    }
    // Batch 1, so many channels, one spatial axis.
    let n = aval.size();
    if !aval.dtype.is_float() || n < 4 {
        return None;
    }
    let channels = [1, 2, 4, 8][d.below(4)];
    let channels = if n.is_multiple_of(channels) { channels } else { 1 };
    let last = d.one_in(2);
    let shape = if last { vec![1, n / channels, channels] } else { vec![1, channels, n / channels] };
    let flat = bind(d, g, Reshape { shape }, &[x])?[0];
    let mut op = ConvGeneralDilated::plain(1);
    // Every channel for itself, or all for each of a few.
    let (of_group, out) = if d.one_in(3) { (1, channels) } else { (channels, 1 + d.below(3)) };
    op.feature_group_count = channels / of_group;
    let width = 1 + d.below(3);
    let shape = if last { [width, of_group, out] } else { [out, of_group, width] };
    if last {
        op = op.channels_last();
    }
    let kernel = g.constant(d.array(&Aval::new(aval.dtype, &shape)));
    op.window_strides = vec![1 + d.below(2)];
    op.lo = vec![d.below(3) as i64];
    op.hi = vec![d.below(2) as i64];
    bind(d, g, op, &[flat, kernel])
}

/// A loop or a branch whose body is drawn as well.
fn region(d: &mut Draw, g: &mut Graph, pool: &[Var], depth: usize) -> Option<Vec<Var>> {
    let pick = |d: &mut Draw| pool[d.below(pool.len())];
    let size = 1 + d.below(5);
    match d.below(3) {
        0 => {
            let consts: Vec<Var> = (0..d.below(3)).map(|_| pick(d)).collect();
            let carry: Vec<Var> = (0..1 + d.below(2)).map(|_| pick(d)).collect();
            let lead = pool.iter().copied().find(|v| g.aval(*v).rank() > 0);
            let stacked: Vec<Var> = if d.one_in(2) { lead.into_iter().collect() } else { Vec::new() };
            let length = stacked.first().map_or(1 + d.below(4), |v| g.shape(*v)[0]);
            let indexed = d.one_in(2);
            let mut body = Graph::new("");
            let mut inner: Vec<Var> = Vec::new();
            if indexed {
                inner.push(body.input(&Aval::scalar(DType::U32)));
            }
            inner.extend(consts.iter().chain(&carry).map(|v| body.input(g.aval(*v))));
            inner.extend(stacked.iter().map(|v| body.input(&g.aval(*v).unbatched())));
            grow(d, &mut body, &mut inner, size, depth);
            body.outputs = carry.iter().map(|v| d.result(&body, &inner, g.aval(*v))).collect();
            for _ in 0..d.below(3) {
                let v = inner[d.below(inner.len())];
                if body.aval(v).size() * length <= MAX_SIZE {
                    body.outputs.push(v);
                }
            }
            let op = Scan {
                body: Rc::new(body),
                length,
                n_consts: consts.len(),
                n_carry: carry.len(),
                reverse: d.one_in(2),
                indexed,
            };
            bind(d, g, op, &[consts, carry, stacked].concat())
        }
        1 => {
            let ins: Vec<Var> = (0..1 + d.below(3)).map(|_| pick(d)).collect();
            let types: Vec<Aval> = (0..1 + d.below(2)).map(|_| g.aval(pick(d)).clone()).collect();
            let branches = (0..2 + d.below(2))
                .map(|_| {
                    let mut body = Graph::new("");
                    let mut inner: Vec<Var> = ins.iter().map(|v| body.input(g.aval(*v))).collect();
                    grow(d, &mut body, &mut inner, size, depth);
                    body.outputs = types
                        .iter()
                        .map(|a| {
                            let found: Vec<Var> = inner.iter().copied().filter(|v| body.aval(*v) == a).collect();
                            match found.last() {
                                Some(v) => *v,
                                None => body.constant(d.array(a)),
                            }
                        })
                        .collect();
                    Rc::new(body)
                })
                .collect();
            let which = pool.iter().copied().find(|v| *g.aval(*v) == Aval::scalar(DType::I32));
            let index = which.unwrap_or_else(|| g.constant(Array::scalar(Scalar::I32(d.below(4) as i32 - 1))));
            bind(d, g, Switch { branches }, &[vec![index], ins].concat())
        }
        _ => {
            let count = g.constant(Array::scalar(Scalar::I32(0)));
            let consts: Vec<Var> = (0..d.below(2)).map(|_| pick(d)).collect();
            let carry: Vec<Var> = [count].into_iter().chain((0..1 + d.below(2)).map(|_| pick(d))).collect();
            let mut cond = Graph::new("");
            let of_cond: Vec<Var> = carry.iter().map(|v| cond.input(g.aval(*v))).collect();
            let end = cond.constant(Array::scalar(Scalar::I32(d.below(5) as i32)));
            cond.outputs = cond.bind(Compare { op: CompareOp::Lt }, &[of_cond[0], end]);
            let mut body = Graph::new("");
            let mut inner: Vec<Var> = consts.iter().chain(&carry).map(|v| body.input(g.aval(*v))).collect();
            let counter = inner[consts.len()];
            let one = body.constant(Array::scalar(Scalar::I32(1)));
            let next = body.bind1(Add, &[counter, one]);
            grow(d, &mut body, &mut inner, size, depth);
            body.outputs = vec![next];
            body.outputs.extend(carry[1..].iter().map(|v| d.result(&body, &inner, g.aval(*v))).collect::<Vec<_>>());
            let op = While {
                cond: Rc::new(cond),
                body: Rc::new(body),
                n_cond_consts: 0,
                n_body_consts: consts.len(),
                bound: if d.one_in(2) { Some(3) } else { None },
            };
            bind(d, g, op, &[consts, carry].concat())
        }
    }
}

/// Numbers that look random and are the same every time: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Draw {
    state: u64,
    /// Everything that can be evaluated is drawn.
    wide: bool,
}

impl Draw {
    /// Half numbers are not drawn; complex ones only where everything is.
    fn draws(&self, dtype: DType) -> bool {
        !matches!(dtype, DType::F16 | DType::BF16) && (self.wide || !dtype.is_complex())
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn dtype(&mut self) -> DType {
        DTYPES[self.below(DTYPES.len())]
    }

    fn aval(&mut self) -> Aval {
        let rank = self.below(4);
        let extents = [1, 2, 3, 4, 4, 5];
        let shape: Vec<usize> = (0..rank).map(|_| extents[self.below(extents.len())]).collect();
        // Now and then an array longer than the lanes of a sum.
        let shape = if self.one_in(8) { vec![17 + self.below(40)] } else { shape };
        Aval::new(self.dtype(), &shape)
    }

    fn array(&mut self, aval: &Aval) -> Array {
        Array::from_fn(aval, |_| self.scalar(aval.dtype))
    }

    fn scalar(&mut self, dtype: DType) -> Scalar {
        let awkward = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-40, 3e38, -7.5];
        match dtype {
            DType::Bool => Scalar::Bool(self.one_in(2)),
            d if d.is_float() && self.one_in(6) => Scalar::from_f64(d, awkward[self.below(awkward.len())]),
            d if d.is_float() => Scalar::from_f64(d, (self.bits() >> 40) as f64 / (1u64 << 22) as f64 - 2.0),
            d if d.is_signed() => Scalar::from_i128(d, self.below(9) as i128 - 3),
            d => Scalar::from_i128(d, self.below(7) as i128),
        }
    }

    /// A value of this type: one that is there, or a new constant, or one spread out.
    fn partner(&mut self, g: &mut Graph, pool: &[Var], aval: &Aval) -> Var {
        let found: Vec<Var> = pool.iter().copied().filter(|v| g.aval(*v) == aval).collect();
        if !found.is_empty() && !self.one_in(4) {
            return found[self.below(found.len())];
        }
        // A value of fewer axes, whose axes are the last ones.
        let small = pool.iter().copied().find(|v| {
            let b = g.aval(*v);
            b.dtype == aval.dtype && b.rank() < aval.rank() && aval.shape.ends_with(&b.shape)
        });
        match small {
            Some(v) if self.one_in(2) => {
                let n = aval.rank() - g.aval(v).rank();
                g.bind1(BroadcastInDim { shape: aval.shape.clone(), dims: (n..aval.rank()).collect() }, &[v])
            }
            _ if self.one_in(2) => {
                let x = self.scalar(aval.dtype);
                g.constant(Array::full(aval, x))
            }
            _ => g.constant(self.array(aval)),
        }
    }

    /// A value of this type among the results of a body; the last input of that type if nothing else.
    fn result(&mut self, body: &Graph, inner: &[Var], aval: &Aval) -> Var {
        let found: Vec<Var> = inner.iter().copied().filter(|v| body.aval(*v) == aval).collect();
        if self.one_in(3) { found[self.below(found.len())] } else { found[found.len() - 1] }
    }

    fn unary(&mut self) -> Op {
        match self.below(22) {
            0..=1 => Neg.into(),
            2 => Exp.into(),
            3 => Log.into(),
            4 => Sin.into(),
            5 => Cos.into(),
            6 => Tanh.into(),
            7 => Logistic.into(),
            8 => Sqrt.into(),
            9 => Rsqrt.into(),
            10 => Abs.into(),
            11 => Sign.into(),
            12 => Floor.into(),
            13 => Round.into(),
            14 => Expm1.into(),
            15 => Log1p.into(),
            16 => IntegerPow { n: self.below(7) as i32 - 3 }.into(),
            17 => Erf.into(),
            18 => IsFinite.into(),
            19 => Not.into(),
            20 => PopulationCount.into(),
            _ => StopGradient.into(),
        }
    }

    fn binary(&mut self) -> Op {
        match self.below(16) {
            0..=2 => Add.into(),
            3..=4 => Sub.into(),
            5..=7 => Mul.into(),
            8..=9 => Div.into(),
            10 => Rem.into(),
            11 => Max.into(),
            12 => Min.into(),
            13 => And.into(),
            14 => Or.into(),
            _ => ShiftLeft.into(),
        }
    }

    fn relation(&mut self) -> CompareOp {
        use CompareOp::*;
        [Eq, Ne, Lt, Le, Gt, Ge][self.below(6)]
    }

    /// Something that only moves elements.
    fn movement(&mut self, aval: &Aval) -> Option<Op> {
        let rank = aval.rank();
        Some(match self.below(7) {
            0 => {
                let mut perm: Vec<usize> = (0..rank).collect();
                for n in (1..rank).rev() {
                    perm.swap(n, self.below(n + 1));
                }
                Transpose { perm }.into()
            }
            1 => {
                let mut shape = Vec::new();
                let mut left = aval.size();
                while left > 1 {
                    let n = (1..=left).filter(|n| left.is_multiple_of(*n)).collect::<Vec<_>>();
                    let n = n[self.below(n.len())];
                    if n > 1 || self.one_in(3) {
                        shape.push(n);
                    }
                    left /= n;
                }
                Reshape { shape }.into()
            }
            2 => Rev { axes: (0..rank).filter(|_| self.one_in(2)).collect() }.into(),
            3 => {
                let start: Vec<usize> = aval.shape.iter().map(|n| self.below(*n)).collect();
                let limit = start.iter().zip(&aval.shape).map(|(s, n)| s + 1 + self.below(n - s)).collect();
                let stride = aval.shape.iter().map(|_| 1 + self.below(2)).collect();
                Slice { start, limit, stride }.into()
            }
            4..=5 => {
                // New axes in front of, between and after the old ones.
                let (mut shape, mut dims) = (Vec::new(), Vec::new());
                for n in aval.shape.iter().map(Some).chain([None]) {
                    if self.one_in(3) {
                        shape.push(1 + self.below(4));
                    }
                    if let Some(n) = n {
                        dims.push(shape.len());
                        shape.push(if *n == 1 { 1 + self.below(3) } else { *n });
                    }
                }
                BroadcastInDim { shape, dims }.into()
            }
            _ => return None,
        })
    }
}
