//! Arguments of calls: as written, and sorted into the parameters of a built-in.

use std::rc::Rc;

use crate::diag::Diag;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::value::{FnValue, Num, Number, Value};
use crate::trace::{R, Stop, err, err_help};

/// Evaluated arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// By position.
    pub pos: Vec<(Value, Sp)>,
    /// By keyword.
    pub kw: Vec<(Name, Value, Sp)>,
}

/// Arguments sorted into the parameters of a built-in.
#[derive(Clone, Debug)]
pub struct Bound {
    name: Rc<str>,
    call: Sp,
    values: Vec<(&'static str, Option<(Value, Sp)>)>,
}

impl Args {
    /// Positional arguments only.
    pub fn of(values: Vec<Value>, sp: Sp) -> Args {
        Args { pos: values.into_iter().map(|v| (v, sp)).collect(), kw: Vec::new() }
    }

    /// Sorts the arguments into `params`, the first `required` of which must be given.
    pub fn bind(self, name: &str, params: &[&'static str], required: usize, sp: Sp) -> R<Bound> {
        if self.pos.len() > params.len() {
            return err_help(
                self.pos[params.len()].1,
                format!("`{name}` takes {}, found {}", arguments(params.len()), self.pos.len()),
                format!("its parameters are `{name}({})`", params.join(", ")),
            );
        }
        let mut values: Vec<(&'static str, Option<(Value, Sp)>)> = params.iter().map(|p| (*p, None)).collect();
        for (n, arg) in self.pos.into_iter().enumerate() {
            values[n].1 = Some(arg);
        }
        for (key, value, at) in self.kw {
            match values.iter_mut().find(|(p, _)| **p == *key.text) {
                Some((_, slot @ None)) => *slot = Some((value, at)),
                Some(_) => return err(key.sp, format!("`{}` of `{name}` is given twice", key.text)),
                None => {
                    let near = crate::library::closest(&key.text, params.iter().copied());
                    return err_help(
                        key.sp,
                        format!("`{name}` has no parameter `{}`", key.text),
                        match near {
                            Some(p) => format!("did you mean `{p}`?"),
                            None => format!("its parameters are `{name}({})`", params.join(", ")),
                        },
                    );
                }
            }
        }
        if let Some((p, _)) = values[..required].iter().find(|(_, v)| v.is_none()) {
            return err_help(
                sp,
                format!("`{name}` needs the argument `{p}`"),
                format!("its parameters are `{name}({})`", params.join(", ")),
            );
        }
        Ok(Bound { name: name.into(), call: sp, values })
    }
}

impl Bound {
    /// The argument for `param`, if given.
    pub fn get(&self, param: &str) -> Option<&Value> {
        self.values.iter().find(|(p, _)| *p == param).and_then(|(_, v)| v.as_ref()).map(|(v, _)| v)
    }

    /// A required argument.
    pub fn want(&self, param: &str) -> Value {
        self.get(param).cloned().unwrap_or(Value::Poison)
    }

    /// Where the argument stands; the call, if it was not given.
    pub fn sp(&self, param: &str) -> Sp {
        self.values.iter().find(|(p, _)| *p == param).and_then(|(_, v)| v.as_ref()).map_or(self.call, |(_, s)| *s)
    }

    /// Name of the built-in.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the call stands.
    pub fn call(&self) -> Sp {
        self.call
    }

    /// A static bool with a default.
    pub fn bool(&self, param: &str, default: bool) -> R<bool> {
        match self.get(param) {
            None => Ok(default),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => err(self.sp(param), format!("`{param}` is `true` or `false`, found {}", other.describe())),
        }
    }

    /// A static integer, if given and not `None`.
    pub fn int(&self, param: &str) -> R<Option<i128>> {
        match self.get(param) {
            None | Some(Value::Option(None)) => Ok(None),
            Some(Value::Num(Num { value: Number::Int(i), .. })) => Ok(Some(*i)),
            Some(other) => err(self.sp(param), format!("`{param}` is a static integer, found {}", other.describe())),
        }
    }

    /// Static integers: one, or a tuple or list of them.
    pub fn ints(&self, param: &str) -> R<Option<Vec<i128>>> {
        match self.get(param) {
            None | Some(Value::Option(None)) => Ok(None),
            Some(v) => static_ints(v).map(Some).ok_or_else(|| {
                let text = format!("`{param}` takes static integers, found {}", v.describe());
                let d = Diag::at(self.sp(param), text);
                // `max(a, b)` as Rust has it.
                let pair = [("max", "maximum"), ("min", "minimum")].into_iter().find(|(name, _)| **name == *self.name);
                match pair {
                    Some((_, pair)) => d.help(format!("of two values that is `{pair}(a, b)`")).into(),
                    None => d.into(),
                }
            }),
        }
    }

    /// An axis of an array of `rank` axes; negative ones count from the end.
    pub fn axis(&self, param: &str, rank: usize, what: &str) -> R<Option<usize>> {
        match self.int(param)? {
            None => Ok(None),
            Some(i) => axis(i, rank, what, self.sp(param)).map(Some),
        }
    }

    /// Axes, increasing; `None` stands for all.
    pub fn axes(&self, param: &str, rank: usize, what: &str) -> R<Vec<usize>> {
        let Some(given) = self.ints(param)? else { return Ok((0..rank).collect()) };
        let mut out = Vec::new();
        for i in given {
            let a = axis(i, rank, what, self.sp(param))?;
            if out.contains(&a) {
                return err(self.sp(param), format!("axis {a} is given twice"));
            }
            out.push(a);
        }
        out.sort_unstable();
        Ok(out)
    }

    /// A function argument.
    pub fn function(&self, param: &str) -> R<Rc<FnValue>> {
        match self.get(param) {
            Some(Value::Fn(f)) => Ok(f.clone()),
            Some(Value::Poison) | None => Err(Stop::Silent),
            Some(other) => err_help(
                self.sp(param),
                format!("`{}` needs a function, found {}", self.name, other.describe()),
                format!("pass the function itself: `{}(loss)`, then call the result", self.name),
            ),
        }
    }
}

/// Axis `i` of `rank` axes.
pub fn axis(i: i128, rank: usize, what: &str, sp: Sp) -> R<usize> {
    let a = if i < 0 { i + rank as i128 } else { i };
    if (0..rank as i128).contains(&a) {
        return Ok(a as usize);
    }
    let has = match rank {
        0 => "has no axes".to_string(),
        1 => "has only axis 0".to_string(),
        2 => "has axes 0 and 1".to_string(),
        n => format!("has axes 0 to {}", n - 1),
    };
    err(sp, format!("axis {i} is out of range: {what} {has}"))
}

/// One static integer or a tuple or list of them.
pub fn static_ints(v: &Value) -> Option<Vec<i128>> {
    match v {
        Value::Num(Num { value: Number::Int(i), .. }) => Some(vec![*i]),
        Value::Unit => Some(Vec::new()),
        Value::Tuple(items) | Value::List(items) => items
            .iter()
            .map(|v| match v {
                Value::Num(Num { value: Number::Int(i), .. }) => Some(*i),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

pub(super) fn with_first(recv: Value, at: Sp, args: Args) -> Args {
    let mut pos = vec![(recv, at)];
    pos.extend(args.pos);
    Args { pos, kw: args.kw }
}

/// `1 argument`, `2 arguments`.
pub fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}
