//! Literals take the dtype of what they meet, as the inference of Rust has it.
//!
//! A literal is made anew in that dtype, and so is what is picked from one or computed of some. Behind a loop, a branch or a
//! transformation there is no way back: then the places where the literals became arrays are noted, and tracing starts
//! again with what is known about them now.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Eqn, Var};
use crate::ops::{BroadcastInDim, Gather, Reshape, Scatter, Slice};
use crate::parse::spans::Sp;
use crate::trace::value::{Number, TVar, Traced, Value};
use crate::trace::{R, Stop, Tracer, scalar, tree};

/// The numbers of a literal, as they are written.
#[derive(Debug)]
pub(super) struct Literal {
    shape: Vec<usize>,
    data: Vec<Number>,
}

/// Where a literal becomes an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// The calls that led there, outermost first.
    calls: Rc<[Sp]>,
    /// The expression.
    sp: Sp,
    /// Which of its results, and which leaf of that.
    part: (usize, usize),
}

/// What is known about literals.
pub type Settled = Rc<HashMap<Site, DType>>;

/// What a weak array is made of.
#[derive(Debug)]
pub(super) enum Origin {
    /// A literal, or a result that literals decide about.
    Site(Site),
    /// Another array: a parameter is what is passed for it.
    Of(TVar),
}

/// Of two dtypes of literals that meet, the one that both take.
pub fn wider(a: DType, b: DType) -> DType {
    let rank = |d: DType| (d.is_inexact(), d.is_complex(), d.bytes(), d != DType::I32);
    match rank(a) >= rank(b) {
        // Half as wide a part is not as precise.
        true if a == DType::C64 && b == DType::F64 => DType::C128,
        false if b == DType::C64 && a == DType::F64 => DType::C128,
        true => a,
        false => b,
    }
}

impl<'a> Tracer<'a> {
    fn site(&self, sp: Sp) -> Site {
        Site { calls: self.calls.iter().map(|c| c.sp).collect(), sp: self.user_sp(sp), part: self.part }
    }

    /// The dtype of a literal that becomes an array here.
    pub(super) fn dtype_here(&self, default: DType, sp: Sp) -> DType {
        if self.settled.is_empty() {
            return default;
        }
        match self.settled.get(&self.site(sp)) {
            Some(DType::F64) if default.is_complex() => DType::C128,
            Some(d) if d.is_int() == default.is_int() => *d,
            _ => default,
        }
    }

    /// `f` for one part of an expression.
    pub(super) fn at_part<T>(&mut self, part: (usize, usize), f: impl FnOnce(&mut Tracer<'a>) -> T) -> T {
        let outer = std::mem::replace(&mut self.part, part);
        let out = f(self);
        self.part = outer;
        out
    }

    /// The weak leaves of a template in the dtypes that were found out about result `n` of the expression at `sp`.
    pub(super) fn settled_types(&mut self, template: &Value, n: usize, sp: Sp) -> Value {
        let mut k = 0;
        tree::map_leaves(template, &mut |leaf| {
            k += 1;
            if !leaf.weak {
                return leaf.clone();
            }
            let dtype = self.at_part((n, k), |tr| tr.dtype_here(leaf.aval.dtype, sp));
            Traced { aval: Rc::new(leaf.aval.with_dtype(dtype)), ..leaf.clone() }
        })
    }

    /// Result `n`, leaf `k` (from one) of the expression at `sp` is weak if `t` is.
    pub(super) fn decided_at(&mut self, t: &Traced, n: usize, k: usize, sp: Sp) {
        if t.weak {
            let site = self.at_part((n, k), |tr| tr.site(sp));
            self.origins.insert(t.tvar, Origin::Site(site));
        }
    }

    /// The value like `v` with the leaves `outs`: what is made of literals inside a transformation is so outside.
    pub(super) fn results(&mut self, v: &Value, outs: &[Traced]) -> Value {
        let mut outs = outs.iter();
        tree::map_leaves(v, &mut |leaf| {
            let new = outs.next().expect("one per leaf").clone();
            Traced { weak: leaf.weak, ..new }
        })
    }

    /// `t` is `of`, in another graph.
    pub(super) fn made_of(&mut self, t: &Traced, of: &Traced) {
        if t.weak {
            self.origins.insert(t.tvar, Origin::Of(of.tvar));
        }
    }

    /// A weak array cannot be made anew in `dtype`, which is more than what it was taken for: starts again, if it is known
    /// which literals it is made of.
    pub(super) fn settle(&mut self, t: &Traced, dtype: DType) -> R<()> {
        // Literals are the parts of a complex number.
        let part = |d: DType| match d {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            other => other,
        };
        let (own, want) = (part(t.aval.dtype), part(dtype));
        let more = match own.is_int() {
            true => want.is_int() && want.bytes() >= 4,
            false => want.is_inexact() && want.bytes() > own.bytes(),
        };
        if !t.weak || !more || want == own {
            return Ok(());
        }
        let mut sites = Vec::new();
        // Integers made of literals and counters by equations alone are widened where they are.
        let mut behind = !own.is_int();
        let mut seen = HashSet::new();
        let mut open = vec![t.tvar];
        while let Some(v) = open.pop() {
            let (at, eqn) = self.origin_of(v).unwrap_or((v, None));
            if !seen.insert(at) {
                continue;
            }
            let origin = self.origins.get(&at);
            behind |= match origin {
                Some(Origin::Site(site)) => site.part != (0, 0),
                Some(Origin::Of(_)) => true,
                None => false,
            };
            match origin {
                Some(Origin::Site(site)) if !self.settled.contains_key(site) => sites.push(site.clone()),
                Some(Origin::Site(_)) => {}
                Some(Origin::Of(other)) => open.push(*other),
                None => {
                    let graph = self.frames.iter().find(|f| f.id == at.frame).map(|f| &f.graph);
                    let (Some(eqn), Some(graph)) = (eqn, graph) else { continue };
                    // The indices of an array are none of its elements.
                    let n = eqn.inputs.len();
                    let elements = match &eqn.op {
                        op if op.downcast::<Gather>().is_some() => vec![0],
                        op if op.downcast::<Scatter>().is_some() => vec![0, n - 1],
                        _ => (0..n).collect(),
                    };
                    let alike = elements.iter().map(|k| &eqn.inputs[*k]).filter(|v| part(graph.dtype(**v)) == own);
                    open.extend(alike.map(|v| TVar { frame: at.frame, var: *v }));
                }
            }
        }
        if sites.is_empty() || !behind { Ok(()) } else { Err(Stop::Settle(sites, want)) }
    }

    /// Keeps what a weak constant says beside its default dtype.
    pub(super) fn remember_literal(&mut self, t: &Traced, data: Vec<Number>, sp: Sp) {
        if t.weak {
            self.literals.insert(t.tvar, Rc::new(Literal { shape: t.aval.shape.clone(), data }));
            let site = self.site(sp);
            self.origins.insert(t.tvar, Origin::Site(site));
        }
    }

    /// What is made of literals only, in `dtype`, from what is written.
    pub(super) fn literal_as(&mut self, t: &Traced, dtype: DType, sp: Sp) -> Option<Traced> {
        if t.weak { self.remade(t, dtype, &mut HashMap::new(), sp) } else { None }
    }

    /// A literal in `dtype`, what is picked from one, or floats computed from such. `done` is what is remade already.
    fn remade(&mut self, t: &Traced, dtype: DType, done: &mut HashMap<TVar, Option<Traced>>, sp: Sp) -> Option<Traced> {
        let (at, eqn) = match self.origin_of(t.tvar) {
            Some((at, eqn)) => (at, eqn.cloned()),
            None => (t.tvar, None),
        };
        if let Some(found) = done.get(&at) {
            return found.clone();
        }
        let new = match self.literals.get(&at).cloned() {
            Some(literal) => {
                let data: Vec<_> = literal.data.iter().map(|n| scalar(*n, dtype)).collect();
                let fits = data.iter().all(|s| s.dtype() == dtype);
                fits.then(|| self.constant(Array::new(Aval::new(dtype, &literal.shape), data), sp))
            }
            None => eqn.and_then(|eqn| self.remade_from(t, at.frame, eqn, dtype, done, sp)),
        };
        done.insert(at, new.clone());
        new
    }

    fn remade_from(
        &mut self,
        t: &Traced,
        frame: u32,
        eqn: Eqn,
        dtype: DType,
        done: &mut HashMap<TVar, Option<Traced>>,
        sp: Sp,
    ) -> Option<Traced> {
        let own = t.aval.dtype;
        let picks = eqn.op.downcast::<Gather>().is_some()
            || eqn.op.downcast::<Slice>().is_some()
            || eqn.op.downcast::<Reshape>().is_some()
            || eqn.op.downcast::<BroadcastInDim>().is_some();
        let computes = eqn.op.is_elementwise() && own.is_float() && dtype.is_float() && dtype.bytes() > own.bytes();
        let graph = &self.frames.iter().find(|f| f.id == frame)?.graph;
        let operand = |var: &Var| Traced {
            tvar: TVar { frame, var: *var },
            aval: Rc::new(graph.aval(*var).clone()),
            weak: false,
            name: None,
            sp,
        };
        let mut ins: Vec<Traced> = eqn.inputs.iter().map(operand).collect();
        let n = match (picks, computes) {
            (true, _) => 1,
            (_, true) if !ins.is_empty() && ins.iter().all(|x| x.aval.dtype == own) => ins.len(),
            _ => return None,
        };
        for x in ins.iter_mut().take(n) {
            *x = self.remade(x, dtype, done, sp)?;
        }
        self.bind1(eqn.op, &ins.iter().collect::<Vec<_>>(), sp).ok()
    }
}
