//! Arrays as `debug_print!` shows them.

use core::fmt::{Binary, Debug, Display, Formatter, LowerExp, LowerHex, Octal, Result, UpperExp, UpperHex};

/// The elements of an array in row-major order, with its shape: shown as Rust shows nested arrays, every element as asked for.
#[derive(Clone, Copy)]
pub struct Show<'a, T> {
    data: &'a [T],
    shape: &'a [usize],
}

impl<'a, T> Show<'a, T> {
    /// Slice number `lane` of `data`, which has the given shape. Shows nothing if there is no such slice.
    pub fn new(data: &'a [T], lane: usize, shape: &'a [usize]) -> Show<'a, T> {
        let size: usize = shape.iter().product();
        let data = data.get(lane * size..(lane + 1) * size).unwrap_or(&[]);
        Show { data, shape }
    }

    fn show(&self, f: &mut Formatter<'_>, one: fn(&T, &mut Formatter<'_>) -> Result) -> Result {
        let Some((n, inner)) = self.shape.split_first() else {
            return self.data.first().map_or(Ok(()), |x| one(x, f));
        };
        let size: usize = inner.iter().product();
        f.write_str("[")?;
        for k in 0..*n {
            if k > 0 {
                f.write_str(", ")?;
            }
            Show { data: self.data.get(k * size..(k + 1) * size).unwrap_or(&[]), shape: inner }.show(f, one)?;
        }
        f.write_str("]")
    }
}

macro_rules! styles {
    ($($style:ident),+) => {$(
        impl<T: $style> $style for Show<'_, T> {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                self.show(f, T::fmt)
            }
        }
    )+};
}

styles!(Display, Debug, LowerExp, UpperExp, LowerHex, UpperHex, Octal, Binary);

/// A bool as memory holds it.
#[derive(Clone, Copy)]
pub struct Flag(u8);

impl Display for Flag {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Display::fmt(&(self.0 != 0), f)
    }
}

impl Debug for Flag {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Debug::fmt(&(self.0 != 0), f)
    }
}

/// Bytes as the bools they hold.
pub fn flags<const N: usize>(bytes: &[u8; N]) -> [Flag; N] {
    bytes.map(Flag)
}
