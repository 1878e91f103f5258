//! What the primitives that do something beside computing share.

use std::rc::Rc;

use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Op, OpError, Scan, Tangent, with_batch_axis};

/// No results; every operand has the axes `lanes` in front.
pub fn reads_lanes(name: &str, lanes: &[usize], ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
    match ins.iter().position(|a| !a.shape.starts_with(lanes)) {
        Some(n) => Err(OpError::new(format!("`{name}` needs the axes {lanes:?} in front of {}", ins[n])).at(n)),
        None => Ok(Vec::new()),
    }
}

/// What happens, happens to the primal values.
pub fn primals_only(g: &mut Graph, op: Op, x: &[Var]) -> (Vec<Var>, Vec<Tangent>) {
    g.bind(op, x);
    (Vec::new(), Vec::new())
}

/// The lanes and operands of an effect under one more `vmap`.
pub fn batch_operands(g: &mut Graph, lanes: &[usize], ins: &[Batched], size: usize) -> (Vec<usize>, Vec<Var>) {
    let lanes = [&[size], lanes].concat();
    (lanes, ins.iter().map(|b| with_batch_axis(g, *b, size)).collect())
}

/// `op` over a batch, slice after slice. What has an effect must not run for slices that do not come there, so a branch
/// whose predicate differs between slices stays a branch.
pub fn slice_by_slice(g: &mut Graph, op: Op, ins: &[Batched], size: usize) -> Vec<Batched> {
    let mut body = Graph::new(op.name());
    let avals: Vec<Aval> =
        ins.iter().map(|b| if b.batched { g.aval(b.var).unbatched() } else { g.aval(b.var).clone() }).collect();
    let of = |batched: bool| (0..ins.len()).filter(move |n| ins[*n].batched == batched);
    let mut inner = vec![Var(0); ins.len()];
    for n in of(false).chain(of(true)) {
        inner[n] = body.input(&avals[n]);
    }
    body.outputs = body.bind(op, &inner);
    let scan = Scan {
        body: Rc::new(body),
        length: size,
        n_consts: of(false).count(),
        n_carry: 0,
        reverse: false,
        indexed: false,
    };
    let operands: Vec<Var> = of(false).chain(of(true)).map(|n| ins[n].var).collect();
    g.bind(scan, &operands).into_iter().map(|var| Batched { var, batched: true }).collect()
}

/// What a turn of a loop over slices costs beside the slice, in operations: its operands are cut out, its side is chosen, its
/// results are put in their places. Measured on the Cortex-M4F, where an operation is about an instruction: `cargo xtask work`
/// counts 24.9 instructions for a turn with one product in it (`benches/derivatives/src/turns.rs`).
const TURN: u64 = 24;

/// Whether one slice after the other, `work` operations each, is less work than `all`, which computes them together.
pub fn slices_are_cheaper(work: u64, all: u64, size: usize) -> bool {
    work.saturating_add(TURN).saturating_mul(size as u64) < all
}

#[cfg(test)]
mod tests {
    use crate::graph::Graph;
    use crate::ops::region::has_effect;
    use crate::passes::optimise;
    use crate::text::{parse, print};
    use crate::transform::{batch_graph, jvp_graph, linearize_into};

    const BRANCH: &str = r#"graph f(p: i32[], x: f32[]) -> (y) {
        y: f32[] = switch[branches=(graph a(x: f32[]) -> (y) {
            y: f32[] = exp x
        }, graph b(x: f32[]) -> (y) {
            zero: f32[] = constant[value=f32[]{0.0}]
            ok: bool[] = compare[op=gt] x zero
            check[text="x is \"{}\"", line=3, lanes=(), report=false] ok x
            debug_print[text="log {:.2}", lanes=()] x
            y: f32[] = log x
        })] p x
    }"#;

    fn effects(g: &Graph) -> usize {
        let own = g.eqns.iter().filter(|e| e.op.has_effect() && e.op.subgraphs().is_empty()).count();
        own + g.eqns.iter().flat_map(|e| e.op.subgraphs()).map(|s| effects(&s)).sum::<usize>()
    }

    #[test]
    fn effects_print_parse_and_survive_the_optimiser() {
        let g = parse(BRANCH).unwrap_or_else(|e| panic!("{e}"));
        let text = print(&g, &|_| None);
        assert_eq!(print(&parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}")), &|_| None), text);
        assert_eq!(effects(&optimise(&g)), 2);
    }

    #[test]
    fn a_derivative_checks_once_and_a_batched_branch_stays_a_branch() {
        let g = parse(BRANCH).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(effects(&jvp_graph(&g, &[false, true]).0), 2);
        let mut linear = Graph::new("l");
        let ins: Vec<_> = g.in_avals().iter().map(|a| linear.input(a)).collect();
        let (outs, later) = linearize_into(&mut linear, &g, &ins, &[false, true]);
        linear.outputs = outs;
        assert_eq!((effects(&linear), has_effect(&later.graph)), (2, false));
        let (batched, _) = batch_graph(&g, &[true, true], &[true], 3);
        let text = print(&batched, &|_| None);
        assert!(text.contains("scan") && text.contains("switch"), "{text}");
        let (shared, _) = batch_graph(&g, &[false, true], &[true], 3);
        let text = print(&shared, &|_| None);
        assert!(!text.contains("scan") && text.contains("lanes=(3)"), "{text}");
    }
}
