//! Operators: static numbers are computed, arrays are promoted, broadcast and bound, trees go leaf by leaf.

use crate::diag::Diag;
use crate::dtype::DType;
use crate::ops::{
    And, Compare, CompareOp, Div, Mul, Neg, Not, Op, Or, Rem, ShiftLeft, ShiftRightArithmetic, ShiftRightLogical, Sub,
    Xor,
};
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::literals::wider;
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Stop, Tracer, err, err_help, tree};

impl<'a> Tracer<'a> {
    /// `a op b`.
    pub fn binary(&mut self, op: BinOp, a: &Value, b: &Value, sp: Sp) -> R<Value> {
        if matches!((a, b), (Value::Poison, _) | (_, Value::Poison)) {
            return Err(Stop::Silent);
        }
        if let (Value::Num(x), Value::Num(y)) = (a, b) {
            return self.static_binary(op, *x, *y, sp);
        }
        if let (Value::Bool(x), Value::Bool(y)) = (a, b) {
            match op {
                BinOp::And | BinOp::BitAnd => return Ok(Value::Bool(x & y)),
                BinOp::Or | BinOp::BitOr => return Ok(Value::Bool(x | y)),
                BinOp::BitXor | BinOp::Ne => return Ok(Value::Bool(x ^ y)),
                BinOp::Eq => return Ok(Value::Bool(x == y)),
                _ => {}
            }
        }
        match (a, b) {
            (Value::Bool(x), other) | (other, Value::Bool(x)) if matches!(op, BinOp::And | BinOp::Or) => {
                // A static side decides, or drops out.
                return Ok(match (op, x) {
                    (BinOp::And, false) => Value::Bool(false),
                    (BinOp::Or, true) => Value::Bool(true),
                    _ => other.clone(),
                });
            }
            (Value::Str(x), Value::Str(y)) if matches!(op, BinOp::Eq | BinOp::Ne) => {
                return Ok(Value::Bool((x == y) == (op == BinOp::Eq)));
            }
            (Value::DType(x), Value::DType(y)) if matches!(op, BinOp::Eq | BinOp::Ne) => {
                return Ok(Value::Bool((x == y) == (op == BinOp::Eq)));
            }
            (Value::Option(x), Value::Option(y))
                if matches!(op, BinOp::Eq | BinOp::Ne) && (x.is_none() || y.is_none()) =>
            {
                return Ok(Value::Bool((x.is_none() && y.is_none()) == (op == BinOp::Eq)));
            }
            _ => {}
        }
        if is_static_tuple(a) && is_static_tuple(b) && matches!(op, BinOp::Eq | BinOp::Ne) {
            let same = a.describe() == b.describe();
            return Ok(Value::Bool(same == (op == BinOp::Eq)));
        }
        if tree::is_tree(a) || tree::is_tree(b) {
            return self.tree_binary(op, a, b, sp);
        }
        let (x, y) = match op {
            BinOp::Shl | BinOp::Shr => self.shifted(op, a, b, sp)?,
            _ => self.promote2(op.symbol(), a, b, sp)?,
        };
        let (x, y) = self.broadcast2(op.symbol(), &x, &y, sp)?;
        let bool_logic = x.aval.dtype == DType::Bool;
        let prim: Op = match op {
            BinOp::Add => crate::ops::Add.into(),
            BinOp::Sub => Sub.into(),
            BinOp::Mul => Mul.into(),
            BinOp::Div => Div.into(),
            BinOp::Rem => Rem.into(),
            BinOp::BitAnd => And.into(),
            BinOp::BitOr => Or.into(),
            BinOp::BitXor if x.aval.dtype.is_inexact() => {
                let text = format!("`^` needs integers or bools, found {}", show(&x.aval));
                let mut d = Diag::at(sp, text).help("powers are `power(x, 2.0)`, or `x.powi(2)`");
                d.notes = vec![self.origin_as(&x, "left")];
                return Err(d.into());
            }
            BinOp::BitXor => Xor.into(),
            BinOp::And | BinOp::Or if !bool_logic => {
                let mut d = Diag::at(
                    sp,
                    format!("`{}` needs bools, found {} and {}", op.symbol(), show(&x.aval), show(&y.aval)),
                );
                d.notes = vec![self.origin_as(&x, "left"), self.origin_as(&y, "right")];
                return Err(d.help("compare first, as in `a > 0.0`; bits are combined by `&` and `|`").into());
            }
            BinOp::And => And.into(),
            BinOp::Or => Or.into(),
            BinOp::Shl => ShiftLeft.into(),
            BinOp::Shr if x.aval.dtype.is_signed() => ShiftRightArithmetic.into(),
            BinOp::Shr => ShiftRightLogical.into(),
            BinOp::Eq => Compare { op: CompareOp::Eq }.into(),
            BinOp::Ne => Compare { op: CompareOp::Ne }.into(),
            BinOp::Lt => Compare { op: CompareOp::Lt }.into(),
            BinOp::Le => Compare { op: CompareOp::Le }.into(),
            BinOp::Gt => Compare { op: CompareOp::Gt }.into(),
            BinOp::Ge => Compare { op: CompareOp::Ge }.into(),
        };
        let mut out = self.spoken(op.symbol(), |tr| tr.bind1(prim, &[&x, &y], sp))?;
        out.weak = x.weak && y.weak && out.aval.dtype != DType::Bool;
        Ok(Value::Array(out))
    }

    /// The operands of a shift: as in Rust, the number of places may have a dtype of its own.
    fn shifted(&mut self, op: BinOp, a: &Value, b: &Value, sp: Sp) -> R<(Traced, Traced)> {
        let (x, n) = (self.to_traced(a, None, sp)?, self.to_traced(b, None, sp)?);
        if n.weak || x.aval.dtype == n.aval.dtype || !x.aval.dtype.is_int() || !n.aval.dtype.is_int() {
            return self.promote2(op.symbol(), a, b, sp);
        }
        let mut n = self.convert(&n, x.aval.dtype, sp)?;
        n.weak = x.weak;
        Ok((x, n))
    }

    /// Runs `f`, in whose messages the primitive is called by the user's `word`, unless an outer one is already in use.
    pub fn spoken<T>(&mut self, word: &str, f: impl FnOnce(&mut Tracer<'a>) -> T) -> T {
        if self.word.is_some() {
            return f(self);
        }
        self.word = Some(word.into());
        let result = f(self);
        self.word = None;
        result
    }

    /// `-a`.
    pub fn negate(&mut self, a: &Value, sp: Sp) -> R<Value> {
        match a {
            Value::Num(n) => Ok(Value::Num(Num {
                value: match n.value {
                    Number::Int(i) => Number::Int(-i),
                    Number::Float(x) => Number::Float(-x),
                },
                ..*n
            })),
            _ => self.spoken("-", |tr| tr.map_tree(a, sp, &mut |tr, t| tr.bind1(Neg, &[t], sp))),
        }
    }

    /// `!a`.
    pub fn not(&mut self, a: &Value, sp: Sp) -> R<Value> {
        match a {
            Value::Bool(b) => Ok(Value::Bool(!b)),
            Value::Num(Num { value: Number::Int(i), dtype }) => {
                let value = dtype.map_or(!i, |d| crate::dtype::Scalar::from_i128(d, !i).to_i128().unwrap_or(!i));
                Ok(Value::Num(Num { value: Number::Int(value), dtype: *dtype }))
            }
            _ => self.spoken("!", |tr| tr.map_tree(a, sp, &mut |tr, t| tr.bind1(Not, &[t], sp))),
        }
    }

    /// A function of arrays on every leaf of a tree.
    pub fn map_tree(
        &mut self,
        v: &Value,
        sp: Sp,
        f: &mut dyn FnMut(&mut Tracer<'a>, &Traced) -> R<Traced>,
    ) -> R<Value> {
        if let Value::List(items) = v
            && !items.iter().any(tree::is_tree)
        {
            let t = self.to_traced(v, None, sp)?;
            return Ok(Value::Array(f(self, &t)?));
        }
        match tree::children(v) {
            Some(items) => {
                let new = items.iter().map(|x| self.map_tree(x, sp, f)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
            None => {
                let t = self.to_traced(v, None, sp)?;
                let weak = t.weak;
                let mut out = f(self, &t)?;
                out.weak = weak && out.aval.dtype != DType::Bool;
                Ok(Value::Array(out))
            }
        }
    }

    /// Every leaf in a dtype that is written, which no literal beside it changes.
    pub fn as_dtype(&mut self, v: &Value, dtype: DType, sp: Sp) -> R<Value> {
        let beyond = |(lo, hi): (i128, i128)| lo < i32::MIN as i128 || hi > i32::MAX as i128;
        let out = self.map_tree(v, sp, &mut |tr, t| match t.weak && t.aval.dtype == DType::I32 {
            true if dtype.is_int() => tr.cast_literals(t, dtype, sp),
            // `(i * i) as f32`, where `i` is an index: as a `usize` it would not overflow.
            true if tr.interval(t.tvar).is_some_and(beyond) => {
                let wide = tr.widened(t, DType::I64, sp)?;
                tr.convert(&wide, dtype, sp)
            }
            _ => tr.convert(t, dtype, sp),
        })?;
        Ok(tree::map_leaves(&out, &mut |t| Traced { weak: false, ..t.clone() }))
    }

    fn tree_binary(&mut self, op: BinOp, a: &Value, b: &Value, sp: Sp) -> R<Value> {
        let (a_tree, b_tree) = (tree::is_tree(a), tree::is_tree(b));
        let whole = |v: &Value| match v {
            Value::Array(t) => t.aval.rank() == 0,
            Value::Num(_) | Value::Bool(_) => true,
            _ => false,
        };
        if a_tree && b_tree {
            if !tree::same_structure(a, b) {
                return err_help(
                    sp,
                    format!("`{}` cannot combine {} with {}", op.symbol(), a.describe(), b.describe()),
                    "trees are combined leaf by leaf: both sides need the same structure",
                );
            }
            let (x, y) = (tree::children(a).unwrap_or(&[]), tree::children(b).unwrap_or(&[]));
            let new = x.iter().zip(y).map(|(x, y)| self.binary(op, x, y, sp)).collect::<R<_>>()?;
            return Ok(tree::with_children(a, new));
        }
        let (t, scalar) = if a_tree { (a, b) } else { (b, a) };
        if !whole(scalar) {
            return err_help(
                sp,
                format!("`{}` cannot combine {} with {}", op.symbol(), a.describe(), b.describe()),
                "a tree combines with a tree of the same structure or with a scalar",
            );
        }
        let new = tree::children(t)
            .unwrap_or(&[])
            .iter()
            .map(|x| if a_tree { self.binary(op, x, scalar, sp) } else { self.binary(op, scalar, x, sp) })
            .collect::<R<_>>()?;
        Ok(tree::with_children(t, new))
    }

    /// Two operands with one dtype: a literal takes that of the other side; two different strong dtypes are refused.
    pub fn promote2(&mut self, what: &str, a: &Value, b: &Value, sp: Sp) -> R<(Traced, Traced)> {
        let mut all = self.promote(what, &[a.clone(), b.clone()], sp)?;
        let y = all.remove(1);
        Ok((all.remove(0), y))
    }

    /// Operands with one dtype.
    pub fn promote(&mut self, what: &str, values: &[Value], sp: Sp) -> R<Vec<Traced>> {
        let mut parts: Vec<Traced> = Vec::new();
        for v in values {
            parts.push(self.to_traced(v, None, sp)?);
        }
        // As `num-complex` has it, real numbers meet complex ones of their precision.
        let complex = parts.iter().find(|t| !t.weak && t.aval.dtype.is_complex()).map(|t| t.aval.dtype).or_else(|| {
            let literal = parts.iter().any(|t| t.weak && t.aval.dtype.is_complex());
            match parts.iter().find(|t| !t.weak).filter(|_| literal)?.aval.dtype {
                DType::F32 => Some(DType::C64),
                DType::F64 => Some(DType::C128),
                _ => None,
            }
        });
        if let Some(complex) = complex {
            let real = if complex == DType::C64 { DType::F32 } else { DType::F64 };
            for t in parts.iter_mut().filter(|t| !t.weak && t.aval.dtype == real) {
                *t = self.convert(t, complex, sp)?;
            }
        }
        let strong: Vec<&Traced> = parts.iter().filter(|t| !t.weak).collect();
        let target = match strong.first() {
            Some(first) => {
                if let Some(other) = strong.iter().find(|t| t.aval.dtype != first.aval.dtype) {
                    let (d, e) = (first.aval.dtype, other.aval.dtype);
                    let mut diag = Diag::at(
                        sp,
                        format!("`{what}` cannot combine {} with {}", show(&first.aval), show(&other.aval)),
                    )
                    .help(conversions(first.name.as_deref(), d, other.name.as_deref(), e));
                    diag.notes = vec![self.origin_as(first, "left"), self.origin_as(other, "right")];
                    return Err(diag.into());
                }
                first.aval.dtype
            }
            None => parts.iter().map(|t| t.aval.dtype).reduce(wider).unwrap_or(DType::I32),
        };
        let all_weak = strong.is_empty();
        let strong_one = strong.first().map(|t| (*t).clone());
        let misfit = |v: &&Value| matches!(v, Value::Num(n) if n.dtype.is_none() && (target == DType::Bool || matches!(n.value, Number::Float(_))));
        let mut literals = values.iter().filter(misfit).map(Value::describe);
        let mut out = Vec::new();
        for (t, given) in parts.into_iter().zip(values) {
            if t.aval.dtype == target {
                out.push(t);
                continue;
            }
            let fits = target.is_inexact() || (target.is_int() && t.aval.dtype.is_int());
            if !fits {
                let strong = strong_one.as_ref().map_or_else(|| target.to_string(), |t| show(&t.aval));
                let literal = literals.next().unwrap_or_else(|| "a literal".into());
                let mut d = Diag::at(sp, format!("`{what}` cannot combine {strong} with {literal}"));
                let name = strong_one.as_ref().and_then(|t| t.name.as_deref()).unwrap_or("..");
                d.help = Some(match target {
                    d if d.is_int() => format!("convert the integers first: `{name} as f32`"),
                    DType::Bool => {
                        format!("convert the bools first, `{name} as f32`, or choose with `where_({name}, .., ..)`")
                    }
                    d => format!("convert one side: `{name} as {d}`"),
                });
                d.notes.extend(strong_one.iter().map(|t| self.origin(t)));
                return Err(d.into());
            }
            let mut new = match given {
                // As written, not as rounded to the dtype of a literal that stands alone.
                Value::Num(n) if n.dtype.is_none() && matches!(n.value, Number::Float(_)) => {
                    self.number(Num { dtype: Some(target), ..*n }, sp)
                }
                Value::List(_) if !target.is_int() => self.to_traced(given, Some(target), sp)?,
                _ => self.convert_literal(what, &t, target, strong_one.as_ref(), sp)?,
            };
            new.weak = all_weak;
            out.push(new);
        }
        Ok(out)
    }

    /// A literal in another dtype: a constant is made anew rather than converted.
    fn convert_literal(&mut self, what: &str, t: &Traced, dtype: DType, meets: Option<&Traced>, sp: Sp) -> R<Traced> {
        let var = self.var(t);
        match self.graph().as_constant(var) {
            Some(array) => {
                if let Some(i) = array.data().iter().find_map(|x| x.to_i128().filter(|i| !literal_fits(*i, dtype))) {
                    let with = meets.map_or_else(|| dtype.to_string(), |t| show(&t.aval));
                    let mut d =
                        Diag::at(sp, format!("`{what}` cannot combine {with} with {i}, which {dtype} cannot hold"));
                    d.notes.extend(meets.map(|t| self.origin(t)));
                    let name = meets.and_then(|t| t.name.as_deref()).unwrap_or("..");
                    return Err(d.help(format!("convert to a wider dtype first: `{name} as i32`")).into());
                }
                if let Some(exact) = self.literal_as(t, dtype, sp) {
                    return Ok(exact);
                }
                let data = array.data().iter().map(|x| x.convert(dtype)).collect();
                Ok(self.constant(crate::array::Array::new(array.aval().with_dtype(dtype), data), sp))
            }
            None => self.convert_literals(t, dtype, sp),
        }
    }

    /// Both operands at their common shape, by numpy's rules.
    pub fn broadcast2(&mut self, what: &str, a: &Traced, b: &Traced, sp: Sp) -> R<(Traced, Traced)> {
        let shape = match broadcast_shapes(&a.aval.shape, &b.aval.shape) {
            Some(shape) => shape,
            None => {
                let mut d = Diag::at(sp, format!("`{what}` cannot combine {} with {}", show(&a.aval), show(&b.aval)));
                d.notes = vec![self.origin_as(a, "left"), self.origin_as(b, "right")];
                d.help = Some(alignment_help(a, b));
                return Err(d.into());
            }
        };
        Ok((self.broadcast_to(a, &shape, sp)?, self.broadcast_to(b, &shape, sp)?))
    }

    fn static_binary(&mut self, op: BinOp, x: Num, y: Num, sp: Sp) -> R<Value> {
        let dtype = match (x.dtype, y.dtype) {
            (a, _) if matches!(op, BinOp::Shl | BinOp::Shr) => a,
            (Some(a), Some(b)) if a != b => {
                return err_help(
                    sp,
                    format!("`{}` cannot combine {a} with {b}", op.symbol()),
                    format!("convert one of them: `.. as {a}` or `.. as {b}`"),
                );
            }
            (a, b) => a.or(b),
        };
        if let (Number::Int(a), Number::Int(b)) = (x.value, y.value)
            && !dtype.is_some_and(DType::is_inexact)
        {
            return static_int(op, a, b, dtype, sp);
        }
        let (a, b) = (x.value.to_f64(), y.value.to_f64());
        let cmp = |c: bool| Ok(Value::Bool(c));
        // In the precision of the dtype: what a kernel would have computed.
        let narrow = |v: f64| match dtype {
            Some(d) => crate::dtype::Scalar::from_f64(d, v).to_f64(),
            None => v,
        };
        let value = match op {
            BinOp::Add => a + b,
            BinOp::Sub => a - b,
            BinOp::Mul => a * b,
            BinOp::Div => a / b,
            BinOp::Rem => a % b,
            BinOp::Eq => return cmp(a == b),
            BinOp::Ne => return cmp(a != b),
            BinOp::Lt => return cmp(a < b),
            BinOp::Le => return cmp(a <= b),
            BinOp::Gt => return cmp(a > b),
            BinOp::Ge => return cmp(a >= b),
            _ => return err(sp, format!("`{}` needs integers or bools", op.symbol())),
        };
        Ok(Value::Num(Num { value: Number::Float(narrow(value)), dtype }))
    }
}

/// What to write when two dtypes meet: towards the wider one, never towards bool.
fn conversions(a: Option<&str>, d: DType, b: Option<&str>, e: DType) -> String {
    let as_ = |name: Option<&str>, d: DType| format!("`{} as {d}`", name.unwrap_or(".."));
    match (d, e) {
        (DType::Bool, e) => format!("convert the bools: {}", as_(a, e)),
        (d, DType::Bool) => format!("convert the bools: {}", as_(b, d)),
        (d, e) if d.is_inexact() && e.is_int() => format!("convert the integers: {}", as_(b, d)),
        (d, e) if d.is_int() && e.is_inexact() => format!("convert the integers: {}", as_(a, e)),
        (d, e) => format!("convert one of them: {} or {}", as_(a, e), as_(b, d)),
    }
}

/// What to write when shapes do not align: an axis to insert if that would do.
fn alignment_help(a: &Traced, b: &Traced) -> String {
    let (long, short) = if a.aval.rank() >= b.aval.rank() { (a, b) } else { (b, a) };
    let name = short.name.as_deref().unwrap_or("..");
    let (long_shape, short_shape) = (&long.aval.shape, &short.aval.shape);
    // A column: the short one fits the leading axes of the long one.
    if !short_shape.is_empty() && long_shape.len() == short_shape.len() + 1 && long_shape.starts_with(short_shape) {
        return format!("shapes are aligned at their last axes: write `expand_dims({name}, -1)`");
    }
    // What would be a matrix product.
    if let ([.., n], [.., m, _] | [m]) = (&a.aval.shape[..], &b.aval.shape[..])
        && n == m
        && a.aval.rank() > 1
    {
        return "operators go element by element: the matrix product is `matmul(a, b)`".into();
    }
    "shapes are aligned at their last axes, where extents must be equal or one".into()
}

fn static_int(op: BinOp, a: i128, b: i128, dtype: Option<DType>, sp: Sp) -> R<Value> {
    if matches!(op, BinOp::Div | BinOp::Rem) && b == 0 {
        return err(sp, "a static integer is divided by zero");
    }
    let value = match op {
        BinOp::Add => a.checked_add(b),
        BinOp::Sub => a.checked_sub(b),
        BinOp::Mul => a.checked_mul(b),
        BinOp::Div => a.checked_div(b),
        BinOp::Rem => a.checked_rem(b),
        BinOp::BitAnd => Some(a & b),
        BinOp::BitOr => Some(a | b),
        BinOp::BitXor => Some(a ^ b),
        BinOp::Shl => u32::try_from(b).ok().filter(|b| *b < 64).map(|b| a << b),
        BinOp::Shr => u32::try_from(b).ok().map(|b| a >> b.min(127)),
        BinOp::Eq => return Ok(Value::Bool(a == b)),
        BinOp::Ne => return Ok(Value::Bool(a != b)),
        BinOp::Lt => return Ok(Value::Bool(a < b)),
        BinOp::Le => return Ok(Value::Bool(a <= b)),
        BinOp::Gt => return Ok(Value::Bool(a > b)),
        BinOp::Ge => return Ok(Value::Bool(a >= b)),
        BinOp::And | BinOp::Or => return err(sp, format!("`{}` needs bools, found integers", op.symbol())),
    };
    let Some(value) = value else { return err(sp, "a static integer overflows") };
    // Numbers with a dtype wrap, as they would at run time.
    let value = match dtype {
        Some(d) => crate::dtype::Scalar::from_i128(d, value).to_i128().unwrap_or(value),
        None => value,
    };
    Ok(Value::Num(Num { value: Number::Int(value), dtype }))
}

/// Whether an integer literal may become a `dtype`. Negative ones wrap, as in `x & !7`.
pub fn literal_fits(i: i128, dtype: DType) -> bool {
    if !dtype.is_int() {
        return true;
    }
    let (lo, hi) = dtype.int_range();
    i <= hi && i >= lo.min(-(hi / 2) - 1)
}

/// The common shape of two arrays, by numpy's rules.
pub fn broadcast_shapes(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], d: usize| if d + s.len() >= rank { s[d + s.len() - rank] } else { 1 };
    (0..rank)
        .map(|d| match (at(a, d), at(b, d)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

fn is_static_tuple(v: &Value) -> bool {
    match v {
        Value::Tuple(items) => items.iter().all(|x| matches!(x, Value::Num(_) | Value::Bool(_)) || is_static_tuple(x)),
        _ => false,
    }
}
