//! Putting structs together, and walking through their floats.

use core::fmt;
use half::{bf16, f16};
use num_complex::Complex;

/// A `#[derive(Tree)]` struct made of its fields, in order, as a tuple `P`. Each struct has one such `P`, so from the type of
/// a result the types of everything inside follow, and emitted code names none of them: they may not be in scope.
pub trait FromParts<P> {
    /// The struct with these fields.
    fn from_parts(parts: P) -> Self;
}

/// What has floats inside: a number, an array of any rank, a tuple, a `#[derive(Tree)]` struct. Integers and bools have none.
#[diagnostic::on_unimplemented(message = "`{Self}` is no tree", note = "derive `Tree` for it")]
pub trait Floats {
    /// Calls the visitor on each float, together with the one at the same place in `beside`.
    #[doc(hidden)]
    fn floats(&mut self, beside: &Self, visitor: &mut Visitor<impl Visit>);
}

/// Looks at the floats of a tree one by one, and may change them; knows where in the tree it is.
#[doc(hidden)]
pub struct Visitor<V> {
    path: Path,
    sign: f64,
    each: V,
}

impl<V: Visit> Visitor<V> {
    /// `each` gets the place, the value and the value beside, and says what the value is from now on.
    pub fn new(each: V) -> Visitor<V> {
        Visitor { path: Path::ROOT, sign: 1.0, each }
    }

    /// Visits what is one step further in.
    pub fn enter<T: Floats>(&mut self, step: Step, x: &mut T, beside: &T) {
        if let Some(slot) = self.path.steps.get_mut(self.path.len) {
            *slot = step;
        }
        self.path.len += 1;
        x.floats(beside, self);
        self.path.len -= 1;
    }
}

/// What is called on each float.
#[doc(hidden)]
pub trait Visit: FnMut(&Place<'_>, f64, f64) -> f64 {}

impl<V: FnMut(&Place<'_>, f64, f64) -> f64> Visit for V {}

impl<V> fmt::Debug for Visitor<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Where a float is.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// From the outside in.
    pub path: &'a Path,
    /// -1 for imaginary parts, else 1: the gradient by `z` is `df/dre - i df/dim`, as JAX has it.
    pub sign: f64,
}

/// One step into a tree.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Step {
    /// To a field of a struct, or of a tuple.
    Field(&'static str),
    /// To an element of an array.
    Index(usize),
}

/// Where in a tree a number is; shown as in Rust: `.layers[1].w[3][0]`, and as nothing where the tree is the number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Path {
    steps: [Step; Path::MAX],
    len: usize,
}

impl Path {
    /// How many steps are kept: what is deeper is shown as `..`.
    pub const MAX: usize = 12;
    /// The tree itself.
    pub(crate) const ROOT: Path = Path { steps: [Step::Index(0); Path::MAX], len: 0 };

    /// The steps from the outside in.
    pub fn steps(&self) -> &[Step] {
        self.steps.get(..self.len).unwrap_or(&self.steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps() {
            match step {
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(i) => write!(f, "[{i}]")?,
            }
        }
        if self.len > Path::MAX { f.write_str("..") } else { Ok(()) }
    }
}

macro_rules! floats {
    ($($T:ty: $from:expr;)*) => {$(
        impl Floats for $T {
            #[inline]
            fn floats(&mut self, beside: &$T, visitor: &mut Visitor<impl Visit>) {
                let place = Place { path: &visitor.path, sign: visitor.sign };
                *self = $from((visitor.each)(&place, f64::from(*self), f64::from(*beside)));
            }
        }
    )*};
}
floats! {
    f16: f16::from_f64;
    bf16: bf16::from_f64;
    f32: |x| x as f32;
    f64: |x| x;
}

macro_rules! none {
    ($($T:ty)*) => {$(
        impl Floats for $T {
            #[inline]
            fn floats(&mut self, _: &$T, _: &mut Visitor<impl Visit>) {}
        }
    )*};
}
none! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize bool }

impl<T: Floats> Floats for Complex<T> {
    #[inline]
    fn floats(&mut self, beside: &Complex<T>, visitor: &mut Visitor<impl Visit>) {
        visitor.enter(Step::Field("re"), &mut self.re, &beside.re);
        visitor.sign = -1.0;
        visitor.enter(Step::Field("im"), &mut self.im, &beside.im);
        visitor.sign = 1.0;
    }
}

impl<T: Floats, const N: usize> Floats for [T; N] {
    #[inline]
    fn floats(&mut self, beside: &[T; N], visitor: &mut Visitor<impl Visit>) {
        for (i, (x, beside)) in self.iter_mut().zip(beside).enumerate() {
            visitor.enter(Step::Index(i), x, beside);
        }
    }
}

macro_rules! tuples {
    ($(($($T:ident $n:tt)*))*) => {$(
        impl<$($T: Floats),*> Floats for ($($T,)*) {
            #[inline]
            fn floats(&mut self, _beside: &($($T,)*), _visitor: &mut Visitor<impl Visit>) {
                $(_visitor.enter(Step::Field(stringify!($n)), &mut self.$n, &_beside.$n);)*
            }
        }
    )*};
}
of_tuples! { tuples }
