//! Jumps out of the middle of an expression. `out = out << 1 | match pair { 2 => 1, _ => break }` leaves the loop before
//! anything is stored: what is evaluated before the jump, and the part that may jump, are bound first, so that every jump
//! stands where a statement, the value of a `let` or the value of a block does.

use crate::parse::ast::*;
use crate::parse::spans::Sp;

/// A statement as statements whose jumps are not in the middle of anything; the last is what it was.
pub fn statement(s: Stmt) -> Vec<Stmt> {
    let mut lifted = Lifted(Vec::new());
    let last = match s {
        Stmt::Expr(e) => Stmt::Expr(lifted.outer(e)),
        Stmt::Let { pat, ty, init, otherwise } => {
            let init = init.map(|e| lifted.outer(e));
            Stmt::Let { pat, ty, init, otherwise }
        }
    };
    lifted.0.push(last);
    lifted.0
}

/// The value of a block, with what has to stand before it.
pub fn value(e: Expr) -> (Vec<Stmt>, Expr) {
    let mut lifted = Lifted(Vec::new());
    let e = lifted.outer(e);
    (lifted.0, e)
}

/// The statements so far.
struct Lifted(Vec<Stmt>);

impl Lifted {
    /// An expression that may itself be a jump, or yield its value from branches that jump.
    fn outer(&mut self, e: Expr) -> Expr {
        let sp = e.sp;
        let kind = match e.kind {
            ExprKind::Break(Some(v)) => ExprKind::Break(Some(self.operand(v))),
            ExprKind::Jump(label, leaves, Some(v)) => ExprKind::Jump(label, leaves, Some(self.operand(v))),
            ExprKind::If(c, then, other) if !matches!(c.kind, ExprKind::Let(..)) => {
                ExprKind::If(self.operand(c), then, other)
            }
            ExprKind::Match(v, arms) => ExprKind::Match(self.operand(v), arms),
            ExprKind::Assign(op, place, v) => ExprKind::Assign(op, place, self.operand(v)),
            kind if stands_alone(&kind) => kind,
            kind => return self.parts(Expr { kind, sp }),
        };
        Expr { kind, sp }
    }

    /// A part of something else.
    fn operand(&mut self, e: Box<Expr>) -> Box<Expr> {
        if !jumps(&e) {
            return e;
        }
        if !stands_alone(&e.kind) && !matches!(e.kind, ExprKind::If(..) | ExprKind::Match(..)) {
            return Box::new(self.parts(*e));
        }
        let e = self.outer(*e);
        Box::new(self.bind(e))
    }

    fn bind(&mut self, e: Expr) -> Expr {
        let sp = e.sp;
        let name = format!("part {} in front of a jump", self.0.len());
        let pat = Pat::new(PatKind::Bind(Name { text: name.as_str().into(), sp }, None), sp);
        self.0.push(Stmt::Let { pat, ty: None, init: Some(e), otherwise: None });
        var(&name, sp)
    }

    /// An expression whose parts are all evaluated, from left to right.
    fn parts(&mut self, mut e: Expr) -> Expr {
        // What the right side of these does is done only if the left side wants it.
        if let ExprKind::Binary(op @ (BinOp::And | BinOp::Or), a, b) = &mut e.kind
            && jumps(b)
        {
            let sp = e.sp;
            let fixed = Expr { kind: ExprKind::Bool(*op == BinOp::Or), sp };
            let block = |value: Expr| Block { stmts: Vec::new(), value: Some(Box::new(value)), sp };
            let right = std::mem::replace(&mut **b, fixed.clone());
            let left = self.operand(std::mem::replace(a, Box::new(fixed.clone())));
            let (then, other) = if *op == BinOp::And { (right, fixed) } else { (fixed, right) };
            let other = Expr { kind: ExprKind::Block(block(other)), sp };
            let branch = ExprKind::If(left, block(then), Some(Box::new(other)));
            return self.bind(Expr { kind: branch, sp });
        }
        let mut parts = children(&mut e.kind);
        let Some(last) = parts.iter().rposition(|(p, _)| jumps(p)) else { return e };
        for (part, is_place) in &mut parts[..=last] {
            let own = std::mem::replace(*part, Expr { kind: ExprKind::Bool(true), sp: part.sp });
            **part = match &own.kind {
                _ if jumps(&own) => *self.operand(Box::new(own)),
                ExprKind::Int(..) | ExprKind::Float(..) | ExprKind::Bool(_) | ExprKind::Str(_) => own,
                ExprKind::Ref(..) | ExprKind::Closure(_) => own,
                _ if *is_place => own,
                _ => self.bind(own),
            };
        }
        e
    }
}

/// What is evaluated before an expression, and whether it says where something is rather than what it is.
fn children(kind: &mut ExprKind) -> Vec<(&mut Expr, bool)> {
    match kind {
        ExprKind::Neg(x) | ExprKind::Not(x) | ExprKind::Deref(x) | ExprKind::Ref(x, _) | ExprKind::Try(x) => {
            vec![(x, false)]
        }
        ExprKind::Cast(x, _) | ExprKind::Field(x, _) | ExprKind::Return(Some(x)) => vec![(x, false)],
        ExprKind::Binary(_, a, b) => vec![(a, false), (b, false)],
        ExprKind::Index(a, b) => vec![(a, true), (b, false)],
        ExprKind::Repeat(a, _) => vec![(a, false)],
        ExprKind::Range(a, b, _) => [a, b].into_iter().flatten().map(|x| (&mut **x, false)).collect(),
        ExprKind::Call(f, args) => {
            let args = args.iter_mut().map(|a| (&mut a.value, false));
            [(&mut **f, true)].into_iter().chain(args).collect()
        }
        ExprKind::Method(recv, _, _, args) => {
            let args = args.iter_mut().map(|a| (&mut a.value, false));
            [(&mut **recv, true)].into_iter().chain(args).collect()
        }
        ExprKind::Macro(_, args) => args.iter_mut().map(|a| (&mut a.value, false)).collect(),
        ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter_mut().map(|x| (x, false)).collect(),
        ExprKind::Struct(_, fields, rest) => {
            let fields = fields.iter_mut().map(|(_, x)| (x, false));
            fields.chain(rest.iter_mut().map(|x| (&mut **x, true))).collect()
        }
        _ => Vec::new(),
    }
}

/// Statements that are expressions: what jumps in them stands where it may.
fn stands_alone(kind: &ExprKind) -> bool {
    matches!(
        kind,
        ExprKind::Block(_)
            | ExprKind::If(..)
            | ExprKind::Match(..)
            | ExprKind::For(..)
            | ExprKind::While(..)
            | ExprKind::Loop(..)
            | ExprKind::Break(_)
            | ExprKind::Continue
            | ExprKind::Jump(..)
    )
}

fn var(name: &str, sp: Sp) -> Expr {
    Expr { kind: ExprKind::Path(Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp }), sp }
}

/// Whether something in `e` jumps out of it.
pub fn jumps(e: &Expr) -> bool {
    found(e, false)
}

/// `labelled`: only jumps to labels count, since `e` is in a loop that takes the others.
fn found(e: &Expr, labelled: bool) -> bool {
    let labelled = match &e.kind {
        ExprKind::Jump(..) => return true,
        ExprKind::Continue | ExprKind::Break(_) if !labelled => return true,
        ExprKind::For(..) | ExprKind::While(..) | ExprKind::Loop(..) => true,
        _ => labelled,
    };
    let mut any = false;
    e.each_part(&mut |part| any = any || found(part, labelled));
    any
}
