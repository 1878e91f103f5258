//! The body of a loop nest: a hash-consed expression graph over loads.
//!
//! Primitives write their element-by-element meaning into a [`Body`]; the fuser decides, through the closure behind
//! [`Body::load`], whether an operand is read from memory or computed on the spot.

use std::collections::HashMap;

use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::Op;
use crate::schedule::ix::Ix;

/// An expression of a [`Body`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ex(pub u32);

/// What an expression is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// A literal.
    Const(Scalar),
    /// The element at a row-major position of buffer `buffer` (the scheduler's number).
    Load {
        /// Which buffer.
        buffer: u32,
        /// Row-major position.
        at: Ix,
    },
    /// An elementwise primitive of elements; the first field is its text, by which it is told apart.
    Apply(String, Vec<Ex>),
    /// An index as a number.
    Index(Ix),
    /// Whether `lo <= ix < hi`.
    InRange(Ix, i64, i64),
    /// The value that a fold of this nest ends with; numbered within the nest.
    Folded(u32),
}

/// Everything computed inside one loop nest.
#[derive(Clone, Debug, Default)]
pub struct Exprs {
    nodes: Vec<(Node, DType)>,
    ops: HashMap<String, Op>,
    seen: HashMap<(Node, DType), Ex>,
}

impl Exprs {
    /// The expression, made once.
    pub fn intern(&mut self, node: Node, dtype: DType) -> Ex {
        let key = (node, dtype);
        if let Some(ex) = self.seen.get(&key) {
            return *ex;
        }
        let ex = Ex(self.nodes.len() as u32);
        self.nodes.push(key.clone());
        self.seen.insert(key, ex);
        ex
    }

    /// What `ex` is.
    pub fn node(&self, ex: Ex) -> &Node {
        &self.nodes[ex.0 as usize].0
    }

    /// Type of `ex`.
    pub fn dtype(&self, ex: Ex) -> DType {
        self.nodes[ex.0 as usize].1
    }

    /// Number of expressions; each comes after its operands.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// No expression yet?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Lets every load read another buffer; distinct ones stay distinct.
    pub fn rename(&mut self, name: &dyn Fn(&mut u32)) {
        for (node, _) in &mut self.nodes {
            if let Node::Load { buffer, .. } = node {
                name(buffer);
            }
        }
        self.seen = self.nodes.iter().enumerate().map(|(n, key)| (key.clone(), Ex(n as u32))).collect();
    }

    /// The primitive behind the text of a [`Node::Apply`].
    pub fn op(&self, text: &str) -> &Op {
        &self.ops[text]
    }

    /// An elementwise primitive applied to elements.
    pub fn apply(&mut self, op: impl Into<Op>, args: &[Ex]) -> Ex {
        let op = op.into();
        let avals: Vec<Aval> = args.iter().map(|a| Aval::scalar(self.dtype(*a))).collect();
        let dtype = match op.abstract_eval(&avals.iter().collect::<Vec<_>>()) {
            Ok(outs) => outs[0].dtype,
            Err(e) => panic!("{} in a loop body: {e}", op.text()),
        };
        let text = op.text();
        self.ops.entry(text.clone()).or_insert(op);
        self.intern(Node::Apply(text, args.to_vec()), dtype)
    }
}

/// What a primitive's `body` writes into: expressions, with access to the operands of its equation.
pub struct Body<'a> {
    /// The expressions of the nest.
    pub exprs: &'a mut Exprs,
    /// Types of the operands.
    pub operands: &'a [&'a Aval],
    /// Reads operand `n` at an index.
    pub read: &'a mut dyn FnMut(&mut Exprs, usize, &[Ix]) -> Ex,
}

impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("exprs", &self.exprs).finish_non_exhaustive()
    }
}

impl Body<'_> {
    /// Type of operand `n`.
    pub fn operand(&self, n: usize) -> &Aval {
        self.operands[n]
    }

    /// The element of operand `n` at `ix`. Outside the operand's shape the value is unspecified (reading it is safe):
    /// guard it with [`Body::in_range`] and a selection.
    pub fn load(&mut self, n: usize, ix: &[Ix]) -> Ex {
        (self.read)(self.exprs, n, ix)
    }

    /// An elementwise primitive of elements.
    pub fn apply(&mut self, op: impl Into<Op>, args: &[Ex]) -> Ex {
        self.exprs.apply(op, args)
    }

    /// A literal.
    pub fn constant(&mut self, x: Scalar) -> Ex {
        self.exprs.intern(Node::Const(x), x.dtype())
    }

    /// An index as a number of `dtype`.
    pub fn index(&mut self, ix: &Ix, dtype: DType) -> Ex {
        match ix.as_const() {
            Some(c) => self.constant(Scalar::from_i128(dtype, c as i128)),
            None => self.exprs.intern(Node::Index(ix.clone()), dtype),
        }
    }

    /// Whether `lo <= ix < hi`.
    pub fn in_range(&mut self, ix: &Ix, lo: i64, hi: i64) -> Ex {
        let (min, max) = ix.range();
        if lo <= min && max < hi {
            return self.constant(Scalar::Bool(true));
        }
        if max < lo || hi <= min {
            return self.constant(Scalar::Bool(false));
        }
        self.exprs.intern(Node::InRange(ix.clone(), lo, hi), DType::Bool)
    }
}
