//! `bitcast_convert`: the same bits read as another dtype of the same width.

use half::{bf16, f16};
use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::rust_type;
use crate::ops::{Elementwise, OpError, Tangent, param};
use crate::text::Params;

/// The bits of `x` as a `dtype`: integers and real floats of one width. The derivative is zero.
#[derive(Clone, Debug)]
pub struct BitcastConvert {
    /// The new dtype.
    pub dtype: DType,
}

impl Elementwise for BitcastConvert {
    const NAME: &'static str = "bitcast_convert";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("dtype", self.dtype)].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        let has_bits = |d: DType| d.is_int() || d.is_float();
        if has_bits(ins[0]) && has_bits(self.dtype) && ins[0].bytes() == self.dtype.bytes() {
            Ok(self.dtype)
        } else {
            Err(OpError::new(format!("the bits of {} cannot be read as {}", ins[0], self.dtype)).at(0))
        }
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        let (_, bits, _) = x[0].bits();
        match self.dtype {
            DType::F16 => Scalar::F16(f16::from_bits(bits as u16)),
            DType::BF16 => Scalar::BF16(bf16::from_bits(bits as u16)),
            DType::F32 => Scalar::F32(f32::from_bits(bits as u32)),
            DType::F64 => Scalar::F64(f64::from_bits(bits)),
            int => Scalar::from_i128(int, bits as i128),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        let bits = if dtypes[0].is_float() { quote!((#a).to_bits()) } else { quote!(#a) };
        let (ty, unsigned) = (rust_type(self.dtype), rust_type(self.dtype.to_unsigned()));
        if self.dtype.is_float() { quote!(<#ty>::from_bits(#bits as #unsigned)) } else { quote!((#bits as #ty)) }
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
    use crate::ops::laws::check_op;
    let cast = |dtype, x| BitcastConvert { dtype }.scalar(&[x]);
    assert_eq!(cast(DType::U32, Scalar::F32(1.0)), Scalar::U32(0x3f80_0000));
    assert_eq!(cast(DType::F32, Scalar::I32(-1)).bits().1, 0xffff_ffff);
    assert_eq!(cast(DType::U8, Scalar::I8(-1)), Scalar::U8(255));
    for (dtype, from) in
        [(DType::U32, "f32[2,3]"), (DType::F64, "i64[2]"), (DType::BF16, "i16[4]"), (DType::I8, "u8[2]")]
    {
        check_op(BitcastConvert { dtype }, &[from]);
    }
    let message = expect_test::expect!["the bits of f32 cannot be read as u8"];
    crate::ops::laws::check_op_error(BitcastConvert { dtype: DType::U8 }, &["f32[2]"], message);
}
