//! Patterns: binding names, and matching against static values.

use std::rc::Rc;

use crate::parse::ast::{Pat, PatKind};
use crate::trace::value::{Ctx, Num, Number, Scope, Value};
use crate::trace::{R, Tracer, err, tree};

impl<'a> Tracer<'a> {
    /// Binds the names of an irrefutable pattern.
    pub fn bind_pat(&mut self, pat: &Pat, value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<()> {
        if matches!(value, Value::Poison) {
            poison(pat, vars);
            return Ok(());
        }
        match &pat.kind {
            PatKind::Bind(name, sub) => {
                let mut value = value.clone();
                // The user's name shows in graphs and messages; arguments keep the name they came with.
                if let Value::Array(t) = &mut value
                    && !ctx.library
                    && t.name.is_none()
                {
                    let var = t.tvar;
                    if self.frames.last().is_some_and(|f| f.id == var.frame) {
                        self.graph().name_var(var.var, &name.text);
                    }
                    t.name = Some(name.text.clone());
                }
                vars.push(name.text.clone(), value.clone());
                match sub {
                    Some(sub) => self.bind_pat(sub, &value, vars, ctx),
                    None => Ok(()),
                }
            }
            PatKind::Wild | PatKind::Rest => Ok(()),
            PatKind::Tuple(pats) | PatKind::Slice(pats) | PatKind::TupleStruct(_, pats) => {
                let items: Vec<Value> = match value {
                    Value::Array(t) if matches!(pat.kind, PatKind::Slice(_)) && t.aval.rank() > 0 => {
                        (0..t.aval.shape[0]).map(|n| self.item_at(t, n, pat.sp)).collect::<R<_>>()?
                    }
                    Value::Option(Some(x)) => vec![(**x).clone()],
                    other => match tree::children(other) {
                        Some(items) => items.to_vec(),
                        None => return err(pat.sp, format!("this pattern does not fit {}", other.describe())),
                    },
                };
                let rest = pats.iter().position(|p| matches!(p.kind, PatKind::Rest));
                let fits = match rest {
                    Some(_) => items.len() + 1 >= pats.len(),
                    None => items.len() == pats.len(),
                };
                if !fits {
                    return err(
                        pat.sp,
                        format!(
                            "this pattern has {} parts, the value {} has {}",
                            pats.len(),
                            value.describe(),
                            items.len()
                        ),
                    );
                }
                for (n, p) in pats.iter().enumerate() {
                    let item = match rest {
                        Some(r) if n == r => continue,
                        Some(r) if n > r => &items[items.len() - (pats.len() - n)],
                        _ => &items[n],
                    };
                    self.bind_pat(p, item, vars, ctx)?;
                }
                Ok(())
            }
            PatKind::Struct(_, fields) => {
                let Value::Struct(s) = value else {
                    return err(pat.sp, format!("this pattern does not fit {}", value.describe()));
                };
                for (name, p) in fields {
                    match s.ty.fields.iter().position(|(f, _)| f == name) {
                        Some(n) => self.bind_pat(p, &s.fields[n], vars, ctx)?,
                        None => return err(p.sp, format!("`{}` has no field `{name}`", s.ty.describe())),
                    }
                }
                Ok(())
            }
            _ => err(pat.sp, "a `let` needs a pattern that always fits"),
        }
    }

    /// Whether a pattern fits a static value, binding its names if so. `None`: the value is traced.
    pub fn match_pat(&mut self, pat: &Pat, value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Option<bool>> {
        let traced_scalar = matches!(value, Value::Array(_));
        Ok(match &pat.kind {
            PatKind::Wild | PatKind::Bind(_, None) => {
                self.bind_pat(pat, value, vars, ctx)?;
                Some(true)
            }
            PatKind::Bind(name, Some(sub)) => {
                let fits = self.match_pat(sub, value, vars, ctx)?;
                if fits == Some(true) {
                    vars.push(name.text.clone(), value.clone());
                }
                fits
            }
            PatKind::Lit(_) | PatKind::Range(..) if traced_scalar => None,
            PatKind::Lit(e) => {
                let lit = self.expr(e, vars, ctx)?;
                let same = self.binary(crate::parse::ast::BinOp::Eq, value, &lit, pat.sp)?;
                match same {
                    Value::Bool(b) => Some(b),
                    _ => None,
                }
            }
            PatKind::Range(lo, hi, closed) => {
                let Value::Num(Num { value: Number::Int(x), .. }) = value else {
                    return err(pat.sp, format!("a range does not fit {}", value.describe()));
                };
                let above = match lo {
                    Some(e) => *x >= self.static_int(e, vars, ctx)?,
                    None => true,
                };
                let below = match hi {
                    Some(e) => {
                        let h = self.static_int(e, vars, ctx)?;
                        *x < h || (*closed && *x == h)
                    }
                    None => true,
                };
                Some(above && below)
            }
            PatKind::Or(cases) => {
                for p in cases {
                    match self.match_pat(p, value, vars, ctx)? {
                        Some(false) => {}
                        other => return Ok(other),
                    }
                }
                Some(false)
            }
            PatKind::Path(p) if p.last() == "None" => match value {
                Value::Option(o) => Some(o.is_none()),
                other => return err(pat.sp, format!("`None` does not fit {}", other.describe())),
            },
            PatKind::TupleStruct(p, pats) if p.last() == "Some" => match (value, &pats[..]) {
                (Value::Option(None), _) => Some(false),
                (Value::Option(Some(x)), [p]) => self.match_pat(p, x, vars, ctx)?,
                (other, _) => return err(pat.sp, format!("`Some(..)` does not fit {}", other.describe())),
            },
            PatKind::Path(p) => {
                let e = crate::parse::ast::Expr { kind: crate::parse::ast::ExprKind::Path(p.clone()), sp: pat.sp };
                let lit = self.expr(&e, vars, ctx)?;
                if traced_scalar {
                    return Ok(None);
                }
                matches!(self.binary(crate::parse::ast::BinOp::Eq, value, &lit, pat.sp)?, Value::Bool(true)).into()
            }
            PatKind::Tuple(pats) => {
                let Some(items) = tree::children(value).filter(|i| i.len() == pats.len()) else {
                    return err(pat.sp, format!("this pattern does not fit {}", value.describe()));
                };
                for (p, v) in pats.iter().zip(items) {
                    match self.match_pat(p, v, vars, ctx)? {
                        Some(true) => {}
                        other => return Ok(other),
                    }
                }
                Some(true)
            }
            _ => {
                self.bind_pat(pat, value, vars, ctx)?;
                Some(true)
            }
        })
    }
}

/// Names of a pattern whose value has been reported stay silent.
pub fn poison(pat: &Pat, vars: &mut Scope) {
    match &pat.kind {
        PatKind::Bind(name, sub) => {
            vars.push(name.text.clone(), Value::Poison);
            if let Some(sub) = sub {
                poison(sub, vars);
            }
        }
        PatKind::Tuple(ps) | PatKind::Slice(ps) | PatKind::TupleStruct(_, ps) | PatKind::Or(ps) => {
            ps.iter().for_each(|p| poison(p, vars));
        }
        PatKind::Struct(_, fields) => fields.iter().for_each(|(_, p)| poison(p, vars)),
        _ => {}
    }
}
