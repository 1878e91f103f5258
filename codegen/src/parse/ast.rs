//! The syntax tree that the tracer walks.

use std::rc::Rc;

use crate::parse::spans::Sp;

/// A name with its place.
#[derive(Clone, Debug)]
pub struct Name {
    /// The identifier, without `r#`.
    pub text: Rc<str>,
    /// Where it stands.
    pub sp: Sp,
}

/// A path with optional generic arguments on its last segment.
#[derive(Clone, Debug)]
pub struct Path {
    /// Segments joined by `::`, without spaces or generic arguments.
    pub text: Rc<str>,
    /// Generic arguments of the last segment.
    pub generics: Vec<GenericArg>,
    /// Generic arguments of the segment before it, as in `Dense::<2, 3>::new`.
    pub owner: Vec<GenericArg>,
    /// Where it stands.
    pub sp: Sp,
}

impl Path {
    /// The last segment.
    pub fn last(&self) -> &str {
        self.text.rsplit("::").next().unwrap_or(&self.text)
    }

    /// The only segment, of a plain name.
    pub fn ident(&self) -> Option<&str> {
        (!self.text.contains("::")).then_some(&*self.text)
    }
}

/// A generic argument.
#[derive(Clone, Debug)]
pub enum GenericArg {
    /// A type; a bare name may also be a constant.
    Type(Type),
    /// A constant expression.
    Const(Expr),
}

/// A type as written.
#[derive(Clone, Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub sp: Sp,
}

/// Kinds of type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// A dtype, struct or type parameter.
    Path(Path),
    /// `[T; n]`.
    Array(Box<Type>, Box<Expr>),
    /// `(A, B)`; `()` is empty.
    Tuple(Vec<Type>),
    /// `&T` or `&mut T`.
    Ref(Box<Type>, bool),
    /// `impl Fn(..) -> ..`.
    ImplFn,
    /// `_`.
    Infer,
    /// A type that the language does not have: why, and what to write instead.
    Refused(&'static str, &'static str),
}

/// A function, method or library function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Generic parameters in order, those of the impl block first.
    pub generics: Vec<GenericParam>,
    /// How many of them are those of the impl block.
    pub n_impl_generics: usize,
    /// Parameters; `self` is called `self`.
    pub params: Vec<Param>,
    /// Result type; `None` is `()`.
    pub ret: Option<Type>,
    /// The body.
    pub body: Block,
    /// `custom_jvp`, `custom_vjp`, `checkpoint` and the like, with their paths.
    pub attrs: Vec<Attr>,
    /// The type that `Self` means.
    pub self_ty: Option<Type>,
}

/// A generic parameter.
#[derive(Clone, Debug)]
pub struct GenericParam {
    /// Its name.
    pub name: Name,
    /// `const N: usize` rather than a type.
    pub is_const: bool,
}

/// A function parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// What it binds.
    pub pat: Pat,
    /// Its type.
    pub ty: Type,
    /// Default value, for library functions (`#[default(..)]`).
    pub default: Option<Expr>,
}

/// An attribute with paths as arguments.
#[derive(Clone, Debug)]
pub struct Attr {
    /// `custom_jvp`, `unroll`, ..
    pub name: Name,
    /// Its arguments, read as expressions.
    pub args: Vec<Arg>,
}

/// A struct.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Its name.
    pub name: Name,
    /// Generic parameters.
    pub generics: Vec<GenericParam>,
    /// Fields; those of a tuple struct are called `0`, `1`, ..
    pub fields: Vec<(Rc<str>, Type)>,
    /// Written with parentheses.
    pub is_tuple: bool,
}

/// A type alias.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Its name.
    pub name: Name,
    /// Generic parameters.
    pub generics: Vec<GenericParam>,
    /// What it stands for.
    pub ty: Type,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Const {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// Its value.
    pub value: Expr,
}

/// Statements with an optional value at the end.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// The last expression, if it has no semicolon.
    pub value: Option<Box<Expr>>,
    /// Where it stands.
    pub sp: Sp,
}

/// A statement. Bodies have few of them: boxes would save nothing that matters.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Stmt {
    /// `let pat: ty = init;`
    Let {
        /// What it binds.
        pat: Pat,
        /// Its type, if written.
        ty: Option<Type>,
        /// Its value, if any.
        init: Option<Expr>,
        /// `else { .. }`
        otherwise: Option<Block>,
    },
    /// An expression for its effect.
    Expr(Expr),
}

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pat {
    /// What it is.
    pub kind: PatKind,
    /// Where it stands.
    pub sp: Sp,
    /// A name that the user wrote without `mut`.
    pub fixed: bool,
}

impl Pat {
    /// A pattern that the user did not write.
    pub fn new(kind: PatKind, sp: Sp) -> Pat {
        Pat { kind, sp, fixed: false }
    }
}

/// Kinds of pattern.
#[derive(Clone, Debug)]
pub enum PatKind {
    /// A name, perhaps with `@ pat`.
    Bind(Name, Option<Box<Pat>>),
    /// `_`.
    Wild,
    /// `..` inside a tuple or slice pattern.
    Rest,
    /// `(a, b)`.
    Tuple(Vec<Pat>),
    /// `[a, b]`.
    Slice(Vec<Pat>),
    /// `S { a, b: pat, .. }`.
    Struct(Path, Vec<(Rc<str>, Pat)>),
    /// `S(a, b)`, `Some(x)`.
    TupleStruct(Path, Vec<Pat>),
    /// `None`, a constant.
    Path(Path),
    /// A literal or range of literals.
    Lit(Expr),
    /// `lo..=hi`, `lo..hi`, either end open.
    Range(Option<Box<Expr>>, Option<Box<Expr>>, bool),
    /// `a | b`.
    Or(Vec<Pat>),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub sp: Sp,
}

/// A call argument: positional, or `name = value`.
#[derive(Clone, Debug)]
pub struct Arg {
    /// The keyword.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// An infix operator, named as the trait of `core::ops` or the comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
    And,
    Or,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl BinOp {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mul => "*",
            BinOp::Div => "/",
            BinOp::Rem => "%",
            BinOp::BitAnd => "&",
            BinOp::BitOr => "|",
            BinOp::BitXor => "^",
            BinOp::Shl => "<<",
            BinOp::Shr => ">>",
            BinOp::And => "&&",
            BinOp::Or => "||",
            BinOp::Eq => "==",
            BinOp::Ne => "!=",
            BinOp::Lt => "<",
            BinOp::Le => "<=",
            BinOp::Gt => ">",
            BinOp::Ge => ">=",
        }
    }
}

/// Kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An integer literal with its suffix.
    Int(i128, Option<Rc<str>>),
    /// A float literal with its suffix.
    Float(f64, Option<Rc<str>>),
    /// `true`, `false`.
    Bool(bool),
    /// A string.
    Str(Rc<str>),
    /// A name or path.
    Path(Path),
    /// `-x`.
    Neg(Box<Expr>),
    /// `!x`.
    Not(Box<Expr>),
    /// `*x`.
    Deref(Box<Expr>),
    /// `&x`, `&mut x`.
    Ref(Box<Expr>, bool),
    /// `a + b`.
    Binary(BinOp, Box<Expr>, Box<Expr>),
    /// `a = b`, `a += b`.
    Assign(Option<BinOp>, Box<Expr>, Box<Expr>),
    /// `f(a, k = b)`.
    Call(Box<Expr>, Vec<Arg>),
    /// `x.f(a, k = b)`.
    Method(Box<Expr>, Name, Vec<GenericArg>, Vec<Arg>),
    /// `x.f`, `x.0`.
    Field(Box<Expr>, Name),
    /// `x[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `a..b`, `a..=b`.
    Range(Option<Box<Expr>>, Option<Box<Expr>>, bool),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `[x; n]`.
    Repeat(Box<Expr>, Box<Expr>),
    /// `S { a: x, ..rest }`.
    Struct(Path, Vec<(Name, Expr)>, Option<Box<Expr>>),
    /// `{ .. }`.
    Block(Block),
    /// `if c { .. } else ..`.
    If(Box<Expr>, Block, Option<Box<Expr>>),
    /// `let pat = x`, as a condition.
    Let(Box<Pat>, Box<Expr>),
    /// `match x { .. }`.
    Match(Box<Expr>, Vec<Arm>),
    /// `matches!(x, pat if guard)`.
    Matches(Box<Expr>, Box<Arm>),
    /// `for pat in iter { .. }`.
    For(Box<Pat>, Box<Expr>, Block, Vec<Attr>),
    /// `while c { .. }`.
    While(Box<Expr>, Block, Vec<Attr>),
    /// `loop { .. }`.
    Loop(Block, Vec<Attr>),
    /// `break`, `break x`.
    Break(Option<Box<Expr>>),
    /// `continue`.
    Continue,
    /// `break 'label x` or, if that is false, `continue 'label`: the loop of that name puts flags in its place.
    Jump(Name, bool, Option<Box<Expr>>),
    /// `return x`.
    Return(Option<Box<Expr>>),
    /// `|a, b| body`.
    Closure(Rc<Closure>),
    /// `x as T`.
    Cast(Box<Expr>, Type),
    /// `x?`.
    Try(Box<Expr>),
    /// `debug_print!(..)`, `check!(..)`.
    Macro(Name, Vec<Arg>),
    /// Something outside the language: why, and what to do instead.
    Refused(String, String),
}

/// An arm of a `match`.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What it matches.
    pub pat: Pat,
    /// `if cond`.
    pub guard: Option<Expr>,
    /// Its value.
    pub body: Expr,
}

/// A closure.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Written with `move`.
    pub moves: bool,
    /// Parameters, with types where written.
    pub params: Vec<(Pat, Option<Type>)>,
    /// Type of its value, if written.
    pub ret: Option<Type>,
    /// Its value.
    pub body: Expr,
}
