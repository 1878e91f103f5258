//! What an expression of a traced body can be: static values, traced arrays, trees of them, functions.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::parse::ast::{Closure, Function, Name};
use crate::parse::spans::Sp;
use crate::trace::jacobians::Argnums;
use crate::trace::place::Place;
use crate::trace::types::Ty;
use crate::transform::Linear;
use crate::unit::ItemId;

/// A variable of one of the graphs that are being built.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TVar {
    /// Which graph.
    pub frame: u32,
    /// Which variable of it.
    pub var: Var,
}

/// A traced array.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The variable.
    pub tvar: TVar,
    /// dtype and shape.
    pub aval: Rc<Aval>,
    /// Made of literals only: takes the dtype of what it meets.
    pub weak: bool,
    /// The user's name for it: a parameter or a `let`.
    pub name: Option<Rc<str>>,
    /// The expression that made it.
    pub sp: Sp,
}

impl Traced {
    /// No array at all: it stands for a type.
    pub fn of_type(aval: &Aval) -> Traced {
        let tvar = TVar { frame: u32::MAX, var: Var(0) };
        Traced { tvar, aval: Rc::new(aval.clone()), weak: false, name: None, sp: Sp::default() }
    }
}

/// A static number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Num {
    /// Its value.
    pub value: Number,
    /// Its dtype, where one was written; otherwise it takes the dtype of what it meets.
    pub dtype: Option<DType>,
}

impl Num {
    /// A number of a dtype, rounded to what that can hold.
    pub fn typed(value: Number, dtype: DType) -> Num {
        let value = match value {
            Number::Float(x) if dtype.is_float() => Number::Float(Scalar::from_f64(dtype, x).to_f64()),
            Number::Int(i) if dtype.is_float() => Number::Float(Scalar::from_f64(dtype, i as f64).to_f64()),
            value => value,
        };
        Num { value, dtype: Some(dtype) }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.value.to_f64() == 0.0
    }
}

/// The value of a static number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    /// As a float.
    pub fn to_f64(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(x) => x,
        }
    }
}

/// A struct value.
#[derive(Clone, Debug)]
pub struct StructValue {
    /// Its type.
    pub ty: Rc<StructTy>,
    /// Its fields in order of declaration.
    pub fields: Vec<Value>,
}

/// A struct with its generic arguments.
#[derive(Debug, PartialEq)]
pub struct StructTy {
    /// The item.
    pub id: ItemId,
    /// Its name.
    pub name: Rc<str>,
    /// Generic arguments by name, in order of declaration.
    pub generics: Vec<(Rc<str>, Generic)>,
    /// Fields with their types.
    pub fields: Vec<(Rc<str>, Ty)>,
    /// Written with parentheses.
    pub is_tuple: bool,
}

/// What a generic parameter stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Generic {
    /// A constant.
    Const(i128),
    /// A type.
    Type(Ty),
}

/// A function value.
#[derive(Clone, Debug)]
pub enum FnValue {
    /// A `#[jit]` function with what is known of its generic arguments.
    Item {
        /// The function.
        function: Rc<FnItem>,
        /// Generic arguments that are known, by name.
        generics: Vec<(Rc<str>, Generic)>,
    },
    /// A closure with what it captured.
    Closure {
        /// Its syntax.
        closure: Rc<Closure>,
        /// The variables in scope where it stands.
        scope: Scope,
        /// The function it stands in.
        ctx: Rc<Ctx>,
    },
    /// A built-in, by name.
    Builtin(Rc<str>),
    /// `f32::max`: a method of a dtype as a function.
    OfDtype {
        /// The dtype.
        dtype: DType,
        /// The method.
        name: Name,
        /// Where it was named.
        ctx: Rc<Ctx>,
    },
    /// `grad`, `value_and_grad`.
    Grad {
        /// The function.
        f: Rc<FnValue>,
        /// Which arguments.
        argnums: Argnums,
        /// The function yields `(value, aux)`.
        has_aux: bool,
        /// Yield the value too.
        value: bool,
        /// Of a complex function that is analytic.
        holomorphic: bool,
    },
    /// `vmap`.
    Vmap {
        /// The function.
        f: Rc<FnValue>,
        /// Axis per argument.
        in_axes: Value,
        /// Axis per result.
        out_axes: Value,
        /// What `psum` and its kin call the mapped axis.
        axis_name: Option<Rc<str>>,
        /// Number of slices, where it was given.
        axis_size: Option<usize>,
    },
    /// `linearize` and `vjp`: a linear map, forwards or transposed.
    Linear(Rc<LinearFn>),
    /// A function that has been traced, with what it captured handed on: see `trace::implicit`.
    Graph(Rc<GraphFn>),
    /// `jacfwd`, `jacrev`, `hessian`, `hvp`, `linear_transpose`, ..: a built-in that takes a function, applied to it; what
    /// follows are the arguments of the call.
    Applied {
        /// The built-in's name.
        name: Rc<str>,
        /// Its function arguments.
        f: Vec<Rc<FnValue>>,
        /// Its keyword arguments.
        kwargs: Vec<(Name, Value)>,
    },
}

/// A linear map with its residuals.
#[derive(Debug)]
pub struct LinearFn {
    /// The map.
    pub linear: Linear,
    /// Its residuals.
    pub residuals: Vec<Traced>,
    /// Shape of what is pushed forward: a tuple with an entry per argument.
    pub input: Value,
    /// Shape of the result.
    pub output: Value,
    /// Run it backwards.
    pub transposed: bool,
}

/// A traced function as a value.
#[derive(Clone, Debug)]
pub struct GraphFn {
    /// Its graph.
    pub sub: Rc<Subgraph>,
    /// Arguments of the types that it takes.
    pub args: Vec<Value>,
    /// What stands for its captures here.
    pub captures: Vec<Traced>,
}

/// A function item, parsed.
#[derive(Debug)]
pub struct FnItem {
    /// Its id.
    pub id: ItemId,
    /// Its syntax.
    pub function: Function,
    /// What its paths mean.
    pub paths: Rc<BTreeMap<String, ItemId>>,
    /// Part of the built-in library, whose parameters need no types.
    pub library: bool,
}

/// Where code stands: what its paths and generics mean.
#[derive(Debug)]
pub struct Ctx {
    /// What paths mean.
    pub paths: Rc<BTreeMap<String, ItemId>>,
    /// Generic arguments in scope.
    pub generics: BTreeMap<Rc<str>, Generic>,
    /// What `Self` means.
    pub self_ty: Option<Ty>,
    /// Library code sees internals that users do not.
    pub library: bool,
}

/// Variables in scope, innermost last.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Names with their values.
    pub vars: Vec<(Rc<str>, Value)>,
    /// Which call of a function they belong to.
    pub call: u32,
    /// Where parameters stand that are taken by `&`.
    pub lent: Vec<usize>,
    /// Where variables stand that are bound without `mut`, in order.
    pub fixed: Vec<usize>,
    /// Where each name was added last. That may have been forgotten since, and something else may stand there.
    added: HashMap<Rc<str>, usize>,
}

impl Scope {
    /// The scope of a call of a function, without variables.
    pub fn of_call(call: u32) -> Scope {
        Scope { call, ..Scope::default() }
    }

    /// The innermost variable of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|n| &self.vars[n].1)
    }

    /// Its place, for assignment.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.position(name).map(|n| &mut self.vars[n].1)
    }

    /// Where the innermost variable of that name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        let is = |n: &usize| self.vars.get(*n).is_some_and(|(found, _)| &**found == name);
        let last = self.added.get(name)?;
        Some(*last).filter(is).or_else(|| (0..self.vars.len().min(*last)).rev().find(is))
    }

    /// Adds a parameter that is a mutable reference: a variable with what it refers to, and under the same name the
    /// reference. Returns where the former stands.
    pub fn push_mut(&mut self, name: Rc<str>, value: Value) -> usize {
        let var = self.vars.len();
        self.push(name.clone(), value);
        self.push(name, Value::Place(Rc::new(Place { var, path: Vec::new() })));
        var
    }

    /// Adds a variable.
    pub fn push(&mut self, name: Rc<str>, value: Value) {
        // Variables that left their scope may have stood here.
        while self.fixed.last().is_some_and(|n| *n >= self.vars.len()) {
            self.fixed.pop();
        }
        self.added.insert(name.clone(), self.vars.len());
        self.vars.push((name, value));
    }

    /// The variable that was added last is bound without `mut`.
    pub fn fix(&mut self) {
        self.fixed.push(self.vars.len() - 1);
    }

    /// Whether a variable is bound without `mut`.
    pub fn is_fixed(&self, var: usize) -> bool {
        self.fixed.binary_search(&var).is_ok()
    }
}

/// What an expression evaluates to while tracing.
#[derive(Clone, Debug)]
pub enum Value {
    /// `()`.
    Unit,
    /// A static number.
    Num(Num),
    /// A static bool.
    Bool(bool),
    /// A string.
    Str(Rc<str>),
    /// A dtype, as an argument.
    DType(DType),
    /// A traced array.
    Array(Traced),
    /// A tuple.
    Tuple(Rc<Vec<Value>>),
    /// An array literal or an array of trees.
    List(Rc<Vec<Value>>),
    /// A struct.
    Struct(Rc<StructValue>),
    /// `Some(x)`, `None`.
    Option(Option<Rc<Value>>),
    /// `Ok(x)`, the result of a checked function. An error ends the kernel where it arises.
    Checked(Rc<Value>),
    /// A function.
    Fn(Rc<FnValue>),
    /// `lo..hi`; an open end is `None`.
    Range(Option<Rc<Value>>, Option<Rc<Value>>),
    /// What `for` iterates over, lazily: see `trace::control`.
    Iter(Rc<Iter>),
    /// What a mutable reference refers to; only variables and items of iterators are.
    Place(Rc<Place>),
    /// A variable that has been declared and not yet been assigned.
    Unset,
    /// The result of something that has been reported; stays silent.
    Poison,
}

/// An iterator as `for` takes them.
#[derive(Clone, Debug)]
pub enum Iter {
    /// Numbers `start + k * step` for `k` in `0..len`.
    Range {
        /// First value.
        start: Value,
        /// Step; may be negative.
        step: i128,
        /// How many.
        len: usize,
    },
    /// Numbers between bounds that only the run knows.
    Open {
        /// First value.
        lo: Traced,
        /// Behind the last value.
        hi: Traced,
        /// Step.
        step: usize,
        /// From the end.
        rev: bool,
    },
    /// Elements of an array, along its first axis, or of a list or tuple.
    Items(Value),
    /// References to the elements of an array, and how many there are.
    Places(Rc<Place>, usize),
    /// Runs of `size` elements, `step` apart.
    Runs {
        /// The array, or where it is.
        of: Value,
        /// Elements of a run.
        size: usize,
        /// From one run to the next.
        step: usize,
        /// How many runs.
        len: usize,
    },
    /// What a function makes of each item.
    Map(Rc<Iter>, Rc<FnValue>),
    /// The items for which a function is true.
    Filter(Rc<Iter>, Rc<FnValue>),
    /// `(index, item)`.
    Enumerate(Rc<Iter>),
    /// Pairs.
    Zip(Rc<Iter>, Rc<Iter>),
    /// Back to front.
    Rev(Rc<Iter>),
    /// Every k-th item.
    StepBy(Rc<Iter>, usize),
    /// So many items from one on.
    Part(Rc<Iter>, usize, usize),
}

impl Value {
    /// A static integer without dtype.
    pub fn int(i: impl Into<i128>) -> Value {
        Value::Num(Num { value: Number::Int(i.into()), dtype: None })
    }

    /// A static size.
    pub fn size(n: usize) -> Value {
        Value::int(n as i128)
    }

    /// A static float without dtype.
    pub fn float(x: f64) -> Value {
        Value::Num(Num { value: Number::Float(x), dtype: None })
    }

    /// A tuple.
    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Rc::new(items))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(items))
    }

    /// `None`.
    pub fn none() -> Value {
        Value::Option(None)
    }

    /// [`Value::describe`] within something larger: numbers stand for themselves.
    fn brief(&self) -> String {
        match self {
            Value::Num(Num { value: Number::Int(i), dtype: None }) => i.to_string(),
            Value::Num(Num { value: Number::Float(x), dtype: None }) => format!("{x:?}"),
            other => other.describe(),
        }
    }

    /// What it is, in a user's words: `f32[3,4]`, `the integer 3`, `Mlp`.
    pub fn describe(&self) -> String {
        match self {
            Value::Unit => "()".into(),
            Value::Num(Num { value: Number::Int(i), dtype: None }) => format!("the integer {i}"),
            Value::Num(Num { value: Number::Float(x), dtype: None }) => format!("the number {x:?}"),
            Value::Num(Num { value, dtype: Some(d) }) => format!("{}{d}", value.to_f64()),
            Value::Bool(b) => format!("`{b}`"),
            Value::Str(s) => format!("the string {s:?}"),
            Value::DType(d) => format!("the dtype {d}"),
            Value::Array(t) => show(&t.aval),
            Value::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Value::brief).collect();
                let comma = if items.len() == 1 { "," } else { "" };
                format!("({}{comma})", items.join(", "))
            }
            Value::List(items) => match items.first() {
                Some(first) => format!("[{}; {}]", first.brief(), items.len()),
                None => "[]".into(),
            },
            Value::Struct(s) => s.ty.describe(),
            Value::Option(None) => "None".into(),
            Value::Option(Some(x)) => format!("Some({})", x.brief()),
            Value::Checked(x) => format!("Result<{}, CheckError>", x.brief()),
            Value::Fn(_) => "a function".into(),
            Value::Range(..) => "a range".into(),
            Value::Iter(_) => "an iterator".into(),
            Value::Place(_) => "a mutable reference".into(),
            Value::Unset => "a variable without a value".into(),
            Value::Poison => "?".into(),
        }
    }
}

/// `f32[3, 4]`, or `f32` for a scalar: the way messages write types.
pub fn show(aval: &Aval) -> String {
    if aval.shape.is_empty() {
        return aval.dtype.to_string();
    }
    let dims: Vec<String> = aval.shape.iter().map(usize::to_string).collect();
    format!("{}[{}]", aval.dtype, dims.join(", "))
}

impl StructTy {
    /// `Dense<64, 32>`.
    pub fn describe(&self) -> String {
        if self.generics.is_empty() {
            return self.name.to_string();
        }
        let args: Vec<String> = self
            .generics
            .iter()
            .map(|(_, g)| match g {
                Generic::Const(c) => c.to_string(),
                Generic::Type(t) => t.describe(),
            })
            .collect();
        format!("{}<{}>", self.name, args.join(", "))
    }
}

/// A function traced to a graph of its own.
#[derive(Debug)]
pub struct Subgraph {
    /// Takes the traced leaves of the arguments, then what it captured; yields the traced leaves of the result.
    pub graph: Graph,
    /// What it captured from the graphs around it.
    pub captures: Vec<Traced>,
    /// The result; its traced leaves, in order, are the graph's results.
    pub out: Value,
}
