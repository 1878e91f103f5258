//! JAX's spellings of loops, and static helpers that the library is written with.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::scan_chunks::Run;
use crate::ops::{IntegerPow, Pow, Scan};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, static_ints};
use crate::trace::loops::Runs;
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};

/// Rounds in which the types of carries have to settle.
const MAX_ROUNDS: usize = 4;

impl<'a> Tracer<'a> {
    /// `_scan(f, init, xs, length, reverse, unroll)`: `f(carry, x) -> (carry, y)`.
    pub fn functional_scan(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("scan", &["f", "init", "xs", "length", "reverse", "unroll"], 2, sp)?;
        let (f, reverse) = (b.function("f")?, b.bool("reverse", false)?);
        // Iterations per turn; `true` is all of them.
        let unroll = match b.get("unroll") {
            Some(Value::Bool(all)) => {
                if *all {
                    usize::MAX
                } else {
                    1
                }
            }
            _ => match b.int("unroll")?.map(usize::try_from) {
                None => 1,
                Some(Ok(k)) if k > 0 => k,
                Some(_) => return err(b.sp("unroll"), "`unroll` takes at least 1 iteration"),
            },
        };
        let runs = (unroll > 1).then_some(Runs { k: Some(unroll), run: Run::Unrolled });
        let xs = match b.want("xs") {
            Value::Poison => Value::none(),
            xs => xs,
        };
        let xs = self.as_arrays(&xs, sp)?;
        let stacked: Vec<Traced> = tree::leaves(&xs);
        let mut length = b.int("length")?.and_then(|n| usize::try_from(n).ok());
        for t in &stacked {
            let Some(n) = t.aval.shape.first() else {
                return err_help(
                    b.sp("xs"),
                    "`scan` takes slices of arrays, found a scalar",
                    "give `xs` a leading axis",
                );
            };
            if *length.get_or_insert(*n) != *n {
                return err(
                    b.sp("xs"),
                    format!("`scan` runs {} times, {} has {n} slices", length.unwrap_or(0), show(&t.aval)),
                );
            }
        }
        let Some(length) = length else {
            return err_help(sp, "`scan` does not know how often to run", "give `xs`, or `length = n`");
        };
        let mut carry = self.as_arrays(&b.want("init"), sp)?;
        for _ in 0..MAX_ROUNDS {
            let slices = tree::map_leaves(&xs, &mut |t| Traced { aval: Rc::new(t.aval.unbatched()), ..t.clone() });
            let f = f.clone();
            let like = carry.clone();
            let sub = self.subgraph("", &[carry.clone(), slices], move |tr, inner| {
                let out = tr.apply(&f, inner, sp)?;
                let Some([next, y]) = tree::children(&out).and_then(|c| <&[Value; 2]>::try_from(c).ok()) else {
                    return err_help(
                        sp,
                        format!("the body of `scan` returns `(carry, y)`, found {}", out.describe()),
                        "return what the next turn gets and what is stacked, as in `|c, x| (c + x, c)`",
                    );
                };
                if !tree::same_structure(next, &like) {
                    return err(
                        sp,
                        format!("`scan` carries {}, its body returns {}", like.describe(), next.describe()),
                    );
                }
                let next = tr.arrays_like(next, &like, sp)?;
                Ok(Value::tuple(vec![next, tr.as_arrays(y, sp)?]))
            })?;
            let parts = tree::children(&sub.out).unwrap_or(&[]);
            let (now, next) = (tree::leaves(&carry), tree::leaves(&parts[0]));
            if now.len() != next.len() {
                // One of them is a mistake that has been told.
                return Ok(Value::Poison);
            }
            if now.iter().zip(&next).all(|(a, b)| a.aval == b.aval) {
                let n_carry = now.len();
                let mut body = sub.graph;
                let captures = body.inputs.split_off(n_carry + stacked.len());
                let own = std::mem::take(&mut body.inputs);
                body.inputs = [captures, own].concat();
                let n_consts = sub.captures.len();
                let op = Scan { body: Rc::new(body), length, n_consts, n_carry, reverse, indexed: false };
                let ins: Vec<&Traced> = sub.captures.iter().chain(&now).chain(&stacked).collect();
                let outs = self.bind_loop(op, &ins, runs, sp)?;
                let last = self.results(&parts[0], &outs[..n_carry]);
                for (t, start) in tree::leaves(&last).iter().zip(&now) {
                    self.made_of(t, start);
                }
                return Ok(Value::tuple(vec![last, self.results(&parts[1], &outs[n_carry..])]));
            }
            // A weak start takes the type that the body gives it.
            let mut new = Vec::new();
            for (a, b) in now.iter().zip(&next) {
                if a.aval.shape != b.aval.shape || (!a.weak && a.aval.dtype != b.aval.dtype) {
                    return err(sp, format!("`scan` carries {}, its body returns {}", show(&a.aval), show(&b.aval)));
                }
                new.push(self.convert_literals(a, b.aval.dtype, sp)?);
            }
            carry = tree::rebuild(&carry, &new);
        }
        err(sp, "the types of what `scan` carries do not settle")
    }

    /// `v` with arrays for leaves; literals take the dtype of their place in `like`, which has the same structure.
    fn arrays_like(&mut self, v: &Value, like: &Value, sp: Sp) -> R<Value> {
        match (like, tree::children(like), tree::children(v)) {
            (Value::Array(t), ..) => {
                let want = (!t.weak).then_some(t.aval.dtype);
                Ok(Value::Array(self.to_traced(v, want, sp)?))
            }
            (_, Some(likes), Some(items)) => {
                let new = items.iter().zip(likes).map(|(v, like)| self.arrays_like(v, like, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
            _ => Ok(v.clone()),
        }
    }

    /// The same tree with every number, and every list of numbers, an array.
    fn as_arrays(&mut self, v: &Value, sp: Sp) -> R<Value> {
        match (v, tree::children(v).filter(|_| tree::is_tree(v))) {
            (_, Some(items)) => {
                let new = items.iter().map(|x| self.as_arrays(x, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
            (Value::List(_) | Value::Array(_) | Value::Num(_) | Value::Bool(_), None) => {
                Ok(Value::Array(self.to_traced(v, None, sp)?))
            }
            _ => Ok(v.clone()),
        }
    }

    /// `_call(f, args)`: a function on a tuple of arguments.
    pub fn call_on_tuple(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("_call", &["f", "args"], 2, sp)?;
        if let Some(other) = b.get("f").filter(|f| !matches!(f, Value::Fn(_) | Value::Poison)) {
            return err_help(
                self.user_sp(sp),
                format!("a function is to be called here, found {}", other.describe()),
                "pass a function, as in `|x| 2.0 * x`; between two values `where_(c, x, y)` chooses",
            );
        }
        let given = match b.want("args") {
            Value::Tuple(items) => items.to_vec(),
            Value::Unit => Vec::new(),
            other => vec![other],
        };
        self.apply(&b.function("f")?, given, sp)
    }

    /// `power(x, y)`: repeated multiplication for a static integer, else `exp(y log x)` as IEEE defines it.
    pub fn power(&mut self, args: Args, sp: Sp) -> R<Value> {
        let b = args.bind("power", &["x", "y"], 2, sp)?;
        let (x, y) = (b.want("x"), b.want("y"));
        if let Value::Num(Num { value: Number::Int(n), dtype: None }) = y
            && let Ok(n) = i32::try_from(n)
        {
            return self.map_tree(&x, sp, &mut |tr, t| tr.bind1(IntegerPow { n }, &[t], sp));
        }
        let (x, y) = self.promote2("power", &x, &y, sp)?;
        let (x, y) = self.broadcast2("power", &x, &y, sp)?;
        let float = |tr: &mut Tracer<'a>, t: &Traced| match t.aval.dtype.is_inexact() {
            true => Ok(t.clone()),
            false => tr.convert(t, DType::F32, sp),
        };
        let (x, y) = (float(self, &x)?, float(self, &y)?);
        let weak = x.weak && y.weak;
        let mut out = self.bind1(Pow, &[&x, &y], sp)?;
        out.weak = weak;
        Ok(Value::Array(out))
    }
}

/// `_replace(t, n, v)`: a tuple with another item.
pub fn replace(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_replace", &["t", "n", "v"], 3, sp)?;
    let (t, n) = (b.want("t"), b.int("n")?.unwrap_or(0));
    let mut items = tree::children(&t).unwrap_or(&[]).to_vec();
    match usize::try_from(n).ok().and_then(|n| items.get_mut(n)) {
        Some(slot) => *slot = b.want("v"),
        None => return err(sp, format!("there is no argument {n}")),
    }
    Ok(tree::with_children(&t, items))
}

/// `_concat(a, b)`: two shapes after each other.
pub fn concat(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_concat", &["a", "b"], 2, sp)?;
    let mut all = Vec::new();
    for p in ["a", "b"] {
        let v = b.want(p);
        match static_ints(&v) {
            Some(ints) => all.extend(ints.into_iter().map(Value::int)),
            None => return err(sp, format!("a shape is static, found {}", v.describe())),
        }
    }
    Ok(if all.is_empty() { Value::Unit } else { Value::tuple(all) })
}

/// `_tail(a)`: a shape without its first extent.
pub fn tail(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_tail", &["a"], 1, sp)?;
    let ints = static_ints(&b.want("a")).unwrap_or_default();
    let rest: Vec<Value> = ints.into_iter().skip(1).map(Value::int).collect();
    Ok(if rest.is_empty() { Value::Unit } else { Value::tuple(rest) })
}

/// `cond(pred, f, g, x, ..)` and `switch(i, (f, g, ..), x, ..)`: the operands as a tuple for the library's own forms.
pub fn with_operands(tr: &mut Tracer<'_>, name: &str, n: usize, mut args: Args, sp: Sp) -> R<Value> {
    if args.pos.len() < n {
        return err(sp, format!("`{name}` needs {n} arguments before its operands"));
    }
    let rest: Vec<Value> = args.pos.split_off(n).into_iter().map(|(v, _)| v).collect();
    args.pos.push((Value::tuple(rest), sp));
    tr.call_builtin(&format!("_{name}"), args, sp, true)
}
