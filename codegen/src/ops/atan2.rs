//! `atan2`: the angle of a point.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float2, negated, scaled};
use crate::ops::{Add, Div, Elementwise, Mul, OpError, Tangent, add_tangents};

/// The angle in `[-pi, pi]` between the positive first axis and the point `(x, y)`, of operands `y`, `x`.
#[derive(Clone, Debug)]
pub struct Atan2;

impl Elementwise for Atan2 {
    const NAME: &'static str = "atan2";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float2(x[0], x[1], kiln_math::atan2, kiln_math::atan2)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("atan2", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _angle: Var, t: &[Tangent]) -> Tangent {
        let (y, x) = (x[0], x[1]);
        let over_square = |g: &mut Graph, v: Var| {
            let (xx, yy) = (g.bind1(Mul, &[x, x]), g.bind1(Mul, &[y, y]));
            let square = g.bind1(Add, &[xx, yy]);
            g.bind1(Div, &[v, square])
        };
        let up = scaled(g, t[0], |g| over_square(g, x));
        let right = scaled(g, t[1], |g| over_square(g, y));
        let right = negated(g, right);
        add_tangents(g, up, right)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Atan2);
    assert_eq!(value(Atan2, &[0.0, -1.0]), std::f64::consts::PI);
    assert_eq!(value(Atan2, &[-0.0, -1.0]), -std::f64::consts::PI);
    assert_eq!(derivative(Atan2, &[0.0, 2.0], 0), 0.5);
}
