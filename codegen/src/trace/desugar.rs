//! `break` and `continue` under traced conditions become flags; what a loop assigns, by syntax.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::labels::VALUE;
use crate::parse::spans::Sp;
use crate::trace::assign::root_name;

/// The variable that says that a loop has been left. Not a name that Rust can spell.
pub const DONE: &str = "loop is done";
/// What a loop that is left by `break x` yields.
pub const RESULT: &str = "result of the loop";
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
        pat: Pat::new(PatKind::Bind(Name { text: SKIP.into(), sp }, None), sp),
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
        let mut stmts: Vec<Stmt> = all[..n].to_vec();
        let mut rest = all[n + 1..].to_vec();
        match s {
            Stmt::Expr(e) if jumps(e) => stmts.extend(jump_free(e, None)),
            // `let x = if c { break } else { y };`: the value is stored by the sides that have one.
            Stmt::Let { pat, ty, init: Some(e), otherwise } if jumps(e) => {
                let value = format!("{VALUE} {n}");
                let pat_of = |text: &str| Pat::new(PatKind::Bind(Name { text: text.into(), sp: e.sp }, None), e.sp);
                stmts.push(Stmt::Let { pat: pat_of(&value), ty: None, init: None, otherwise: None });
                stmts.extend(jump_free(e, Some(&value)));
                let init = Some(var(&value, e.sp));
                rest.insert(0, Stmt::Let { pat: pat.clone(), ty: ty.clone(), init, otherwise: otherwise.clone() });
            }
            _ => continue,
        }
        let rest = Block { stmts: rest, value: None, sp: b.sp };
        if !rest.stmts.is_empty() {
            stmts.push(Stmt::Expr(unless(SKIP, rewrite(&rest), b.sp)));
        }
        return Block { stmts, value: None, sp: b.sp };
    }
    b.clone()
}

/// Whether a variable stands for the value of something that may jump: the sides that do leave it without one.
pub fn fills(name: &str) -> bool {
    name == RESULT || name.starts_with(VALUE)
}

/// A statement with a jump as statements without. `value` is the variable that takes what it yields.
fn jump_free(e: &Expr, value: Option<&str>) -> Vec<Stmt> {
    let store = |name: &str, x: Expr| {
        Stmt::Expr(Expr { kind: ExprKind::Assign(None, Box::new(var(name, e.sp)), Box::new(x)), sp: e.sp })
    };
    let set = |name: &str| store(name, Expr { kind: ExprKind::Bool(true), sp: e.sp });
    let as_block = |e: &Expr| Expr {
        kind: ExprKind::Block(Block { stmts: jump_free(e, value), value: None, sp: e.sp }),
        sp: e.sp,
    };
    match &e.kind {
        ExprKind::Break(Some(x)) => vec![store(RESULT, (**x).clone()), set(DONE), set(SKIP)],
        ExprKind::Break(None) => vec![set(DONE), set(SKIP)],
        ExprKind::Continue => vec![set(SKIP)],
        ExprKind::Block(b) => {
            vec![Stmt::Expr(Expr { kind: ExprKind::Block(rewrite(&with_value(b, value))), sp: e.sp })]
        }
        ExprKind::If(c, then, other) => {
            let other = other.as_ref().map(|o| Box::new(as_block(o)));
            let then = rewrite(&with_value(then, value));
            vec![Stmt::Expr(Expr { kind: ExprKind::If(c.clone(), then, other), sp: e.sp })]
        }
        ExprKind::Match(v, arms) => {
            let arms = arms.iter().map(|a| Arm { body: as_block(&a.body), ..a.clone() }).collect();
            vec![Stmt::Expr(Expr { kind: ExprKind::Match(v.clone(), arms), sp: e.sp })]
        }
        _ => vec![match value {
            Some(name) => store(name, e.clone()),
            None => Stmt::Expr(e.clone()),
        }],
    }
}

/// A block whose value goes to a variable.
fn with_value(b: &Block, name: Option<&str>) -> Block {
    let (Some(name), Some(v)) = (name, &b.value) else { return b.clone() };
    let mut stmts = b.stmts.clone();
    if jumps(v) {
        stmts.extend(jump_free(v, Some(name)));
    } else {
        let store = ExprKind::Assign(None, Box::new(var(name, v.sp)), v.clone());
        stmts.push(Stmt::Expr(Expr { kind: store, sp: v.sp }));
    }
    Block { stmts, value: None, sp: b.sp }
}

fn var(name: &str, sp: Sp) -> Expr {
    Expr { kind: ExprKind::Path(Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp }), sp }
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

/// Names that a block assigns or passes by `&mut`; with a `.` behind them receivers of methods, and the method.
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

fn roots(place: &Expr, out: &mut Vec<Rc<str>>) {
    match &place.kind {
        ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter().for_each(|e| roots(e, out)),
        _ => out.extend(root_name(place)),
    }
}

fn assigned_expr(e: &Expr, out: &mut Vec<Rc<str>>) {
    let mut all = |items: &[&Expr]| items.iter().for_each(|x| assigned_expr(x, out));
    match &e.kind {
        ExprKind::Assign(_, place, value) => {
            roots(place, out);
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
        ExprKind::Method(recv, name, _, args) => {
            assigned_expr(recv, out);
            out.extend(root_name(recv).map(|root| format!("{root}.{}", name.text).into()));
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
        ExprKind::Matches(v, _) => assigned_expr(v, out),
        ExprKind::For(_, it, body, _) => {
            if let ExprKind::Path(_) = &it.kind {
                out.extend(root_name(it).map(|root| format!("{root}.iter_mut").into()));
            }
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
