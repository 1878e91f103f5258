//! `compare`: `==`, `!=`, `<`, `<=`, `>`, `>=`; yields bool.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{ordered, same_dtype};
use crate::ops::{Elementwise, Fpu, OpError, Tangent, param};
use crate::text::Params;

/// `x op y`; false with NaN, but for `!=`.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Which relation.
    pub op: CompareOp,
}

/// A relation between two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl CompareOp {
    const ALL: [(CompareOp, &'static str); 6] = [
        (CompareOp::Eq, "eq"),
        (CompareOp::Ne, "ne"),
        (CompareOp::Lt, "lt"),
        (CompareOp::Le, "le"),
        (CompareOp::Gt, "gt"),
        (CompareOp::Ge, "ge"),
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The relation called `name`.
    pub fn from_name(name: &str) -> Result<CompareOp, String> {
        let found = Self::ALL.iter().find(|(_, n)| *n == name);
        found.map(|(op, _)| *op).ok_or_else(|| format!("`{name}` is not a relation"))
    }

    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            CompareOp::Eq => a == b,
            CompareOp::Ne => a != b,
            CompareOp::Lt => a < b,
            CompareOp::Le => a <= b,
            CompareOp::Gt => a > b,
            CompareOp::Ge => a >= b,
        }
    }
}

impl Elementwise for Compare {
    const NAME: &'static str = "compare";
    const ARITY: usize = 2;

    fn params(&self) -> Params {
        [param("op", self.op.name())].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        match self.op {
            CompareOp::Eq | CompareOp::Ne => same_dtype(Self::NAME, ins, "any dtype", |_| true)?,
            _ => ordered(Self::NAME, ins)?,
        };
        Ok(DType::Bool)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        Scalar::Bool(match (x[0], x[1]) {
            (Scalar::C64(a), Scalar::C64(b)) => (a == b) == (self.op == CompareOp::Eq),
            (Scalar::C128(a), Scalar::C128(b)) => (a == b) == (self.op == CompareOp::Eq),
            (a, b) => match (a.to_i128(), b.to_i128()) {
                (Some(a), Some(b)) => self.op.holds(a, b),
                _ => self.op.holds(a.to_f64(), b.to_f64()),
            },
        })
    }

    fn fpu(&self) -> Option<Fpu> {
        // With NaN only `ne` holds.
        let (yes, no) = match self.op {
            CompareOp::Eq => ("eq", "ne"),
            CompareOp::Ne => ("ne", "eq"),
            CompareOp::Lt => ("mi", "pl"),
            CompareOp::Le => ("ls", "hi"),
            CompareOp::Gt => ("gt", "le"),
            CompareOp::Ge => ("ge", "lt"),
        };
        Some(Fpu::Compare(yes, no))
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, b) = (&x[0], &x[1]);
        match self.op {
            CompareOp::Eq => quote!((#a == #b)),
            CompareOp::Ne => quote!((#a != #b)),
            CompareOp::Lt => quote!((#a < #b)),
            CompareOp::Le => quote!((#a <= #b)),
            CompareOp::Gt => quote!((#a > #b)),
            CompareOp::Ge => quote!((#a >= #b)),
        }
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    for (op, _) in CompareOp::ALL {
        crate::ops::laws::check_elementwise(Compare { op });
    }
    let holds = |op, a: f64, b: f64| Compare { op }.scalar(&[Scalar::F64(a), Scalar::F64(b)]) == Scalar::Bool(true);
    assert!(holds(CompareOp::Eq, 0.0, -0.0));
    assert!(holds(CompareOp::Ne, f64::NAN, f64::NAN));
    assert!(!holds(CompareOp::Ge, f64::NAN, f64::NAN));
}
