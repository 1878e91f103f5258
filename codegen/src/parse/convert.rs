//! From `syn` to the tree of [`crate::parse::ast`]. Whatever the language does not have becomes
//! [`ExprKind::Refused`], so that it is reported only where it is reached.

use std::rc::Rc;

use proc_macro2::Span;
use syn::spanned::Spanned;

use crate::parse::ast::*;
use crate::parse::spans::{Sp, Spans};
use crate::parse::{labels, lift};

/// The attribute of a method that takes `mut self`.
pub const MUT_SELF: &str = "__mut_self";

/// A free function.
pub fn convert_fn(spans: &mut Spans, f: &syn::ItemFn) -> Function {
    let mut c = Conv { spans, jumps: 0 };
    let generics = c.generics(&f.sig.generics);
    c.function(&f.sig, &f.block, &f.attrs, generics, None)
}

/// A method of `impl<generics> self_ty`.
pub fn convert_method(
    spans: &mut Spans,
    generics: &syn::Generics,
    self_ty: &syn::Type,
    m: &syn::ImplItemFn,
) -> Function {
    let mut c = Conv { spans, jumps: 0 };
    let mut all = c.generics(generics);
    let n_impl_generics = all.len();
    all.extend(c.generics(&m.sig.generics));
    let self_ty = c.ty(self_ty);
    Function { n_impl_generics, ..c.function(&m.sig, &m.block, &m.attrs, all, Some(self_ty)) }
}

/// A struct.
pub fn convert_struct(spans: &mut Spans, s: &syn::ItemStruct) -> Struct {
    let mut c = Conv { spans, jumps: 0 };
    let fields = s
        .fields
        .iter()
        .enumerate()
        .map(|(n, f)| (f.ident.as_ref().map_or_else(|| n.to_string().into(), text), c.ty(&f.ty)))
        .collect();
    Struct {
        name: c.name(&s.ident),
        generics: c.generics(&s.generics),
        fields,
        is_tuple: matches!(s.fields, syn::Fields::Unnamed(_)),
    }
}

/// A type alias.
pub fn convert_alias(spans: &mut Spans, a: &syn::ItemType) -> Alias {
    let mut c = Conv { spans, jumps: 0 };
    Alias { name: c.name(&a.ident), generics: c.generics(&a.generics), ty: c.ty(&a.ty) }
}

/// A constant.
pub fn convert_const(spans: &mut Spans, k: &syn::ItemConst) -> Const {
    let mut c = Conv { spans, jumps: 0 };
    Const { name: c.name(&k.ident), ty: c.ty(&k.ty), value: c.expr(&k.expr) }
}

pub(super) struct Conv<'a> {
    spans: &'a mut Spans,
    /// `break`s and `continue`s seen so far.
    jumps: usize,
}

fn text(ident: &syn::Ident) -> Rc<str> {
    let s = ident.to_string();
    s.strip_prefix("r#").unwrap_or(&s).into()
}

impl Conv<'_> {
    pub(super) fn sp(&mut self, first: Span, last: Span) -> Sp {
        self.spans.add(first, last)
    }

    fn at(&mut self, span: Span) -> Sp {
        self.spans.add(span, span)
    }

    pub(super) fn first(&self, sp: Sp) -> Span {
        self.spans.tokens(sp).0
    }

    pub(super) fn last(&self, sp: Sp) -> Span {
        self.spans.tokens(sp).1
    }

    pub(super) fn name(&mut self, ident: &syn::Ident) -> Name {
        Name { text: text(ident), sp: self.at(ident.span()) }
    }

    fn generics(&mut self, g: &syn::Generics) -> Vec<GenericParam> {
        g.params
            .iter()
            .filter_map(|p| match p {
                syn::GenericParam::Const(p) => Some(GenericParam { name: self.name(&p.ident), is_const: true }),
                syn::GenericParam::Type(p) => Some(GenericParam { name: self.name(&p.ident), is_const: false }),
                syn::GenericParam::Lifetime(_) => None,
            })
            .collect()
    }

    fn function(
        &mut self,
        sig: &syn::Signature,
        block: &syn::Block,
        attrs: &[syn::Attribute],
        generics: Vec<GenericParam>,
        self_ty: Option<Type>,
    ) -> Function {
        let params = sig
            .inputs
            .iter()
            .map(|arg| match arg {
                syn::FnArg::Typed(p) => {
                    let default = p
                        .attrs
                        .iter()
                        .find(|a| a.path().is_ident("default"))
                        .and_then(|a| a.parse_args::<syn::Expr>().ok())
                        .map(|e| self.expr(&e));
                    let mut pat = self.pat(&p.pat);
                    if let (PatKind::Path(path), syn::Pat::Ident(_)) = (&pat.kind, &*p.pat) {
                        pat.kind = PatKind::Bind(Name { text: path.text.clone(), sp: path.sp }, None);
                    }
                    Param { pat, ty: self.ty(&p.ty), default }
                }
                syn::FnArg::Receiver(r) => {
                    let sp = self.at(r.self_token.span);
                    let name = Name { text: "self".into(), sp };
                    let owner = self_ty.clone().unwrap_or(Type { kind: TypeKind::Infer, sp });
                    let kind = match &r.reference {
                        Some(_) => TypeKind::Ref(Box::new(owner), r.mutability.is_some()),
                        None => owner.kind,
                    };
                    // Kernels have signatures without patterns: what was `mut self` is marked.
                    let is_mut = r.mutability.is_some() || attrs.iter().any(|a| a.path().is_ident(MUT_SELF));
                    let fixed = r.reference.is_none() && !is_mut;
                    let pat = Pat { fixed, ..Pat::new(PatKind::Bind(name, None), sp) };
                    Param { pat, ty: Type { kind, sp }, default: None }
                }
            })
            .collect();
        let ret = match &sig.output {
            syn::ReturnType::Default => None,
            syn::ReturnType::Type(_, t) => Some(self.ty(t)),
        };
        Function {
            name: self.name(&sig.ident),
            generics,
            n_impl_generics: 0,
            params,
            ret,
            body: self.block(block),
            attrs: self.attrs(attrs),
            self_ty,
        }
    }

    fn attrs(&mut self, attrs: &[syn::Attribute]) -> Vec<Attr> {
        attrs
            .iter()
            .filter(|a| !a.path().is_ident("doc"))
            .filter_map(|a| {
                let ident = a.path().get_ident()?;
                let args = match &a.meta {
                    syn::Meta::List(_) => a
                        .parse_args_with(syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated)
                        .map(|args| args.iter().map(|e| self.arg(e)).collect())
                        .unwrap_or_default(),
                    _ => Vec::new(),
                };
                Some(Attr { name: self.name(ident), args })
            })
            .collect()
    }

    fn ty(&mut self, t: &syn::Type) -> Type {
        let first = t.span();
        match t {
            syn::Type::Path(p) => {
                let path = self.path(&p.path);
                Type { sp: path.sp, kind: TypeKind::Path(path) }
            }
            syn::Type::Array(a) => {
                let (elem, len) = (self.ty(&a.elem), self.expr(&a.len));
                let sp = self.sp(a.bracket_token.span.open(), a.bracket_token.span.close());
                Type { kind: TypeKind::Array(Box::new(elem), Box::new(len)), sp }
            }
            syn::Type::Tuple(t) => {
                let items = t.elems.iter().map(|t| self.ty(t)).collect();
                let sp = self.sp(t.paren_token.span.open(), t.paren_token.span.close());
                Type { kind: TypeKind::Tuple(items), sp }
            }
            syn::Type::Reference(r) => {
                let inner = self.ty(&r.elem);
                let sp = self.sp(first, self.last(inner.sp));
                Type { kind: TypeKind::Ref(Box::new(inner), r.mutability.is_some()), sp }
            }
            syn::Type::Paren(p) => self.ty(&p.elem),
            syn::Type::Group(p) => self.ty(&p.elem),
            syn::Type::ImplTrait(_) => Type { kind: TypeKind::ImplFn, sp: self.at(first) },
            syn::Type::Infer(_) => Type { kind: TypeKind::Infer, sp: self.at(first) },
            other => {
                let (why, instead) = match other {
                    syn::Type::Slice(_) => (
                        "the length of a slice is not known while compiling",
                        "take an array: `&[f32; N]`, with `const N: usize` as a generic parameter if it varies",
                    ),
                    syn::Type::TraitObject(_) => (
                        "what a trait object calls is not known while compiling",
                        "take `impl Fn(..) -> ..`, which makes the function publish-only",
                    ),
                    syn::Type::BareFn(_) => (
                        "what a function pointer calls is not known while compiling",
                        "take `impl Fn(..) -> ..`, which makes the function publish-only",
                    ),
                    syn::Type::Ptr(_) => {
                        ("a kernel has no pointers", "take the value by reference: `&[f32; N]` or `&mut [f32; N]`")
                    }
                    syn::Type::Never(_) => ("a kernel returns", "declare the type of the result"),
                    _ => (
                        "this type is outside the language of `#[jit]`",
                        "use arrays, tuples and `#[derive(Tree)]` structs",
                    ),
                };
                // The whole type, so that the caret does not sit on a lone `[`.
                let mut tokens = quote::ToTokens::to_token_stream(other).into_iter();
                let start = tokens.next().map_or(first, |t| t.span());
                let end = tokens.last().map_or(start, |t| t.span());
                Type { kind: TypeKind::Refused(why, instead), sp: self.sp(start, end) }
            }
        }
    }

    fn path(&mut self, p: &syn::Path) -> Path {
        let names: Vec<Rc<str>> = p.segments.iter().map(|s| text(&s.ident)).collect();
        let mut joined = names.join("::");
        if p.leading_colon.is_some() {
            joined = format!("::{joined}");
        }
        let mut args = |s: Option<&syn::PathSegment>| match s.map(|s| &s.arguments) {
            Some(syn::PathArguments::AngleBracketed(a)) => self.generic_args(a),
            _ => Vec::new(),
        };
        let mut from_last = p.segments.iter().rev();
        let (generics, owner) = (args(from_last.next()), args(from_last.next()));
        let first = p.segments.first().map_or_else(Span::call_site, |s| s.ident.span());
        let last = p.segments.last().map_or_else(Span::call_site, |s| s.ident.span());
        Path { text: joined.into(), generics, owner, sp: self.sp(first, last) }
    }

    fn generic_args(&mut self, a: &syn::AngleBracketedGenericArguments) -> Vec<GenericArg> {
        a.args
            .iter()
            .filter_map(|a| match a {
                syn::GenericArgument::Type(t) => Some(GenericArg::Type(self.ty(t))),
                syn::GenericArgument::Const(e) => Some(GenericArg::Const(self.expr(e))),
                _ => None,
            })
            .collect()
    }

    fn block(&mut self, b: &syn::Block) -> Block {
        let mut stmts = Vec::new();
        let mut value = None;
        let start = self.jumps;
        // Constants and functions are known in the whole block.
        for s in &b.stmts {
            if let syn::Stmt::Item(item) = s {
                stmts.extend(self.inner_item(item));
            }
        }
        for (n, s) in b.stmts.iter().enumerate() {
            let is_last = n + 1 == b.stmts.len();
            let before = self.jumps;
            let converted = match s {
                syn::Stmt::Local(l) => {
                    let (pat, ty) = match &l.pat {
                        syn::Pat::Type(p) => (self.pat(&p.pat), Some(self.ty(&p.ty))),
                        p => (self.pat(p), None),
                    };
                    let init = l.init.as_ref().map(|i| self.expr(&i.expr));
                    let otherwise = l.init.as_ref().and_then(|i| i.diverge.as_ref()).map(|(_, e)| {
                        let e = self.expr(e);
                        Block { sp: e.sp, stmts: Vec::new(), value: Some(Box::new(e)) }
                    });
                    Stmt::Let { pat, ty, init, otherwise }
                }
                syn::Stmt::Expr(e, None) if is_last => {
                    value = Some(Box::new(self.expr(e)));
                    continue;
                }
                syn::Stmt::Expr(e, _) => Stmt::Expr(self.expr(e)),
                syn::Stmt::Macro(m) => {
                    let e = self.mac(&m.mac);
                    if is_last && m.semi_token.is_none() {
                        value = Some(Box::new(e));
                        continue;
                    }
                    Stmt::Expr(e)
                }
                syn::Stmt::Item(_) => continue,
            };
            match self.jumps == before {
                true => stmts.push(converted),
                false => stmts.extend(lift::statement(converted)),
            }
        }
        if let Some(v) = value.take_if(|v| self.jumps > start && lift::jumps(v)) {
            let (before, v) = lift::value(*v);
            stmts.extend(before);
            value = Some(Box::new(v));
        }
        let sp = self.sp(b.brace_token.span.open(), b.brace_token.span.close());
        Block { stmts, value, sp }
    }

    /// An item in a body: a constant is a variable, a function a closure that captures nothing; what `use` imports was
    /// looked up by the front end.
    fn inner_item(&mut self, item: &syn::Item) -> Option<Stmt> {
        let bind = |name: Name| Pat::new(PatKind::Bind(name.clone(), None), name.sp);
        match item {
            syn::Item::Use(_) => return None,
            syn::Item::Const(k) => {
                let pat = bind(self.name(&k.ident));
                let (ty, init) = (Some(self.ty(&k.ty)), Some(self.expr(&k.expr)));
                return Some(Stmt::Let { pat, ty, init, otherwise: None });
            }
            syn::Item::Fn(f) if f.sig.generics.params.is_empty() => {
                let function = self.function(&f.sig, &f.block, &[], Vec::new(), None);
                let params = function.params.into_iter().map(|p| (p.pat, Some(p.ty))).collect();
                let sp = function.body.sp;
                let ret = Some(function.ret.unwrap_or(Type { kind: TypeKind::Tuple(Vec::new()), sp }));
                let body = Expr { sp, kind: ExprKind::Block(function.body) };
                let closure = ExprKind::Closure(Rc::new(Closure { moves: true, params, ret, body }));
                let init = Some(Expr { kind: closure, sp });
                return Some(Stmt::Let { pat: bind(function.name), ty: None, init, otherwise: None });
            }
            _ => {}
        }
        let sp = self.at(item.span());
        let kind = refused(
            "only constants and plain functions can be declared inside a `#[jit]` function",
            "move it out of the function and give it its own `#[jit]`, or `#[derive(Tree)]` if it is a struct",
        );
        Some(Stmt::Expr(Expr { kind, sp }))
    }

    pub(super) fn pat(&mut self, p: &syn::Pat) -> Pat {
        let first = p.span();
        let mut end = first;
        let kind = match p {
            syn::Pat::Ident(i) => {
                // As in Rust, a name in capitals is a constant.
                let plain = i.subpat.is_none() && i.mutability.is_none() && i.by_ref.is_none();
                let is_constant = plain && text(&i.ident).starts_with(char::is_uppercase);
                let name = self.name(&i.ident);
                end = i.ident.span();
                if is_constant {
                    PatKind::Path(Path { text: name.text, generics: Vec::new(), owner: Vec::new(), sp: name.sp })
                } else {
                    PatKind::Bind(name, i.subpat.as_ref().map(|(_, p)| Box::new(self.pat(p))))
                }
            }
            syn::Pat::Wild(_) => PatKind::Wild,
            syn::Pat::Rest(_) => PatKind::Rest,
            syn::Pat::Tuple(t) => PatKind::Tuple(t.elems.iter().map(|p| self.pat(p)).collect()),
            syn::Pat::Slice(t) => PatKind::Slice(t.elems.iter().map(|p| self.pat(p)).collect()),
            syn::Pat::Struct(s) => {
                let path = self.path(&s.path);
                let fields = s
                    .fields
                    .iter()
                    .map(|f| {
                        let name = match &f.member {
                            syn::Member::Named(n) => text(n),
                            syn::Member::Unnamed(n) => n.index.to_string().into(),
                        };
                        (name, self.pat(&f.pat))
                    })
                    .collect();
                PatKind::Struct(path, fields)
            }
            syn::Pat::TupleStruct(s) => {
                let path = self.path(&s.path);
                PatKind::TupleStruct(path, s.elems.iter().map(|p| self.pat(p)).collect())
            }
            syn::Pat::Path(p) => PatKind::Path(self.path(&p.path)),
            syn::Pat::Lit(syn::ExprLit { lit: syn::Lit::ByteStr(s), .. }) => {
                let sp = self.at(s.span());
                PatKind::Slice(bytes(s, sp).into_iter().map(|e| Pat::new(PatKind::Lit(e), sp)).collect())
            }
            syn::Pat::Lit(l) => PatKind::Lit(self.lit(&l.lit)),
            syn::Pat::Range(r) => {
                let (lo, hi) =
                    (r.start.as_ref().map(|e| Box::new(self.expr(e))), r.end.as_ref().map(|e| Box::new(self.expr(e))));
                PatKind::Range(lo, hi, matches!(r.limits, syn::RangeLimits::Closed(_)))
            }
            syn::Pat::Or(o) => PatKind::Or(o.cases.iter().map(|p| self.pat(p)).collect()),
            syn::Pat::Paren(p) => return self.pat(&p.pat),
            syn::Pat::Reference(r) => return self.pat(&r.pat),
            syn::Pat::Type(t) => return self.pat(&t.pat),
            _ => PatKind::Wild,
        };
        let fixed = matches!(p, syn::Pat::Ident(i) if i.mutability.is_none() && i.by_ref.is_none());
        Pat { kind, sp: self.sp(first, end), fixed }
    }

    fn lit(&mut self, l: &syn::Lit) -> Expr {
        let sp = self.at(l.span());
        let suffix = |s: &str| (!s.is_empty()).then(|| s.into());
        let kind = match l {
            syn::Lit::Int(i) => match i.base10_parse::<i128>() {
                // `1f32` is an integer token with a float suffix.
                Ok(v) if matches!(i.suffix(), "f32" | "f64") => ExprKind::Float(v as f64, suffix(i.suffix())),
                Ok(v) => ExprKind::Int(v, suffix(i.suffix())),
                Err(_) => refused("this integer does not fit", "use a literal below 2^127"),
            },
            syn::Lit::Float(f) => match f.base10_digits().parse::<f64>() {
                Ok(v) => ExprKind::Float(v, suffix(f.suffix())),
                Err(_) => refused("this number cannot be read", "write it like `1.5e-3`"),
            },
            syn::Lit::Bool(b) => ExprKind::Bool(b.value),
            syn::Lit::Str(s) => ExprKind::Str(s.value().into()),
            syn::Lit::Byte(b) => ExprKind::Int(b.value() as i128, Some("u8".into())),
            syn::Lit::ByteStr(s) => ExprKind::Array(bytes(s, sp)),
            _ => refused(
                "this literal has no meaning in a kernel",
                "use numbers, `true` and `false`; a character is a byte, `b'c'`",
            ),
        };
        Expr { kind, sp }
    }

    pub(super) fn arg(&mut self, e: &syn::Expr) -> Arg {
        if let syn::Expr::Assign(a) = e
            && let syn::Expr::Path(p) = &*a.left
            && let Some(ident) = p.path.get_ident()
        {
            return Arg { name: Some(self.name(ident)), value: self.expr(&a.right) };
        }
        Arg { name: None, value: self.expr(e) }
    }

    fn args<'e>(&mut self, args: impl Iterator<Item = &'e syn::Expr>) -> Vec<Arg> {
        args.map(|e| self.arg(e)).collect()
    }

    pub(super) fn boxed(&mut self, e: &syn::Expr) -> Box<Expr> {
        Box::new(self.expr(e))
    }

    // Unoptimised, a function has room on the stack for everything in it. What is nested most goes through small ones.
    pub(super) fn expr(&mut self, e: &syn::Expr) -> Expr {
        match e {
            syn::Expr::Lit(l) => self.lit(&l.lit),
            syn::Expr::Paren(p) => self.expr(&p.expr),
            syn::Expr::Group(p) => self.expr(&p.expr),
            syn::Expr::Unary(u) => self.unary(u),
            syn::Expr::Binary(b) => self.binary(b),
            syn::Expr::Call(c) => self.call(c),
            syn::Expr::MethodCall(m) => self.method(m),
            _ => self.other(e),
        }
    }

    fn unary(&mut self, u: &syn::ExprUnary) -> Expr {
        let first = u.op.span();
        let inner = self.boxed(&u.expr);
        let sp = self.sp(first, self.last(inner.sp));
        let kind = match u.op {
            syn::UnOp::Neg(_) => ExprKind::Neg(inner),
            syn::UnOp::Not(_) => ExprKind::Not(inner),
            _ => ExprKind::Deref(inner),
        };
        Expr { kind, sp }
    }

    /// A chain of operators leans to the left, as deep as it is long.
    fn binary(&mut self, b: &syn::ExprBinary) -> Expr {
        let mut chain = vec![b];
        while let Some(syn::Expr::Binary(inner)) = chain.last().map(|b| &*b.left) {
            chain.push(inner);
        }
        let mut left = self.expr(&chain[chain.len() - 1].left);
        for b in chain.into_iter().rev() {
            let right = self.boxed(&b.right);
            let sp = self.sp(self.first(left.sp), self.last(right.sp));
            let (op, assign) = bin_op(&b.op);
            let left_boxed = Box::new(left);
            let kind = match assign {
                true => ExprKind::Assign(Some(op), left_boxed, right),
                false => ExprKind::Binary(op, left_boxed, right),
            };
            left = Expr { kind, sp };
        }
        left
    }

    fn call(&mut self, c: &syn::ExprCall) -> Expr {
        let f = self.boxed(&c.func);
        let args = self.args(c.args.iter());
        let sp = self.sp(self.first(f.sp), c.paren_token.span.close());
        Expr { kind: ExprKind::Call(f, args), sp }
    }

    fn method(&mut self, m: &syn::ExprMethodCall) -> Expr {
        let recv = self.boxed(&m.receiver);
        let name = self.name(&m.method);
        let generics = m.turbofish.as_ref().map(|t| self.generic_args(t)).unwrap_or_default();
        let args = self.args(m.args.iter());
        let sp = self.sp(self.first(recv.sp), m.paren_token.span.close());
        Expr { kind: ExprKind::Method(recv, name, generics, args), sp }
    }

    fn other(&mut self, e: &syn::Expr) -> Expr {
        match e {
            syn::Expr::Path(p) => {
                let path = self.path(&p.path);
                Expr { sp: path.sp, kind: ExprKind::Path(path) }
            }
            syn::Expr::Reference(r) => {
                let inner = self.boxed(&r.expr);
                let sp = self.sp(r.and_token.span, self.last(inner.sp));
                Expr { kind: ExprKind::Ref(inner, r.mutability.is_some()), sp }
            }
            syn::Expr::Assign(a) => {
                let (left, right) = (self.boxed(&a.left), self.boxed(&a.right));
                let sp = self.sp(self.first(left.sp), self.last(right.sp));
                Expr { kind: ExprKind::Assign(None, left, right), sp }
            }
            syn::Expr::Field(f) => {
                let base = self.boxed(&f.base);
                let name = match &f.member {
                    syn::Member::Named(n) => self.name(n),
                    syn::Member::Unnamed(n) => Name { text: n.index.to_string().into(), sp: self.at(n.span) },
                };
                let sp = self.sp(self.first(base.sp), self.last(name.sp));
                Expr { kind: ExprKind::Field(base, name), sp }
            }
            syn::Expr::Index(i) => {
                let (base, index) = (self.boxed(&i.expr), self.boxed(&i.index));
                let sp = self.sp(self.first(base.sp), i.bracket_token.span.close());
                Expr { kind: ExprKind::Index(base, index), sp }
            }
            syn::Expr::Range(r) => {
                let (lo, hi) = (r.start.as_ref().map(|e| self.boxed(e)), r.end.as_ref().map(|e| self.boxed(e)));
                let first = lo.as_ref().map_or(r.limits.span(), |e| self.first(e.sp));
                let last = hi.as_ref().map_or(r.limits.span(), |e| self.last(e.sp));
                let sp = self.sp(first, last);
                Expr { kind: ExprKind::Range(lo, hi, matches!(r.limits, syn::RangeLimits::Closed(_))), sp }
            }
            syn::Expr::Tuple(t) => {
                let items = t.elems.iter().map(|e| self.expr(e)).collect();
                let sp = self.sp(t.paren_token.span.open(), t.paren_token.span.close());
                Expr { kind: ExprKind::Tuple(items), sp }
            }
            syn::Expr::Array(a) => {
                let items = a.elems.iter().map(|e| self.expr(e)).collect();
                let sp = self.sp(a.bracket_token.span.open(), a.bracket_token.span.close());
                Expr { kind: ExprKind::Array(items), sp }
            }
            syn::Expr::Repeat(r) => {
                let (x, n) = (self.boxed(&r.expr), self.boxed(&r.len));
                let sp = self.sp(r.bracket_token.span.open(), r.bracket_token.span.close());
                Expr { kind: ExprKind::Repeat(x, n), sp }
            }
            syn::Expr::Struct(s) => {
                let path = self.path(&s.path);
                let fields = s
                    .fields
                    .iter()
                    .map(|f| {
                        let name = match &f.member {
                            syn::Member::Named(n) => self.name(n),
                            syn::Member::Unnamed(n) => Name { text: n.index.to_string().into(), sp: self.at(n.span) },
                        };
                        (name, self.expr(&f.expr))
                    })
                    .collect();
                let rest = s.rest.as_ref().map(|e| self.boxed(e));
                let sp = self.sp(self.first(path.sp), s.brace_token.span.close());
                Expr { kind: ExprKind::Struct(path, fields, rest), sp }
            }
            syn::Expr::Block(syn::ExprBlock { block, label: Some(l), .. }) => {
                let name = l.name.to_string();
                let block = self.block(block);
                match labels::block(&name, block) {
                    Some(e) => e,
                    None => self.refuse(
                        l.name.span(),
                        &format!("a jump out of the block `{name}` to a loop around it has no label"),
                        "give the loop a label and name it: `continue 'outer;`",
                    ),
                }
            }
            syn::Expr::Block(b) => {
                let block = self.block(&b.block);
                Expr { sp: block.sp, kind: ExprKind::Block(block) }
            }
            syn::Expr::If(i) => {
                let cond = self.boxed(&i.cond);
                let then = self.block(&i.then_branch);
                let other = i.else_branch.as_ref().map(|(_, e)| self.boxed(e));
                let sp = self.sp(i.if_token.span, self.last(other.as_ref().map_or(then.sp, |e| e.sp)));
                Expr { kind: ExprKind::If(cond, then, other), sp }
            }
            syn::Expr::Let(l) => {
                let (pat, value) = (self.pat(&l.pat), self.boxed(&l.expr));
                let sp = self.sp(l.let_token.span, self.last(value.sp));
                Expr { kind: ExprKind::Let(Box::new(pat), value), sp }
            }
            syn::Expr::Match(m) => {
                let value = self.boxed(&m.expr);
                let arms = m
                    .arms
                    .iter()
                    .map(|a| Arm {
                        pat: self.pat(&a.pat),
                        guard: a.guard.as_ref().map(|(_, e)| self.expr(e)),
                        body: self.expr(&a.body),
                    })
                    .collect();
                let sp = self.sp(m.match_token.span, m.brace_token.span.close());
                Expr { kind: ExprKind::Match(value, arms), sp }
            }
            syn::Expr::ForLoop(f) => {
                let (pat, iter, body) = (self.pat(&f.pat), self.boxed(&f.expr), self.loop_body(&f.label, &f.body));
                let sp = self.sp(f.for_token.span, self.last(iter.sp));
                Expr { kind: ExprKind::For(Box::new(pat), iter, body, self.attrs(&f.attrs)), sp }
            }
            syn::Expr::While(w) => {
                let (cond, body) = (self.boxed(&w.cond), self.loop_body(&w.label, &w.body));
                let sp = self.sp(w.while_token.span, self.last(cond.sp));
                Expr { kind: ExprKind::While(cond, body, self.attrs(&w.attrs)), sp }
            }
            syn::Expr::Loop(l) => {
                let body = self.loop_body(&l.label, &l.body);
                let sp = self.at(l.loop_token.span);
                Expr { kind: ExprKind::Loop(body, self.attrs(&l.attrs)), sp }
            }
            syn::Expr::Break(syn::ExprBreak { label: Some(l), expr, .. }) => {
                self.jumps += 1;
                let value = expr.as_ref().map(|e| self.boxed(e));
                let label = Name { text: l.to_string().into(), sp: self.at(l.span()) };
                Expr { sp: label.sp, kind: ExprKind::Jump(label, true, value) }
            }
            syn::Expr::Continue(syn::ExprContinue { label: Some(l), .. }) => {
                self.jumps += 1;
                let label = Name { text: l.to_string().into(), sp: self.at(l.span()) };
                Expr { sp: label.sp, kind: ExprKind::Jump(label, false, None) }
            }
            syn::Expr::Break(b) => {
                self.jumps += 1;
                let value = b.expr.as_ref().map(|e| self.boxed(e));
                Expr { kind: ExprKind::Break(value), sp: self.at(b.break_token.span) }
            }
            syn::Expr::Continue(c) => {
                self.jumps += 1;
                Expr { kind: ExprKind::Continue, sp: self.at(c.continue_token.span) }
            }
            syn::Expr::Return(r) => {
                let value = r.expr.as_ref().map(|e| self.boxed(e));
                Expr { kind: ExprKind::Return(value), sp: self.at(r.return_token.span) }
            }
            syn::Expr::Closure(c) => {
                let params = c
                    .inputs
                    .iter()
                    .map(|p| match p {
                        syn::Pat::Type(t) => (self.pat(&t.pat), Some(self.ty(&t.ty))),
                        p => (self.pat(p), None),
                    })
                    .collect();
                let body = self.expr(&c.body);
                let sp = self.sp(c.or1_token.span, self.last(body.sp));
                let ret = match &c.output {
                    syn::ReturnType::Default => None,
                    syn::ReturnType::Type(_, t) => Some(self.ty(t)),
                };
                let closure = Closure { moves: c.capture.is_some(), params, ret, body };
                Expr { kind: ExprKind::Closure(Rc::new(closure)), sp }
            }
            syn::Expr::Cast(c) => {
                let (x, ty) = (self.boxed(&c.expr), self.ty(&c.ty));
                let sp = self.sp(self.first(x.sp), self.last(ty.sp));
                Expr { kind: ExprKind::Cast(x, ty), sp }
            }
            syn::Expr::Try(t) => {
                let x = self.boxed(&t.expr);
                let sp = self.sp(self.first(x.sp), t.question_token.span);
                Expr { kind: ExprKind::Try(x), sp }
            }
            syn::Expr::Macro(m) => self.mac(&m.mac),
            // What is static in it is computed while compiling, as everywhere.
            syn::Expr::Const(c) => {
                let block = self.block(&c.block);
                let sp = block.sp;
                Expr { kind: ExprKind::Block(block), sp }
            }
            syn::Expr::Unsafe(u) => self.refuse(
                u.unsafe_token.span,
                "`unsafe` has no place in a kernel",
                "do it outside and pass the result as an argument",
            ),
            syn::Expr::Await(a) => self.refuse(
                a.await_token.span,
                "a kernel cannot wait",
                "await outside and pass the result as an argument",
            ),
            other => {
                let span = other.span();
                self.refuse(
                    span,
                    "this expression is outside the language of `#[jit]`",
                    "see the book, chapter \"What can be written\"",
                )
            }
        }
    }

    fn loop_body(&mut self, label: &Option<syn::Label>, body: &syn::Block) -> Block {
        let body = self.block(body);
        match label {
            Some(l) => labels::resolve(&l.name.to_string(), body),
            None => body,
        }
    }

    fn refuse(&mut self, span: Span, why: &str, instead: &str) -> Expr {
        Expr { kind: refused(why, instead), sp: self.at(span) }
    }
}

/// The elements of `b"abc"`.
fn bytes(s: &syn::LitByteStr, sp: Sp) -> Vec<Expr> {
    s.value().into_iter().map(|b| Expr { kind: ExprKind::Int(b as i128, Some("u8".into())), sp }).collect()
}

fn refused(why: &str, instead: &str) -> ExprKind {
    ExprKind::Refused(why.into(), instead.into())
}

fn bin_op(op: &syn::BinOp) -> (BinOp, bool) {
    use syn::BinOp as S;
    match op {
        S::Add(_) => (BinOp::Add, false),
        S::Sub(_) => (BinOp::Sub, false),
        S::Mul(_) => (BinOp::Mul, false),
        S::Div(_) => (BinOp::Div, false),
        S::Rem(_) => (BinOp::Rem, false),
        S::And(_) => (BinOp::And, false),
        S::Or(_) => (BinOp::Or, false),
        S::BitXor(_) => (BinOp::BitXor, false),
        S::BitAnd(_) => (BinOp::BitAnd, false),
        S::BitOr(_) => (BinOp::BitOr, false),
        S::Shl(_) => (BinOp::Shl, false),
        S::Shr(_) => (BinOp::Shr, false),
        S::Eq(_) => (BinOp::Eq, false),
        S::Lt(_) => (BinOp::Lt, false),
        S::Le(_) => (BinOp::Le, false),
        S::Ne(_) => (BinOp::Ne, false),
        S::Ge(_) => (BinOp::Ge, false),
        S::Gt(_) => (BinOp::Gt, false),
        S::AddAssign(_) => (BinOp::Add, true),
        S::SubAssign(_) => (BinOp::Sub, true),
        S::MulAssign(_) => (BinOp::Mul, true),
        S::DivAssign(_) => (BinOp::Div, true),
        S::RemAssign(_) => (BinOp::Rem, true),
        S::BitXorAssign(_) => (BinOp::BitXor, true),
        S::BitAndAssign(_) => (BinOp::BitAnd, true),
        S::BitOrAssign(_) => (BinOp::BitOr, true),
        S::ShlAssign(_) => (BinOp::Shl, true),
        _ => (BinOp::Shr, true),
    }
}
