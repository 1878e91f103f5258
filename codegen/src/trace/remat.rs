//! `checkpoint(f)`, and what becomes of rules that refuse or are not there yet.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use crate::graph::Graph;
use crate::ops::custom_vmap::NeedsRule;
use crate::ops::{Checkpoint, Refused};
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{Traced, Value};
use crate::trace::{R, Tracer, err, tree};

impl<'a> Tracer<'a> {
    /// `checkpoint(f)(args)`: `f` as one equation that keeps its operands only.
    pub fn call_checkpoint(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("checkpoint", &["f", "args"], 2, sp)?;
        let f = b.function("f")?;
        let Value::Tuple(given) = b.want("args") else { return err(sp, "`checkpoint` needs arguments") };
        let sub = self.trace_fn(&f, &given, sp)?;
        let leaves: Vec<Traced> = given.iter().flat_map(tree::leaves).chain(sub.captures.iter().cloned()).collect();
        let ins: Vec<&Traced> = leaves.iter().collect();
        let outs = self.bind(Checkpoint { call: Rc::new(sub.graph), again: false }, &ins, sp)?;
        Ok(self.results(&sub.out, &outs))
    }

    /// Transforms into the innermost graph; a rule that refuses makes a message at `sp`. Where a rule of the user's is
    /// needed that has not been traced, it is, and the transformation starts again.
    pub fn transform<T>(&mut self, sp: Sp, mut f: impl FnMut(&mut Graph) -> T) -> R<T> {
        loop {
            let graph = self.graph();
            let (n_eqns, src) = (graph.eqns.len(), graph.src);
            let payload = match catch_unwind(AssertUnwindSafe(|| f(graph))) {
                Ok(out) => return Ok(out),
                Err(payload) => payload,
            };
            let payload = match payload.downcast::<Refused>() {
                Ok(refused) => return err(sp, refused.0),
                Err(other) => other,
            };
            match payload.downcast::<NeedsRule>() {
                Ok(needed) => {
                    let graph = self.graph();
                    graph.eqns.truncate(n_eqns);
                    graph.src = src;
                    self.learn_rule(&needed)?;
                }
                Err(other) => resume_unwind(other),
            }
        }
    }
}
