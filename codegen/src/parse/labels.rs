//! Jumps to labels: the loops in between are left by a flag, which the statement behind each of them looks at.

use crate::parse::ast::*;
use crate::parse::lift;
use crate::parse::spans::Sp;

/// How the variables begin that take what an expression yields unless it jumps. Not names that Rust can spell.
pub const VALUE: &str = "value of the branch";

/// What is needed for the jumps to one label.
struct Target<'a> {
    label: &'a str,
    sp: Sp,
    /// A loop in between is left by a `break`, with a value, by a `continue`.
    breaks: bool,
    value: bool,
    continues: bool,
}

/// The body of the loop `label` without jumps that name it.
pub fn resolve(label: &str, body: Block) -> Block {
    let sp = body.sp;
    let mut t = Target { label, sp, breaks: false, value: false, continues: false };
    let mut body = body;
    t.block(&mut body, 0);
    let mut flags = Vec::new();
    for (used, name) in [(t.breaks, t.left()), (t.continues, t.skipped())] {
        if used {
            flags.push(t.declare(&name, Some(ExprKind::Bool(false))));
        }
    }
    if t.value {
        flags.push(t.declare(&t.result(), None));
    }
    body.stmts.splice(0..0, flags);
    body
}

/// A block with a label: a loop that runs once. `None` if a jump in it is meant for a loop around.
pub fn block(label: &str, mut body: Block) -> Option<Expr> {
    let sp = body.sp;
    if body.stmts.iter().any(stmt_leaves) || body.value.as_ref().is_some_and(|v| leaves(v)) {
        return None;
    }
    let last = Expr { kind: ExprKind::Break(body.value.take()), sp };
    body.stmts.extend(lift::statement(Stmt::Expr(last)));
    let once = Attr {
        name: Name { text: "bound".into(), sp },
        args: vec![Arg { name: None, value: Expr { kind: ExprKind::Int(1, None), sp } }],
    };
    Some(Expr { kind: ExprKind::Loop(resolve(label, body), vec![once]), sp })
}

impl Target<'_> {
    fn left(&self) -> String {
        format!("{} is left", self.label)
    }

    fn skipped(&self) -> String {
        format!("a turn of {} is over", self.label)
    }

    fn result(&self) -> String {
        format!("{VALUE} of {}", self.label)
    }

    fn expr(&self, kind: ExprKind) -> Expr {
        Expr { kind, sp: self.sp }
    }

    fn var(&self, name: &str) -> Expr {
        self.expr(ExprKind::Path(Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp: self.sp }))
    }

    fn declare(&self, name: &str, init: Option<ExprKind>) -> Stmt {
        let pat = Pat::new(PatKind::Bind(Name { text: name.into(), sp: self.sp }, None), self.sp);
        Stmt::Let { pat, ty: None, init: init.map(|kind| self.expr(kind)), otherwise: None }
    }

    fn store(&self, name: &str, value: Expr) -> Stmt {
        Stmt::Expr(self.expr(ExprKind::Assign(None, Box::new(self.var(name)), Box::new(value))))
    }

    /// What stands behind a loop that has been left for the label, and in no other way.
    fn jump(&self, depth: usize) -> Vec<Stmt> {
        let mut out = self.checks(depth);
        if let Some(Stmt::Expr(Expr { kind: kind @ ExprKind::If(..), .. })) = out.last_mut()
            && let ExprKind::If(_, then, _) = std::mem::replace(kind, ExprKind::Continue)
        {
            out.pop();
            out.extend(then.stmts);
        }
        out
    }

    /// What stands behind a loop that may have been left for the label, `depth` loops inside the target.
    fn checks(&self, depth: usize) -> Vec<Stmt> {
        let when = |name: &str, kind: ExprKind| {
            let then = Block { stmts: vec![Stmt::Expr(self.expr(kind))], value: None, sp: self.sp };
            Stmt::Expr(self.expr(ExprKind::If(Box::new(self.var(name)), then, None)))
        };
        let mut out = Vec::new();
        if self.breaks {
            let value = (depth == 0 && self.value).then(|| Box::new(self.var(&self.result())));
            out.push(when(&self.left(), ExprKind::Break(value)));
        }
        if self.continues {
            let jump = if depth == 0 { ExprKind::Continue } else { ExprKind::Break(None) };
            out.push(when(&self.skipped(), jump));
        }
        out
    }

    fn block(&mut self, b: &mut Block, depth: usize) {
        let mut stmts = Vec::new();
        for mut s in std::mem::take(&mut b.stmts) {
            let only_way = matches!(&s, Stmt::Expr(e) | Stmt::Let { init: Some(e), .. } if is_endless(e));
            let found = match &mut s {
                Stmt::Expr(e) | Stmt::Let { init: Some(e), .. } => self.walk(e, depth),
                Stmt::Let { .. } => false,
            };
            if let Stmt::Let { otherwise: Some(o), .. } = &mut s {
                self.block(o, depth);
            }
            stmts.push(s);
            if found && only_way {
                // Nothing behind it is reached, and nothing has a value.
                if let Some(Stmt::Let { init: Some(e), .. }) = stmts.pop_if(|s| matches!(s, Stmt::Let { .. })) {
                    stmts.push(Stmt::Expr(e));
                }
                stmts.extend(self.jump(depth));
                (b.stmts, b.value) = (stmts, None);
                return;
            }
            if found {
                stmts.extend(self.checks(depth));
            }
        }
        b.stmts = stmts;
        let Some(mut value) = b.value.take() else { return };
        let only_way = is_endless(&value);
        if !self.walk(&mut value, depth) {
            b.value = Some(value);
            return;
        }
        match &value.kind {
            _ if only_way => {
                b.stmts.push(Stmt::Expr(*value));
                b.stmts.extend(self.jump(depth));
            }
            ExprKind::For(..) | ExprKind::While(..) => {
                b.stmts.push(Stmt::Expr(*value));
                b.stmts.extend(self.checks(depth));
            }
            _ => {
                let name = format!("{VALUE} in {}", self.label);
                let pat = Pat::new(PatKind::Bind(Name { text: name.as_str().into(), sp: self.sp }, None), self.sp);
                b.stmts.push(Stmt::Let { pat, ty: None, init: Some(*value), otherwise: None });
                b.stmts.extend(self.checks(depth));
                b.value = Some(Box::new(self.var(&name)));
            }
        }
    }

    /// Whether `e` is a loop that may be left for the label, so that checks have to follow.
    fn walk(&mut self, e: &mut Expr, depth: usize) -> bool {
        match &mut e.kind {
            ExprKind::Jump(label, leave, value) if &*label.text == self.label => {
                let (leave, value) = (*leave, value.take());
                e.kind = match (depth, leave) {
                    (0, true) => ExprKind::Break(value),
                    (0, false) => ExprKind::Continue,
                    _ => {
                        let mut stmts = Vec::new();
                        if let Some(v) = value {
                            self.value = true;
                            stmts.push(self.store(&self.result(), *v));
                        }
                        (self.breaks, self.continues) = (self.breaks || leave, self.continues || !leave);
                        let flag = if leave { self.left() } else { self.skipped() };
                        stmts.push(self.store(&flag, self.expr(ExprKind::Bool(true))));
                        stmts.push(Stmt::Expr(Expr { kind: ExprKind::Break(None), sp: e.sp }));
                        ExprKind::Block(Block { stmts, value: None, sp: e.sp })
                    }
                };
                false
            }
            ExprKind::Block(b) => {
                self.block(b, depth);
                false
            }
            ExprKind::If(_, then, other) => {
                self.block(then, depth);
                if let Some(o) = other {
                    self.arm(o, depth);
                }
                false
            }
            ExprKind::Match(_, arms) => {
                arms.iter_mut().for_each(|a| self.arm(&mut a.body, depth));
                false
            }
            ExprKind::Assign(_, _, value) => self.walk(value, depth),
            ExprKind::For(_, _, body, _) | ExprKind::While(_, body, _) | ExprKind::Loop(body, _) => {
                let before = (std::mem::take(&mut self.breaks), std::mem::take(&mut self.continues));
                self.block(body, depth + 1);
                let found = self.breaks || self.continues;
                (self.breaks, self.continues) = (self.breaks || before.0, self.continues || before.1);
                found
            }
            _ => false,
        }
    }

    /// An expression that is a side of a branch.
    fn arm(&mut self, e: &mut Expr, depth: usize) {
        if self.walk(e, depth) {
            let sp = e.sp;
            let inner = std::mem::replace(e, Expr { kind: ExprKind::Bool(true), sp });
            let mut stmts = vec![Stmt::Expr(inner)];
            stmts.extend(self.checks(depth));
            e.kind = ExprKind::Block(Block { stmts, value: None, sp });
        }
    }
}

/// Whether `e` is a `loop` that is left by jumps to labels only.
fn is_endless(e: &Expr) -> bool {
    fn breaks(e: &Expr) -> bool {
        let mut any = matches!(e.kind, ExprKind::Break(_));
        if !matches!(e.kind, ExprKind::For(..) | ExprKind::While(..) | ExprKind::Loop(..)) {
            e.each_part(&mut |part| any = any || breaks(part));
        }
        any
    }
    let ExprKind::Loop(body, _) = &e.kind else { return false };
    let mut any = false;
    body.each_part(&mut |part| any = any || breaks(part));
    !any
}

/// Whether there is a jump without a label in `e` that leaves the loop around it.
fn leaves(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Break(_) | ExprKind::Continue => true,
        ExprKind::Block(b) => block_leaves(b),
        ExprKind::If(_, then, other) => block_leaves(then) || other.as_ref().is_some_and(|o| leaves(o)),
        ExprKind::Match(_, arms) => arms.iter().any(|a| leaves(&a.body)),
        ExprKind::Assign(_, _, value) => leaves(value),
        _ => false,
    }
}

fn stmt_leaves(s: &Stmt) -> bool {
    match s {
        Stmt::Expr(e) => leaves(e),
        Stmt::Let { init, otherwise, .. } => {
            init.as_ref().is_some_and(leaves) || otherwise.as_ref().is_some_and(block_leaves)
        }
    }
}

fn block_leaves(b: &Block) -> bool {
    b.stmts.iter().any(stmt_leaves) || b.value.as_ref().is_some_and(|v| leaves(v))
}
