//! Values made of the tensors in a file, while the program compiles: what `include_tree!` expands to.
//!
//! The macro reads names, types, shapes and places from the file's header; the tree's own come from [`Layout`]; [`tree`]
//! holds one against the other in a constant and copies bytes. So the macro need not know the type, which may be generic
//! or stand in another crate, and the file's text of bytes leaves no trace in the program.

#![allow(clippy::indexing_slicing)] // Evaluated while the user's program compiles; what panics there ends compilation.

use core::mem::{MaybeUninit, align_of, size_of};
use core::ptr;

use half::{bf16, f16};
use num_complex::Complex;

/// What the memory of a type holds.
///
/// # Safety
///
/// With every number of [`NODE`](Layout::NODE) initialised with bytes of its type, a value is valid: each is inside of the
/// type, at an offset where the type has that number, and what lies between is padding.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a file of tensors",
    note = "numbers, arrays of them, tuples and structs with `#[derive(Tree)]` can"
)]
pub unsafe trait Layout: Sized {
    /// The numbers in it.
    const NODE: Node;
}

/// The numbers in a type.
#[derive(Clone, Copy, Debug)]
pub enum Node {
    /// One number.
    Number(Dtype),
    /// Equal parts, without space between them.
    Array {
        /// How many.
        len: usize,
        /// Bytes of each.
        size: usize,
        /// What each holds.
        part: &'static Node,
    },
    /// The fields of a struct or of a tuple.
    Fields(&'static [Field]),
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name; its number where it has none.
    pub name: &'static str,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// What it holds.
    pub node: &'static Node,
}

/// The type of a number in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Dtype {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    Bf16,
    F32,
    F64,
    Complex64,
    Complex128,
    /// The sizes of the target: no file has them.
    Usize,
    Isize,
    /// None that a tree has.
    Other,
}

impl Dtype {
    const fn name(self) -> &'static str {
        match self {
            Dtype::Bool => "bool",
            Dtype::I8 => "i8",
            Dtype::I16 => "i16",
            Dtype::I32 => "i32",
            Dtype::I64 => "i64",
            Dtype::U8 => "u8",
            Dtype::U16 => "u16",
            Dtype::U32 => "u32",
            Dtype::U64 => "u64",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
            Dtype::Complex64 => "Complex<f32>",
            Dtype::Complex128 => "Complex<f64>",
            Dtype::Usize => "usize",
            Dtype::Isize => "isize",
            Dtype::Other => "a type that kernels lack",
        }
    }

    /// Bytes of a number, and of each of its parts that has an order of bytes.
    const fn sizes(self) -> (usize, usize) {
        match self {
            Dtype::Other => (0, 1),
            Dtype::Bool | Dtype::I8 | Dtype::U8 => (1, 1),
            Dtype::I16 | Dtype::U16 | Dtype::F16 | Dtype::Bf16 => (2, 2),
            Dtype::I32 | Dtype::U32 | Dtype::F32 => (4, 4),
            Dtype::I64 | Dtype::U64 | Dtype::F64 => (8, 8),
            Dtype::Complex64 => (8, 4),
            Dtype::Complex128 => (16, 8),
            Dtype::Usize | Dtype::Isize => (size_of::<usize>(), size_of::<usize>()),
        }
    }
}

macro_rules! numbers {
    ($($T:ty: $dtype:ident,)*) => {$(
        // SAFETY: one number, at the start, of this type; its bytes are any, or for `bool` checked by `number`.
        unsafe impl Layout for $T {
            const NODE: Node = Node::Number(Dtype::$dtype);
        }
    )*};
}
numbers! {
    bool: Bool,
    i8: I8, i16: I16, i32: I32, i64: I64,
    u8: U8, u16: U16, u32: U32, u64: U64,
    usize: Usize, isize: Isize,
    f16: F16, bf16: Bf16, f32: F32, f64: F64,
    Complex<f32>: Complex64, Complex<f64>: Complex128,
}

// SAFETY: an array is its elements, one after the other.
unsafe impl<T: Layout, const N: usize> Layout for [T; N] {
    const NODE: Node = Node::Array { len: N, size: size_of::<T>(), part: &T::NODE };
}

macro_rules! tuples {
    ($(($($T:ident $n:tt)*))*) => {$(
        // SAFETY: the fields, where the compiler says that they are.
        unsafe impl<$($T: Layout),*> Layout for ($($T,)*) {
            const NODE: Node = Node::Fields(&[$(Field {
                name: stringify!($n),
                offset: core::mem::offset_of!(Self, $n),
                node: &$T::NODE,
            }),*]);
        }
    )*};
}
of_tuples! { tuples }

/// A tensor in a file.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Its name. They are sorted by it.
    pub name: &'static str,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: &'static [usize],
    /// Where its bytes begin: row by row, numbers with the least byte first.
    pub offset: usize,
}

/// The value whose numbers are the tensors of `file`: a field is the tensor of its name, names of fields inside of fields
/// joined by dots, elements of arrays of structs by their number (`layers.0.w`), or as one tensor with the array's axis in
/// front (`layers.w`). A type without fields takes the only tensor that there is.
///
/// # Panics
///
/// So that compilation ends with what is wrong: tensors that are absent, of another type or shape, or not asked for.
#[track_caller]
pub const fn tree<T: Layout, const N: usize>(file: &'static str, tensors: &[Tensor; N], bytes: &[u8]) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let mut reader = Reader {
        tensors,
        bytes,
        used: [false; N],
        each: Text::new(),
        all: Text::new(),
        outer: Dims::new(),
        at: 0,
        wrong: Text::new(),
    };
    // SAFETY: the memory is that of a `T`, which `NODE` describes.
    unsafe { reader.read(&T::NODE, value.as_mut_ptr().cast()) };
    reader.unused();
    if reader.wrong.len > 0 {
        let mut message = Text::<MESSAGE>::new();
        message.push("`").push(file).push("` does not fit the type:").push(reader.wrong.get());
        panic!("{}", message.get());
    }
    // SAFETY: nothing was wrong, so every number that `NODE` names has been copied from the file; the rest is padding.
    unsafe { value.assume_init() }
}

/// Bytes of what is said at most.
const MESSAGE: usize = 4096;

struct Reader<'a, const N: usize> {
    tensors: &'a [Tensor; N],
    bytes: &'a [u8],
    used: [bool; N],
    /// The name of what is being read, with and without the numbers of elements.
    each: Text<512>,
    all: Text<512>,
    /// Lengths of the arrays of structs around it, and which of their elements this is, counted through.
    outer: Dims,
    at: usize,
    wrong: Text<MESSAGE>,
}

impl<const N: usize> Reader<'_, N> {
    /// # Safety
    ///
    /// `to` is memory of the type that `node` describes.
    const unsafe fn read(&mut self, node: &'static Node, to: *mut u8) {
        match *node {
            Node::Fields(fields) => {
                let mut i = 0;
                while i < fields.len() {
                    let Field { name, offset, node } = fields[i];
                    let (each, all) = (self.each.len, self.all.len);
                    self.each.dot().push(name);
                    self.all.dot().push(name);
                    // SAFETY: `offset` is where the field begins.
                    unsafe { self.read(node, to.add(offset)) };
                    (self.each.len, self.all.len) = (each, all);
                    i += 1;
                }
            }
            Node::Array { len, size, part } if has_fields(part) => {
                let (each, at) = (self.each.len, self.at);
                self.outer.push(len);
                let mut i = 0;
                while i < len {
                    self.each.dot().push_number(i);
                    self.at = at * len + i;
                    // SAFETY: the array has `len` elements of `size` bytes.
                    unsafe { self.read(part, to.add(i * size)) };
                    self.each.len = each;
                    i += 1;
                }
                self.outer.pop();
                self.at = at;
            }
            Node::Array { .. } | Node::Number(_) => {
                let mut dims = Dims::new();
                let mut inner = node;
                while let Node::Array { len, part, .. } = *inner {
                    dims.push(len);
                    inner = part;
                }
                if let Node::Number(dtype) = *inner {
                    // SAFETY: nothing but arrays around numbers of this type.
                    unsafe { self.leaf(dtype, &dims, to) };
                }
            }
        }
    }

    /// # Safety
    ///
    /// `to` is memory of an array of these lengths.
    const unsafe fn leaf(&mut self, dtype: Dtype, dims: &Dims, to: *mut u8) {
        let (size, part) = dtype.sizes();
        let count = dims.product();
        let (index, stacked) = match find(self.tensors, self.each.get()) {
            Some(index) => (index, false),
            None if self.each.len == 0 && N == 1 => (0, false),
            None => match find(self.tensors, self.all.get()) {
                Some(index) => (index, true),
                None => {
                    if !self.all_absent() {
                        self.place().push(" is not in the file");
                    }
                    return;
                }
            },
        };
        let tensor = self.tensors[index];
        self.used[index] = true;
        let mut wanted = Dims::new();
        if stacked {
            wanted.extend(&self.outer);
        }
        wanted.extend(dims);
        if tensor.dtype as u8 != dtype as u8 || !wanted.is(tensor.shape) {
            if !stacked || self.at == 0 {
                let text = if stacked { self.stacked_place() } else { self.place() };
                text.push(" is ").push(dtype.name()).push_dims(wanted.get()).push(" in the type, and ");
                text.push(tensor.dtype.name()).push_dims(tensor.shape).push(" in the file");
            }
            return;
        }
        let from = tensor.offset + if stacked { self.at * count * size } else { 0 };
        assert!(from + count * size <= self.bytes.len(), "a tensor ends behind its file");
        if matches!(dtype, Dtype::Bool) {
            let mut i = 0;
            while i < count {
                if self.bytes[from + i] > 1 {
                    self.place().push(" has bytes that are neither 0 nor 1");
                    return;
                }
                i += 1;
            }
        }
        // SAFETY: both have `count` numbers of `size` bytes; a constant borrows neither from the other.
        unsafe { ptr::copy_nonoverlapping(self.bytes.as_ptr().add(from), to, count * size) };
        if cfg!(target_endian = "big") {
            let mut i = 0;
            while i < count * size {
                let mut k = 0;
                while k < part {
                    // SAFETY: as above; `part` divides `size`.
                    unsafe { *to.add(i + k) = self.bytes[from + i + part - 1 - k] };
                    k += 1;
                }
                i += part;
            }
        }
    }

    /// Whether this is a later element of an array of structs that has no tensors at all: said once.
    const fn all_absent(&self) -> bool {
        self.at > 0 && self.outer.len > 0
    }

    const fn place(&mut self) -> &mut Text<MESSAGE> {
        self.wrong.push("\n  ");
        if self.each.len == 0 {
            self.wrong.push("the value")
        } else {
            self.wrong.push("`").push(self.each.get()).push("`")
        }
    }

    const fn stacked_place(&mut self) -> &mut Text<MESSAGE> {
        self.wrong.push("\n  `").push(self.all.get()).push("`")
    }

    /// Tensors that no field has taken.
    const fn unused(&mut self) {
        let mut first = true;
        let mut i = 0;
        while i < N {
            if !self.used[i] {
                self.wrong.push(if first { "\n  the file also has " } else { ", " });
                first = false;
                let tensor = self.tensors[i];
                self.wrong.push("`").push(tensor.name).push("`, ").push(tensor.dtype.name()).push_dims(tensor.shape);
            }
            i += 1;
        }
    }
}

/// Whether there is a struct or tuple inside: then elements have names of their own.
const fn has_fields(node: &Node) -> bool {
    let mut node = node;
    while let Node::Array { part, .. } = *node {
        node = part;
    }
    matches!(node, Node::Fields(_))
}

/// The tensor of a name, among sorted ones.
const fn find(tensors: &[Tensor], name: &str) -> Option<usize> {
    let (mut low, mut high) = (0, tensors.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        match order(tensors[middle].name.as_bytes(), name.as_bytes()) {
            0 => return Some(middle),
            1 => high = middle,
            _ => low = middle + 1,
        }
    }
    None
}

/// -1 where `a` comes first, 1 where `b` does.
const fn order(a: &[u8], b: &[u8]) -> i8 {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return if a[i] < b[i] { -1 } else { 1 };
        }
        i += 1;
    }
    if a.len() == b.len() {
        0
    } else if a.len() < b.len() {
        -1
    } else {
        1
    }
}

/// Lengths of axes.
struct Dims {
    dims: [usize; Dims::MAX],
    len: usize,
}

impl Dims {
    const MAX: usize = 32;

    const fn new() -> Dims {
        Dims { dims: [0; Dims::MAX], len: 0 }
    }

    const fn push(&mut self, dim: usize) {
        assert!(self.len < Dims::MAX, "an array of more than 32 axes");
        self.dims[self.len] = dim;
        self.len += 1;
    }

    const fn pop(&mut self) {
        self.len -= 1;
    }

    const fn extend(&mut self, more: &Dims) {
        let mut i = 0;
        while i < more.len {
            self.push(more.dims[i]);
            i += 1;
        }
    }

    const fn get(&self) -> &[usize] {
        self.dims.split_at(self.len).0
    }

    const fn product(&self) -> usize {
        let (mut i, mut product) = (0, 1);
        while i < self.len {
            product *= self.dims[i];
            i += 1;
        }
        product
    }

    const fn is(&self, shape: &[usize]) -> bool {
        let mut i = 0;
        while i < self.len && i < shape.len() && self.dims[i] == shape[i] {
            i += 1;
        }
        i == self.len && i == shape.len()
    }
}

/// A text of at most `N` bytes; what is longer is cut off.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    const fn new() -> Text<N> {
        Text { bytes: [0; N], len: 0 }
    }

    const fn push(&mut self, text: &str) -> &mut Text<N> {
        let text = text.as_bytes();
        if self.len + text.len() <= N {
            let mut i = 0;
            while i < text.len() {
                self.bytes[self.len] = text[i];
                self.len += 1;
                i += 1;
            }
        }
        self
    }

    const fn dot(&mut self) -> &mut Text<N> {
        if self.len == 0 { self } else { self.push(".") }
    }

    const fn push_number(&mut self, number: usize) -> &mut Text<N> {
        let mut digits = [0; 20];
        let (mut first, mut rest) = (digits.len() - 1, number);
        loop {
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
            first -= 1;
        }
        while first < digits.len() && self.len < N {
            self.bytes[self.len] = digits[first];
            self.len += 1;
            first += 1;
        }
        self
    }

    const fn push_dims(&mut self, dims: &[usize]) -> &mut Text<N> {
        self.push("[");
        let mut i = 0;
        while i < dims.len() {
            if i > 0 {
                self.push(", ");
            }
            self.push_number(dims[i]);
            i += 1;
        }
        self.push("]")
    }

    const fn get(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

// What is read by number of bytes must be laid out as in a file.
const _: () = assert!(size_of::<Complex<f32>>() == 8 && size_of::<f16>() == 2 && align_of::<bool>() == 1);
