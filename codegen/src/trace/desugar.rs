//! `break` and `continue` under traced conditions become flags; what a loop assigns, by syntax.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::expr::root_name;

/// The variable that says that a loop has been left. Not a name that Rust can spell.
pub const DONE: &str = "loop is done";
/// The variable that says that the rest of a turn is skipped.
const SKIP: &str = "turn is done";

/// The body of a `for`: nothing happens once the loop is done.
pub fn loop_body(body: &Block) -> Block {
    let inner = flagged(body);
    Block { stmts: vec![Stmt::Expr(unless(DONE, inner, body.sp))], value: None, sp: body.sp }
}

/// Condition and body of a `while` that may be left early.
pub fn while_parts(cond: &Expr, body: &Block) -> (Expr, Block) {
    let sp = cond.sp;
    let done = Expr { kind: ExprKind::Not(Box::new(var(DONE, sp))), sp };
    let cond = Expr { kind: ExprKind::Binary(BinOp::And, Box::new(done), Box::new(cond.clone())), sp };
    (cond, flagged(body))
}

/// `let mut SKIP = false;` and the body with flags set instead of jumps.
fn flagged(body: &Block) -> Block {
    let sp = body.sp;
    let init = Stmt::Let {
        pat: Pat { kind: PatKind::Bind(Name { text: SKIP.into(), sp }, None), sp },
        ty: None,
        init: Some(Expr { kind: ExprKind::Bool(false), sp }),
        otherwise: None,
    };
    let inner = rewrite(body);
    let mut stmts = vec![init];
    stmts.extend(inner.stmts);
    if let Some(v) = inner.value {
        stmts.push(Stmt::Expr(*v));
    }
    Block { stmts, value: None, sp }
}

/// Replaces jumps by flags, and puts what follows a statement with a jump under `if !SKIP`.
fn rewrite(b: &Block) -> Block {
    let mut all: Vec<Stmt> = b.stmts.clone();
    if let Some(v) = &b.value {
        all.push(Stmt::Expr((**v).clone()));
    }
    for (n, s) in all.iter().enumerate() {
        let Stmt::Expr(e) = s else { continue };
        if !jumps(e) {
            continue;
        }
        let mut stmts: Vec<Stmt> = all[..n].to_vec();
        stmts.extend(jump_free(e));
        let rest = Block { stmts: all[n + 1..].to_vec(), value: None, sp: b.sp };
        if !rest.stmts.is_empty() {
            stmts.push(Stmt::Expr(unless(SKIP, rewrite(&rest), b.sp)));
        }
        return Block { stmts, value: None, sp: b.sp };
    }
    b.clone()
}

/// A statement with a jump as statements without.
fn jump_free(e: &Expr) -> Vec<Stmt> {
    let set = |name: &str| {
        Stmt::Expr(Expr {
            kind: ExprKind::Assign(
                None,
                Box::new(var(name, e.sp)),
                Box::new(Expr { kind: ExprKind::Bool(true), sp: e.sp }),
            ),
            sp: e.sp,
        })
    };
    match &e.kind {
        ExprKind::Break(Some(value)) => vec![Stmt::Expr(Expr {
            kind: ExprKind::Refused(
                "`break` with a value under a condition that is known only at run time".into(),
                "declare a variable in front of the loop and assign it: `r = ..; break;`".into(),
            ),
            sp: value.sp,
        })],
        ExprKind::Break(None) => vec![set(DONE), set(SKIP)],
        ExprKind::Continue => vec![set(SKIP)],
        ExprKind::Block(b) => vec![Stmt::Expr(Expr { kind: ExprKind::Block(rewrite(b)), sp: e.sp })],
        ExprKind::If(c, then, other) => {
            let other = other.as_ref().map(|o| {
                let stmts = jump_free(o);
                Box::new(Expr { kind: ExprKind::Block(Block { stmts, value: None, sp: o.sp }), sp: o.sp })
            });
            vec![Stmt::Expr(Expr { kind: ExprKind::If(c.clone(), rewrite(then), other), sp: e.sp })]
        }
        ExprKind::Match(v, arms) => {
            let arms = arms
                .iter()
                .map(|a| Arm {
                    body: Expr {
                        kind: ExprKind::Block(Block { stmts: jump_free(&a.body), value: None, sp: a.body.sp }),
                        sp: a.body.sp,
                    },
                    ..a.clone()
                })
                .collect();
            vec![Stmt::Expr(Expr { kind: ExprKind::Match(v.clone(), arms), sp: e.sp })]
        }
        _ => vec![Stmt::Expr(e.clone())],
    }
}

fn var(name: &str, sp: Sp) -> Expr {
    Expr { kind: ExprKind::Path(Path { text: name.into(), generics: Vec::new(), sp }), sp }
}

fn unless(name: &str, body: Block, sp: Sp) -> Expr {
    let cond = Expr { kind: ExprKind::Not(Box::new(var(name, sp))), sp };
    Expr { kind: ExprKind::If(Box::new(cond), body, None), sp }
}

/// Whether a `break` or `continue` of the enclosing loop is in `e`.
fn jumps(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Break(_) | ExprKind::Continue => true,
        ExprKind::Block(b) => block_jumps(b),
        ExprKind::If(_, then, other) => block_jumps(then) || other.as_ref().is_some_and(|o| jumps(o)),
        ExprKind::Match(_, arms) => arms.iter().any(|a| jumps(&a.body)),
        _ => false,
    }
}

fn block_jumps(b: &Block) -> bool {
    let stmt = |s: &Stmt| match s {
        Stmt::Expr(e) => jumps(e),
        Stmt::Let { init, .. } => init.as_ref().is_some_and(jumps),
    };
    b.stmts.iter().any(stmt) || b.value.as_ref().is_some_and(|v| jumps(v))
}

/// Names that a block assigns or passes by `&mut`, methods' receivers included.
pub fn assigned(b: &Block, out: &mut Vec<Rc<str>>) {
    for s in &b.stmts {
        match s {
            Stmt::Expr(e) => assigned_expr(e, out),
            Stmt::Let { init, otherwise, .. } => {
                if let Some(e) = init {
                    assigned_expr(e, out);
                }
                if let Some(b) = otherwise {
                    assigned(b, out);
                }
            }
        }
    }
    if let Some(v) = &b.value {
        assigned_expr(v, out);
    }
}

fn assigned_expr(e: &Expr, out: &mut Vec<Rc<str>>) {
    let mut all = |items: &[&Expr]| items.iter().for_each(|x| assigned_expr(x, out));
    match &e.kind {
        ExprKind::Assign(_, place, value) => {
            match &place.kind {
                ExprKind::Tuple(items) => out.extend(items.iter().filter_map(root_name)),
                _ => out.extend(root_name(place)),
            }
            assigned_expr(value, out);
        }
        ExprKind::Ref(x, true) => out.extend(root_name(x)),
        ExprKind::Neg(x) | ExprKind::Not(x) | ExprKind::Deref(x) | ExprKind::Ref(x, _) | ExprKind::Try(x) => all(&[x]),
        ExprKind::Cast(x, _) | ExprKind::Field(x, _) | ExprKind::Let(_, x) => all(&[x]),
        ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) | ExprKind::Repeat(a, b) => all(&[a, b]),
        ExprKind::Call(f, args) => {
            assigned_expr(f, out);
            args.iter().for_each(|a| assigned_expr(&a.value, out));
        }
        ExprKind::Method(recv, _, _, args) => {
            assigned_expr(recv, out);
            args.iter().for_each(|a| assigned_expr(&a.value, out));
        }
        ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter().for_each(|x| assigned_expr(x, out)),
        ExprKind::Struct(_, fields, rest) => {
            fields.iter().for_each(|(_, x)| assigned_expr(x, out));
            if let Some(r) = rest {
                assigned_expr(r, out);
            }
        }
        ExprKind::Block(b) => assigned(b, out),
        ExprKind::If(c, then, other) => {
            assigned_expr(c, out);
            assigned(then, out);
            if let Some(o) = other {
                assigned_expr(o, out);
            }
        }
        ExprKind::Match(v, arms) => {
            assigned_expr(v, out);
            arms.iter().for_each(|a| assigned_expr(&a.body, out));
        }
        ExprKind::For(_, it, body, _) => {
            assigned_expr(it, out);
            assigned(body, out);
        }
        ExprKind::While(c, body, _) => {
            assigned_expr(c, out);
            assigned(body, out);
        }
        ExprKind::Loop(body, _) => assigned(body, out),
        _ => {}
    }
}
