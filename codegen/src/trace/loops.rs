//! What a loop may be told: `#[unroll]`, `#[bound(N)]`, `#[checkpoint(every = k)]`.

use std::rc::Rc;

use crate::diag::Diag;
use crate::graph::{Src, Var};
use crate::ops::Scan;
use crate::ops::scan_chunks::Run;
use crate::parse::ast::Attr;
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Scope, Traced};
use crate::trace::{R, Tracer, err, err_help};

/// The attributes of a loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopOptions {
    /// `#[unroll]`.
    pub unroll: bool,
    /// `#[bound(N)]`.
    pub bound: Option<usize>,
    /// `#[unroll(k)]`, `#[checkpoint(every = k)]`.
    pub runs: Option<Runs>,
}

/// A loop in runs of several iterations.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// Iterations of a run; `None` is the square root of the number of iterations, where memory is least.
    pub k: Option<usize>,
    /// What becomes of a run.
    pub run: Run,
}

impl Runs {
    /// Iterations of a run of a loop of `length`.
    pub fn size(&self, length: usize) -> usize {
        let root = || (1..).find(|k| k * k >= length).unwrap_or(1);
        self.k.unwrap_or_else(root).clamp(1, length.max(1))
    }
}

/// The loops that were bound, and one whose checkpoints are other than it says.
#[derive(Clone, Debug, Default)]
pub struct Checkpointed {
    /// Where the loop stands, and how many iterations lie between its checkpoints; `None` keeps what every iteration computes.
    pub wanted: Option<(Sp, Option<usize>)>,
    /// Where loops stand, how often they run, and the iterations between their checkpoints.
    pub seen: Vec<(Sp, usize, Option<usize>)>,
}

impl Checkpointed {
    /// Notes a loop; yields what becomes of it.
    fn see(&mut self, at: Sp, length: usize, runs: Option<Runs>) -> Option<Runs> {
        if runs.is_some_and(|runs| runs.run == Run::Unrolled) {
            return runs;
        }
        let loops = (at, length, runs.map(|runs| runs.size(length)));
        if !self.seen.contains(&loops) {
            self.seen.push(loops);
        }
        match self.wanted {
            Some((place, k)) if place == at => k.map(|k| Runs { k: Some(k), run: Run::Again }),
            _ => runs,
        }
    }
}

/// Attributes that speak to rustc only.
const LINTS: &[&str] = &["allow", "expect", "warn", "deny", "forbid", "doc"];

impl<'a> Tracer<'a> {
    /// Reads the attributes of a loop; `kind` is `for`, `while` or `loop`.
    pub fn loop_options(&mut self, kind: &str, attrs: &[Attr], vars: &mut Scope, ctx: &Rc<Ctx>) -> R<LoopOptions> {
        let mut out = LoopOptions::default();
        let known: &[&str] = if kind == "for" { &["unroll", "checkpoint"] } else { &["bound", "checkpoint"] };
        for a in attrs {
            match &*a.name.text {
                "rolled" if ctx.library => {}
                lint if LINTS.contains(&lint) => {}
                "unroll" if kind == "for" => match a.args.first() {
                    None => out.unroll = true,
                    Some(k) => {
                        let k = self.run_length(&k.value, "unroll", vars, ctx)?;
                        out.runs = (k > 1).then_some(Runs { k: Some(k), run: Run::Unrolled });
                    }
                },
                "bound" if kind != "for" => match a.args.first() {
                    Some(n) => out.bound = Some(self.static_size(&n.value, vars, ctx)?),
                    None => {
                        let text = "`bound` needs the largest number of turns";
                        return err_help(a.name.sp, text, format!("write `#[bound(100)] {kind} ..`"));
                    }
                },
                "checkpoint" => {
                    let k = match &a.args[..] {
                        [] => None,
                        [k] if k.name.as_ref().is_none_or(|n| &*n.text == "every") => {
                            Some(self.run_length(&k.value, "checkpoint", vars, ctx)?)
                        }
                        _ => {
                            return err_help(
                                a.name.sp,
                                "`checkpoint` of a loop takes how many iterations lie between two checkpoints",
                                "write `#[checkpoint(every = 10)]`, or `#[checkpoint]` for the square root of their number",
                            );
                        }
                    };
                    out.runs = Some(Runs { k, run: Run::Again });
                }
                other => {
                    let mut d = Diag::at(a.name.sp, format!("a `{kind}` loop has no attribute `{other}`"));
                    let near = crate::library::closest(other, known.iter().copied());
                    d.help = Some(match (other, near) {
                        ("bound", _) => "the number of turns of a `for` loop is static: leave it out".into(),
                        ("unroll", _) => "write a `for` loop, whose number of turns is static".into(),
                        (_, Some(near)) => format!("did you mean `#[{near}]`?"),
                        _ => format!("there are `#[{}]` and `#[{}]`", known[0], known[1]),
                    });
                    return Err(d.into());
                }
            }
        }
        if let (true, Some(Runs { run: Run::Again, .. }), None, Some(a)) =
            (kind != "for", out.runs, out.bound, attrs.iter().find(|a| &*a.name.text == "checkpoint"))
        {
            return err_help(
                a.name.sp,
                format!("checkpoints of a `{kind}` need to know how often it may run"),
                format!("write `#[bound(N)] #[checkpoint(every = k)] {kind} ..`"),
            );
        }
        Ok(out)
    }

    fn run_length(&mut self, k: &crate::parse::ast::Expr, what: &str, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<usize> {
        match self.static_size(k, vars, ctx)? {
            0 => err(k.sp, format!("`{what}` takes at least 1 iteration")),
            k => Ok(k),
        }
    }

    /// Binds a loop, in runs where that was asked for.
    pub fn bind_loop(&mut self, op: Scan, ins: &[&Traced], runs: Option<Runs>, sp: Sp) -> R<Vec<Traced>> {
        let at = self.user_sp(sp);
        let runs = self.checkpointed.see(at, op.length, runs);
        let Some(runs) = runs.filter(|_| op.length > 1) else { return self.bind(op, ins, sp) };
        let vars: Vec<Var> = ins.iter().map(|t| self.var(t)).collect();
        self.graph().src = Src(at.0);
        let k = runs.size(op.length);
        let outs = self.transform(sp, |g| op.in_runs(g, &vars, k, runs.run))?;
        Ok(outs.into_iter().map(|v| self.traced(v, at)).collect())
    }
}
