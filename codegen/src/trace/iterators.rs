//! Iterators: what `for` takes, the adaptors that stay lazy, and the methods that use an iterator up, which are loops.

use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::loops::LoopOptions;
use crate::trace::place::{Place, Step};
use crate::trace::value::{Ctx, Iter, Num, Number, Scope, Value};
use crate::trace::{R, Tracer, err, err_help};

/// Variables of the loops that iterators' methods become. Not names that Rust can spell.
const TOTAL: &str = "total of the iterator";
const ITEM: &str = "item of the iterator";
const FUNCTION: &str = "function of the iterator";

/// Methods that make an iterator of an array or of an iterator.
const ADAPTORS: &[&str] = &[
    "enumerate",
    "zip",
    "rev",
    "step_by",
    "skip",
    "take",
    "map",
    "copied",
    "cloned",
    "by_ref",
    "into_iter",
    "iter",
    "filter",
    "flatten",
];
/// Methods that use an iterator up.
const CONSUMERS: &[&str] =
    &["fold", "reduce", "sum", "product", "all", "any", "count", "min", "max", "for_each", "last", "nth"];
/// What else can be asked of an iterator whose items are only in part there: nothing depends on how many there are.
const OF_FILTERED: &[&str] = &[
    "map",
    "filter",
    "rev",
    "copied",
    "cloned",
    "by_ref",
    "into_iter",
    "fold",
    "sum",
    "product",
    "all",
    "any",
    "count",
    "for_each",
];
/// Methods of iterators that cannot be traced, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("collect", "declare the array first, `let mut y = [0.0; N];`, and fill it in a `for` loop"),
    ("position", "look for it with `argmax` of a comparison, or in a `for` loop with `break`"),
    ("find", "look for it in a `for` loop with `break`"),
    ("flat_map", "write one `for` loop in another"),
    ("chain", "write two loops, or `concatenate((a, b))`"),
    ("next", "index it, or write a `for` loop"),
    ("scan", "write a `for` loop, or `scan(f, init, xs)`"),
    ("max_by", "floats: `max(x)`, or `fold(f32::MIN, f32::max)`; where it is: `argmax(x)`"),
    ("min_by", "floats: `min(x)`, or `fold(f32::MAX, f32::min)`; where it is: `argmin(x)`"),
    ("max_by_key", "`x[argmax(key)]`, where `key` is an array"),
    ("min_by_key", "`x[argmin(key)]`, where `key` is an array"),
    ("take_while", "write a `for` loop with `break`"),
    ("skip_while", "write a `for` loop with `continue`"),
    ("rposition", "look for it from the end in a `for` loop over `(0..n).rev()` with `break`"),
    ("unzip", "declare the arrays first and fill them in a `for` loop"),
    ("cycle", "index with `i % n`"),
    ("peekable", "index it: the element behind `x[i]` is `x[i + 1]`"),
];

impl<'a> Tracer<'a> {
    /// `x.iter_mut()`, `x.windows(3)`, `x.chunks(4)`, `x.chunks_mut(4)`: methods that need the array itself.
    pub fn iterator_over(
        &mut self,
        recv: &Expr,
        name: &str,
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Option<Value>> {
        let by_reference = matches!(name, "iter_mut" | "chunks_mut" | "chunks_exact_mut");
        if !by_reference && !matches!(name, "windows" | "chunks" | "chunks_exact") {
            return Ok(None);
        }
        let of = match by_reference {
            false => self.expr(recv, vars, ctx)?,
            true => match self.place_of(recv, vars, ctx)? {
                Some(place) => Value::Place(place),
                None => {
                    return err_help(
                        recv.sp,
                        format!("`{name}` needs a variable or a part of one"),
                        "bind the array first: `let mut y = ..;`",
                    );
                }
            },
        };
        let held = self.looked_up(&of, vars, recv.sp)?;
        let Some(n) = super::pattern::count(&held) else {
            return match held {
                Value::Iter(_) | Value::Struct(_) => Ok(None),
                held => err(sp, format!("{} has no elements to iterate over", held.describe())),
            };
        };
        if let (true, Value::Place(place)) = (name == "iter_mut", &of) {
            return Ok(Some(Value::Iter(Rc::new(Iter::Places(place.clone(), n)))));
        }
        let [size] = args else { return err(sp, format!("`{name}` takes the number of elements")) };
        let size = self.static_size(&size.value, vars, ctx)?;
        let (step, len) = match name {
            _ if size == 0 => return err(sp, format!("`{name}` takes at least 1 element")),
            "windows" => (1, (n + 1).saturating_sub(size)),
            "chunks" | "chunks_mut" if n % size != 0 => {
                return err_help(
                    sp,
                    format!("chunks of {size} of {n} elements are not all of one length"),
                    "`chunks_exact` leaves the rest out",
                );
            }
            _ => (size, n / size),
        };
        Ok(Some(Value::Iter(Rc::new(Iter::Runs { of, size, step, len }))))
    }

    /// What `for` iterates over, references where the items are to be changed.
    pub fn iterated(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Rc<Iter>> {
        let value = self.let_value(e, vars, ctx)?;
        if let Value::Place(place) = &value {
            let held = self.read_place(place, vars, e.sp)?;
            if let Some(n) = super::pattern::count(&held) {
                return Ok(Rc::new(Iter::Places(place.clone(), n)));
            }
            return self.iter_of(&held, e.sp);
        }
        self.iter_of(&value, e.sp)
    }

    /// A method of an iterator or of something that becomes one. `None` if it is no such method.
    #[allow(clippy::too_many_arguments)]
    pub fn iterator_method(
        &mut self,
        recv: &Value,
        at: Sp,
        name: &Name,
        generics: &[GenericArg],
        args: &mut Args,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Option<Value>> {
        let word = &*name.text;
        let is_iter = matches!(recv, Value::Iter(_) | Value::Range(..));
        let of_array = matches!(recv, Value::Array(_) | Value::List(_) | Value::Tuple(_));
        let makes_one = matches!(word, "iter" | "into_iter" | "enumerate" | "zip" | "rev" | "step_by");
        if !(is_iter || of_array && makes_one) {
            return Ok(None);
        }
        let it = match (recv, word) {
            // The bounds of a range may be traced if nothing goes through it.
            (Value::Range(..), "contains" | "clone") => return Ok(None),
            _ => self.iter_of(recv, at)?,
        };
        if let Iter::Open { lo, hi, step, rev } = &*it {
            let (lo, hi) = (lo.clone(), hi.clone());
            let k = match (word, &args.pos[..]) {
                ("step_by", [(Value::Num(Num { value: Number::Int(k), .. }), _)]) => usize::try_from(*k).unwrap_or(0),
                _ => 1,
            };
            return match word {
                "rev" if *step == 1 => Ok(Some(Value::Iter(Rc::new(Iter::Open { lo, hi, step: 1, rev: !rev })))),
                "step_by" if k > 0 && !rev => {
                    Ok(Some(Value::Iter(Rc::new(Iter::Open { lo, hi, step: step * k, rev: false }))))
                }
                "into_iter" | "by_ref" => Ok(Some(Value::Iter(it))),
                _ => err_help(
                    name.sp,
                    format!("`{word}` of a range whose bounds are known only at run time"),
                    "write a `for` loop over the range",
                ),
            };
        }
        if super::filtered::is_filtered(&it) && !OF_FILTERED.contains(&word) {
            return err_help(
                name.sp,
                format!("`{word}` of what `filter` leaves: how many items there are is known only at run time"),
                "write a `for` loop with `if` that counts, or keeps what it wants",
            );
        }
        if CONSUMERS.contains(&word) {
            return self.use_up(&it, at, name, generics, args, sp, vars, ctx).map(Some);
        }
        if let Some((_, instead)) = REFUSED.iter().find(|(n, _)| *n == word) {
            return err_help(name.sp, format!("`{word}` of an iterator cannot be traced"), *instead);
        }
        if !ADAPTORS.contains(&word) {
            return Ok(None);
        }
        let size = |what: &str| match args.pos.first() {
            Some((Value::Num(Num { value: Number::Int(i), .. }), _)) => R::Ok(usize::try_from(*i).unwrap_or(0)),
            Some((other, at)) => err(*at, format!("`{what}` takes a static integer, found {}", other.describe())),
            None => err(sp, format!("`{what}` takes a static integer")),
        };
        Ok(Some(Value::Iter(match word {
            "enumerate" => Rc::new(Iter::Enumerate(it)),
            "rev" => Rc::new(Iter::Rev(it)),
            "zip" => match args.pos.pop() {
                Some((other, at)) => Rc::new(Iter::Zip(it, self.iter_of(&other, at)?)),
                None => return err(sp, "`zip` needs what to pair with"),
            },
            "step_by" => match size(word)? {
                0 => return err(sp, "`step_by` needs a positive static integer"),
                k => Rc::new(Iter::StepBy(it, k)),
            },
            "skip" => {
                let k = size(word)?.min(self.iter_len(&it));
                Rc::new(Iter::Part(it.clone(), k, self.iter_len(&it) - k))
            }
            "take" => Rc::new(Iter::Part(it.clone(), 0, size(word)?.min(self.iter_len(&it)))),
            "map" => match args.pos.pop() {
                Some((Value::Fn(f), _)) => Rc::new(Iter::Map(it, f)),
                _ => return err(sp, "`map` takes a function of an item"),
            },
            "filter" => match args.pos.pop() {
                Some((Value::Fn(f), _)) => Rc::new(Iter::Filter(it, f)),
                _ => return err(sp, "`filter` takes a function that says whether an item stays"),
            },
            "flatten" => Rc::new(self.flattened(&it, name, sp)?),
            _ => it,
        })))
    }

    /// `fold`, `sum` and their kin: a loop over a variable that Rust does not see.
    #[allow(clippy::too_many_arguments)]
    fn use_up(
        &mut self,
        it: &Rc<Iter>,
        at: Sp,
        name: &Name,
        generics: &[GenericArg],
        args: &mut Args,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let len = self.iter_len(it);
        let word = &*name.text;
        let var = |name: &str| Expr {
            kind: ExprKind::Path(Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp }),
            sp,
        };
        let call = |f: &str, items: &[&str]| Expr {
            kind: ExprKind::Call(Box::new(var(f)), items.iter().map(|n| Arg { name: None, value: var(n) }).collect()),
            sp,
        };
        let op = |op: BinOp, b: Expr| Expr { kind: ExprKind::Binary(op, Box::new(var(TOTAL)), Box::new(b)), sp };
        let wanted = match word {
            "fold" => 2,
            "reduce" | "all" | "any" | "for_each" | "nth" => 1,
            _ => 0,
        };
        if args.pos.len() != wanted || !args.kw.is_empty() {
            let takes = super::args::arguments(wanted);
            return err(sp, format!("`{word}` of an iterator takes {takes}, found {}", args.pos.len()));
        }
        if let "last" | "nth" = word {
            let n = match args.pos.pop() {
                None => len.checked_sub(1),
                Some((Value::Num(Num { value: Number::Int(i), .. }), _)) => usize::try_from(i).ok(),
                Some((other, at)) => {
                    return err(at, format!("`nth` takes a static integer, found {}", other.describe()));
                }
            };
            return Ok(Value::Option(match n.filter(|n| *n < len) {
                Some(n) => {
                    let item = self.iter_item(it, n, at)?;
                    Some(Rc::new(self.looked_up(&item, vars, at)?))
                }
                None => None,
            }));
        }
        let function = match args.pos.pop() {
            Some((f @ Value::Fn(_), _)) => f,
            Some((other, at)) => return err(at, format!("`{word}` takes a function, found {}", other.describe())),
            None => Value::Unit,
        };
        let dtype = match self.generic_args(generics, ctx)?.first() {
            Some(super::value::Generic::Type(super::types::Ty::Array(a))) => Some(a.dtype),
            _ => item_dtype(it),
        };
        let number = |i: i128| {
            let value = match dtype {
                Some(d) if d.is_inexact() => Number::Float(i as f64),
                _ => Number::Int(i),
            };
            Value::Num(Num { value, dtype })
        };
        let skip = usize::from(matches!(word, "min" | "max" | "reduce"));
        let (start, step) = match word {
            "fold" => (args.pos.remove(0).0, call(FUNCTION, &[TOTAL, ITEM])),
            "sum" => (number(0), op(BinOp::Add, var(ITEM))),
            "product" => (number(1), op(BinOp::Mul, var(ITEM))),
            "all" => (Value::Bool(true), op(BinOp::And, call(FUNCTION, &[ITEM]))),
            "any" => (Value::Bool(false), op(BinOp::Or, call(FUNCTION, &[ITEM]))),
            "for_each" => (Value::Unit, call(FUNCTION, &[ITEM])),
            "count" if !super::filtered::is_filtered(it) => return Ok(Value::size(len)),
            "count" => (Value::size(0), op(BinOp::Add, Expr { kind: ExprKind::Int(1, None), sp })),
            _ if len == 0 => return Ok(Value::none()),
            _ => {
                let first = self.iter_item(it, 0, at)?;
                (
                    self.looked_up(&first, vars, at)?,
                    match word {
                        "reduce" => call(FUNCTION, &[TOTAL, ITEM]),
                        word => call(if word == "min" { "minimum" } else { "maximum" }, &[TOTAL, ITEM]),
                    },
                )
            }
        };
        let mark = vars.vars.len();
        vars.push(FUNCTION.into(), function);
        vars.push(TOTAL.into(), start);
        let stmt = match word {
            "for_each" => step,
            _ => Expr { kind: ExprKind::Assign(None, Box::new(var(TOTAL)), Box::new(step)), sp },
        };
        let body = Block { stmts: vec![Stmt::Expr(stmt)], value: None, sp };
        let pat = Pat::new(PatKind::Bind(Name { text: ITEM.into(), sp }, None), sp);
        let it = if skip > 0 { Rc::new(Iter::Part(it.clone(), skip, len - skip)) } else { it.clone() };
        let result = self.for_loop(&pat, &it, &body, LoopOptions::default(), false, sp, vars, ctx);
        let total = vars.vars.get(mark + 1).map_or(Value::Unit, |(_, v)| v.clone());
        vars.vars.truncate(mark);
        result?;
        Ok(match word {
            "for_each" => Value::Unit,
            "min" | "max" | "reduce" => Value::Option(Some(Rc::new(total))),
            _ => total,
        })
    }

    /// The elements of the rows of an array, of the items of a list of arrays.
    fn flattened(&mut self, it: &Iter, name: &Name, sp: Sp) -> R<Iter> {
        if let Iter::Items(Value::Array(t)) = it
            && let [rows, columns, rest @ ..] = &t.aval.shape[..]
        {
            let shape = [&[rows * columns], rest].concat().into_iter().map(Value::size).collect();
            let args = Args::of(vec![Value::Array(t.clone()), Value::tuple(shape)], sp);
            return Ok(Iter::Items(self.call_builtin("reshape", args, sp, true)?));
        }
        err_help(
            name.sp,
            "`flatten` is known of the iterator over an array of arrays",
            "write one `for` loop in another",
        )
    }

    /// Run `n` of an array, `lo..lo + size`.
    pub fn run_of(&mut self, of: &Value, lo: Value, size: usize, sp: Sp) -> R<Value> {
        let hi = self.binary(BinOp::Add, &lo, &Value::size(size), sp)?;
        let range = Value::Range(Some(Rc::new(lo)), Some(Rc::new(hi)));
        match of {
            Value::Place(place) => Ok(place.then(Step::Index(range))),
            of => self.index(of, &range, sp),
        }
    }
}

/// The dtype of the items, where it can be seen.
fn item_dtype(it: &Iter) -> Option<DType> {
    match it {
        Iter::Items(Value::Array(t)) if !t.weak => Some(t.aval.dtype),
        Iter::Range { start: Value::Num(n), .. } => n.dtype,
        Iter::Rev(i) | Iter::StepBy(i, _) | Iter::Part(i, ..) => item_dtype(i),
        _ => None,
    }
}

/// Items of a place: a reference to each.
pub fn element(place: &Place, index: Value) -> Value {
    place.then(Step::Index(index))
}
