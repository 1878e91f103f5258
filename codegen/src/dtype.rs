//! Element types and single elements: what the reference evaluator and constants are made of.

use std::fmt;
use std::hash::{Hash, Hasher};

use half::{bf16, f16};
use num_complex::Complex;

/// The type of an array's elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum DType {
    F32,
    F64,
    F16,
    BF16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    C64,
    C128,
}

impl DType {
    /// Every dtype, with the name it has in Rust source and in messages.
    pub const ALL: [(DType, &'static str); 15] = [
        (DType::F32, "f32"),
        (DType::F64, "f64"),
        (DType::F16, "f16"),
        (DType::BF16, "bf16"),
        (DType::I8, "i8"),
        (DType::I16, "i16"),
        (DType::I32, "i32"),
        (DType::I64, "i64"),
        (DType::U8, "u8"),
        (DType::U16, "u16"),
        (DType::U32, "u32"),
        (DType::U64, "u64"),
        (DType::Bool, "bool"),
        (DType::C64, "c64"),
        (DType::C128, "c128"),
    ];

    /// The dtype called `name`, if any.
    pub fn from_name(name: &str) -> Option<DType> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(d, _)| *d)
    }

    /// Name as in Rust source (`f32`); complex types are `c64` and `c128`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Size of one element in bytes.
    pub fn bytes(self) -> usize {
        match self {
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::F16 | DType::BF16 | DType::I16 | DType::U16 => 2,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F64 | DType::I64 | DType::U64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// Real floating point.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
    }

    /// Complex.
    pub fn is_complex(self) -> bool {
        matches!(self, DType::C64 | DType::C128)
    }

    /// Floating point or complex: what has tangents.
    pub fn is_inexact(self) -> bool {
        self.is_float() || self.is_complex()
    }

    /// Signed integer.
    pub fn is_signed(self) -> bool {
        matches!(self, DType::I8 | DType::I16 | DType::I32 | DType::I64)
    }

    /// Unsigned integer.
    pub fn is_unsigned(self) -> bool {
        matches!(self, DType::U8 | DType::U16 | DType::U32 | DType::U64)
    }

    /// Signed or unsigned integer; not bool.
    pub fn is_int(self) -> bool {
        self.is_signed() || self.is_unsigned()
    }

    /// The unsigned integer of the width of an integer or float dtype.
    pub fn to_unsigned(self) -> DType {
        match self.bytes() {
            1 => DType::U8,
            2 => DType::U16,
            4 => DType::U32,
            _ => DType::U64,
        }
    }

    /// Smallest and largest value of an integer dtype.
    pub fn int_range(self) -> (i128, i128) {
        let bits = self.bytes() as u32 * 8;
        if self.is_signed() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One element. Equality and hashing go by bits, so that NaN equals itself and 0.0 differs from -0.0.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Scalar {
    F32(f32),
    F64(f64),
    F16(f16),
    BF16(bf16),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(bool),
    C64(Complex<f32>),
    C128(Complex<f64>),
}

/// Applies one expression to the payload of a scalar, whatever its type, and wraps the result in the same type.
#[macro_export]
macro_rules! map_scalar {
    ($s:expr; $($kind:ident)|+; $x:ident => $e:expr; else $other:expr) => {
        match $s { $($crate::dtype::Scalar::$kind($x) => $crate::dtype::Scalar::$kind($e),)+ _ => $other }
    };
}

impl Scalar {
    /// The dtype of this element.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::F32(_) => DType::F32,
            Scalar::F64(_) => DType::F64,
            Scalar::F16(_) => DType::F16,
            Scalar::BF16(_) => DType::BF16,
            Scalar::I8(_) => DType::I8,
            Scalar::I16(_) => DType::I16,
            Scalar::I32(_) => DType::I32,
            Scalar::I64(_) => DType::I64,
            Scalar::U8(_) => DType::U8,
            Scalar::U16(_) => DType::U16,
            Scalar::U32(_) => DType::U32,
            Scalar::U64(_) => DType::U64,
            Scalar::Bool(_) => DType::Bool,
            Scalar::C64(_) => DType::C64,
            Scalar::C128(_) => DType::C128,
        }
    }

    /// `x` rounded once to `dtype`; integers saturate, as Rust's `as` does; bool is `x != 0`.
    pub fn from_f64(dtype: DType, x: f64) -> Scalar {
        match dtype {
            DType::F32 => Scalar::F32(x as f32),
            DType::F64 => Scalar::F64(x),
            DType::F16 => Scalar::F16(f16::from_f64(x)),
            DType::BF16 => Scalar::BF16(bf16::from_f64(x)),
            DType::I8 => Scalar::I8(x as i8),
            DType::I16 => Scalar::I16(x as i16),
            DType::I32 => Scalar::I32(x as i32),
            DType::I64 => Scalar::I64(x as i64),
            DType::U8 => Scalar::U8(x as u8),
            DType::U16 => Scalar::U16(x as u16),
            DType::U32 => Scalar::U32(x as u32),
            DType::U64 => Scalar::U64(x as u64),
            DType::Bool => Scalar::Bool(x != 0.0),
            DType::C64 => Scalar::C64(Complex::new(x as f32, 0.0)),
            DType::C128 => Scalar::C128(Complex::new(x, 0.0)),
        }
    }

    /// `x` as `dtype`; integers wrap, as Rust's `as` does between integers; floats round once.
    pub fn from_i128(dtype: DType, x: i128) -> Scalar {
        match dtype {
            DType::F32 => Scalar::F32(x as f32),
            DType::I8 => Scalar::I8(x as i8),
            DType::I16 => Scalar::I16(x as i16),
            DType::I32 => Scalar::I32(x as i32),
            DType::I64 => Scalar::I64(x as i64),
            DType::U8 => Scalar::U8(x as u8),
            DType::U16 => Scalar::U16(x as u16),
            DType::U32 => Scalar::U32(x as u32),
            DType::U64 => Scalar::U64(x as u64),
            DType::Bool => Scalar::Bool(x != 0),
            DType::C64 => Scalar::C64(Complex::new(x as f32, 0.0)),
            _ => Scalar::from_f64(dtype, x as f64),
        }
    }

    /// Zero (`false`) of `dtype`.
    pub fn zero(dtype: DType) -> Scalar {
        Scalar::from_i128(dtype, 0)
    }

    /// One (`true`) of `dtype`.
    pub fn one(dtype: DType) -> Scalar {
        Scalar::from_i128(dtype, 1)
    }

    /// The value as f64: exact for f32, f16, bf16 and integers below 2^53; the real part of a complex number.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::F32(x) => x as f64,
            Scalar::F64(x) => x,
            Scalar::F16(x) => x.to_f64(),
            Scalar::BF16(x) => x.to_f64(),
            Scalar::C64(x) => x.re as f64,
            Scalar::C128(x) => x.re,
            other => other.to_i128().unwrap_or(0) as f64,
        }
    }

    /// The value of an integer or bool; `None` for other dtypes.
    pub fn to_i128(self) -> Option<i128> {
        Some(match self {
            Scalar::I8(x) => x as i128,
            Scalar::I16(x) => x as i128,
            Scalar::I32(x) => x as i128,
            Scalar::I64(x) => x as i128,
            Scalar::U8(x) => x as i128,
            Scalar::U16(x) => x as i128,
            Scalar::U32(x) => x as i128,
            Scalar::U64(x) => x as i128,
            Scalar::Bool(x) => x as i128,
            _ => return None,
        })
    }

    /// Conversion as `as` does it: floats to integers saturate (NaN to 0), integers wrap, anything to bool is `!= 0`,
    /// complex to real drops the imaginary part.
    pub fn convert(self, to: DType) -> Scalar {
        if self.dtype() == to {
            return self;
        }
        match (self, to) {
            (Scalar::C64(z), DType::C128) => Scalar::C128(Complex::new(z.re as f64, z.im as f64)),
            (Scalar::C128(z), DType::C64) => Scalar::C64(Complex::new(z.re as f32, z.im as f32)),
            (Scalar::C64(z), DType::Bool) => Scalar::Bool(z.re != 0.0 || z.im != 0.0),
            (Scalar::C128(z), DType::Bool) => Scalar::Bool(z.re != 0.0 || z.im != 0.0),
            _ => match self.to_i128() {
                Some(i) => Scalar::from_i128(to, i),
                // f32 to f16 through f64 rounds once: the first step is exact.
                None => Scalar::from_f64(to, self.to_f64()),
            },
        }
    }

    /// The bits, with the dtype: what equality means here.
    pub fn bits(self) -> (DType, u64, u64) {
        let (lo, hi) = match self {
            Scalar::F32(x) => (x.to_bits() as u64, 0),
            Scalar::F64(x) => (x.to_bits(), 0),
            Scalar::F16(x) => (x.to_bits() as u64, 0),
            Scalar::BF16(x) => (x.to_bits() as u64, 0),
            Scalar::C64(z) => (z.re.to_bits() as u64, z.im.to_bits() as u64),
            Scalar::C128(z) => (z.re.to_bits(), z.im.to_bits()),
            other => (other.to_i128().unwrap_or(0) as u64, 0),
        };
        (self.dtype(), lo, hi)
    }

    /// True for the number zero, -0.0 included.
    pub fn is_zero(self) -> bool {
        match self {
            Scalar::C64(z) => z.re == 0.0 && z.im == 0.0,
            Scalar::C128(z) => z.re == 0.0 && z.im == 0.0,
            _ => self.to_f64() == 0.0,
        }
    }

    /// True when this is exactly the number `x` (for 0.0: positive zero only).
    pub fn is_exactly(self, x: f64) -> bool {
        // Conversion rounds and saturates: of -1.0 it makes an unsigned 0, which is not -1.0.
        let same = Scalar::from_f64(self.dtype(), x);
        self == same && same.to_f64() == x
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

/// Numbers as Rust literals without suffix: `0.5`, `-3`, `true`, `nan`, `inf`, `1.0+2.0i`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn real(f: &mut fmt::Formatter<'_>, x: f64, shortest: String) -> fmt::Result {
            if x.is_nan() {
                f.write_str("nan")
            } else if x.is_infinite() {
                f.write_str(if x > 0.0 { "inf" } else { "-inf" })
            } else {
                f.write_str(&shortest)
            }
        }
        match self {
            Scalar::F32(x) => real(f, *x as f64, format!("{x:?}")),
            Scalar::F64(x) => real(f, *x, format!("{x:?}")),
            Scalar::F16(x) => real(f, x.to_f64(), format!("{:?}", x.to_f32())),
            Scalar::BF16(x) => real(f, x.to_f64(), format!("{:?}", x.to_f32())),
            Scalar::Bool(x) => write!(f, "{x}"),
            Scalar::C64(z) => write!(f, "{:?}+{:?}i", z.re, z.im),
            Scalar::C128(z) => write!(f, "{:?}+{:?}i", z.re, z.im),
            other => write!(f, "{}", other.to_i128().unwrap_or(0)),
        }
    }
}

impl Scalar {
    /// Reads what `Display` prints.
    pub fn parse(dtype: DType, text: &str) -> Option<Scalar> {
        if dtype.is_complex() {
            let body = text.strip_suffix('i')?;
            let cut = body.rfind('+')?;
            let (re, im) = (body[..cut].parse::<f64>().ok()?, body[cut + 1..].parse::<f64>().ok()?);
            return Some(match dtype {
                DType::C64 => Scalar::C64(Complex::new(re as f32, im as f32)),
                _ => Scalar::C128(Complex::new(re, im)),
            });
        }
        match dtype {
            DType::Bool => text.parse().ok().map(Scalar::Bool),
            // Straight to f32: going through f64 would round twice.
            DType::F32 => text.parse().ok().map(Scalar::F32),
            _ if dtype.is_float() => text.parse().ok().map(|x| Scalar::from_f64(dtype, x)),
            _ => text.parse::<i128>().ok().map(|x| Scalar::from_i128(dtype, x)),
        }
    }
}
