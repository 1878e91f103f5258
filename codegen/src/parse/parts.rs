//! The parts of an expression, one level down.

use crate::parse::ast::*;

impl Expr {
    /// Shows `f` every expression that this one is made of, those in its blocks and branches included. The body of a closure
    /// is no part of it: that runs where it is called.
    pub fn each_part(&self, f: &mut dyn FnMut(&Expr)) {
        match &self.kind {
            ExprKind::Neg(x) | ExprKind::Not(x) | ExprKind::Deref(x) | ExprKind::Ref(x, _) | ExprKind::Try(x) => f(x),
            ExprKind::Cast(x, _) | ExprKind::Field(x, _) | ExprKind::Let(_, x) | ExprKind::Matches(x, _) => f(x),
            ExprKind::Return(x) | ExprKind::Break(x) | ExprKind::Jump(_, _, x) => x.iter().for_each(|x| f(x)),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) | ExprKind::Repeat(a, b) | ExprKind::Assign(_, a, b) => {
                f(a);
                f(b);
            }
            ExprKind::Range(a, b, _) => a.iter().chain(b).for_each(|x| f(x)),
            ExprKind::Call(callee, args) | ExprKind::Method(callee, _, _, args) => {
                f(callee);
                args.iter().for_each(|a| f(&a.value));
            }
            ExprKind::Macro(_, args) => args.iter().for_each(|a| f(&a.value)),
            ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter().for_each(f),
            ExprKind::Struct(_, fields, rest) => {
                fields.iter().for_each(|(_, x)| f(x));
                rest.iter().for_each(|x| f(x));
            }
            ExprKind::Block(b) | ExprKind::Loop(b, _) => b.each_part(f),
            ExprKind::If(c, then, other) => {
                f(c);
                then.each_part(f);
                other.iter().for_each(|x| f(x));
            }
            ExprKind::Match(v, arms) => {
                f(v);
                for arm in arms {
                    arm.guard.iter().for_each(&mut *f);
                    f(&arm.body);
                }
            }
            ExprKind::For(_, x, body, _) | ExprKind::While(x, body, _) => {
                f(x);
                body.each_part(f);
            }
            ExprKind::Int(..)
            | ExprKind::Float(..)
            | ExprKind::Bool(_)
            | ExprKind::Str(_)
            | ExprKind::Path(_)
            | ExprKind::Continue
            | ExprKind::Closure(_)
            | ExprKind::Refused(..) => {}
        }
    }
}

impl Block {
    /// The expressions of its statements, and its value.
    pub fn each_part(&self, f: &mut dyn FnMut(&Expr)) {
        for s in &self.stmts {
            match s {
                Stmt::Expr(e) => f(e),
                Stmt::Let { init, otherwise, .. } => {
                    init.iter().for_each(&mut *f);
                    otherwise.iter().for_each(|b| b.each_part(f));
                }
            }
        }
        self.value.iter().for_each(|v| f(v));
    }
}
