//! What an editor is told about the body of a kernel: every name where it is bound, with the type that tracing found, and
//! every name where it is used. Rust-analyzer has no other way to know, since a body is not Rust to it; the compiler never
//! sees any of this.
//!
//! The shadow of a body has its blocks, its `let`s without their values, and a mention of each variable, field, function and
//! struct in the order of the source, on the user's own tokens. It says nothing that rust-analyzer could find fault with:
//! what is not known to exist is left out.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::ops::elementwise::rust_type;
use crate::parse::ast::{Arm, Block, Expr, ExprKind, Function, Name, Pat, PatKind, Path, Stmt};
use crate::parse::spans::{Sp, Spans};
use crate::trace::Items;
use crate::trace::types::Ty;
use crate::trace::value::{FnItem, Generic, Num, Scope, StructTy, Value};
use crate::unit::{Item, ItemId, Unit};

/// The first value that each name was bound to, by where the name stands.
pub type Bound = BTreeMap<Sp, Value>;

/// Items for rust-analyzer alone.
pub fn shadow(unit: &Unit, items: &Items, spans: &Spans, bound: &Bound) -> TokenStream {
    let f = &items.fns[&unit.entry];
    let mut writer = Writer { f, items, spans, bound, locals: Scope::default(), out: TokenStream::new() };
    writer.params(&f.function);
    writer.block(&f.function.body);
    let body = writer.out;
    let (mut sig, self_ty) = match &unit.items[&unit.entry].item {
        Item::Fn(f) => (f.sig.clone(), None),
        Item::Method { self_ty, method, .. } => (method.sig.clone(), Some(self_ty)),
        _ => return TokenStream::new(),
    };
    sig.ident = Ident::new("shadow", Span::mixed_site());
    // `Self::N` in it means nothing in a trait.
    sig.output = syn::ReturnType::Default;
    // A method of a trait that nobody can name, so that no list of methods shows it.
    let item = match self_ty {
        None => quote!(#sig { #body }),
        Some(ty) => quote!(
            trait Shadow { #sig; }
            impl Shadow for #ty { #sig { #body } }
        ),
    };
    quote! {
        #[allow(unexpected_cfgs)]
        const _: () = {
            #[cfg(rust_analyzer)]
            #[allow(warnings)]
            const _: () = {
                fn any<T>() -> T { loop {} }
                fn like<T>(_: &T) -> T { loop {} }
                #item
            };
        };
    }
}

/// A place: how it is written, and what is there.
type Place = (TokenStream, Value);

struct Writer<'a> {
    f: &'a FnItem,
    items: &'a Items,
    spans: &'a Spans,
    bound: &'a Bound,
    /// Variables in scope; what is not known of one is [`Value::Poison`].
    locals: Scope,
    out: TokenStream,
}

impl Writer<'_> {
    fn ident(&self, text: &str, span: Span) -> Option<Ident> {
        if matches!(text, "self" | "Self" | "super" | "crate") {
            return Some(Ident::new(text, span));
        }
        match syn::parse_str::<Ident>(text) {
            Ok(_) => Some(Ident::new(text, span)),
            Err(_) => syn::parse_str::<Ident>(&format!("r#{text}")).ok().map(|_| Ident::new_raw(text, span)),
        }
    }

    fn name(&self, name: &Name) -> Option<Ident> {
        self.ident(&name.text, self.spans.tokens(name.sp).0)
    }

    /// A path on its tokens: those of the first and the last segment are known.
    fn path(&self, path: &Path) -> Option<TokenStream> {
        let (first, last) = self.spans.tokens(path.sp);
        let segments: Vec<&str> = path.text.split("::").collect();
        let mut out = TokenStream::new();
        for (k, segment) in segments.iter().enumerate() {
            let span = match k {
                0 => first,
                // Generic arguments end the path otherwise.
                _ if k + 1 == segments.len() && path.generics.is_empty() => last,
                _ => Span::call_site(),
            };
            if k > 0 {
                out.extend(quote!(::));
            }
            if !(k == 0 && segment.is_empty()) {
                let segment = self.ident(segment, span)?;
                out.extend(quote!(#segment));
            }
        }
        Some(out)
    }

    fn mention(&mut self, place: &TokenStream) {
        self.out.extend(quote!(let _ = &#place;));
    }

    fn params(&mut self, f: &Function) {
        for p in &f.params {
            // A number of the compiler's own would hide the type that is written.
            for name in names(&p.pat) {
                self.declare(name, self.bound.get(&p.pat.sp).cloned());
            }
        }
    }

    fn declare(&mut self, name: &Name, value: Option<Value>) {
        self.locals.push(name.text.clone(), value.unwrap_or(Value::Poison));
    }

    /// Declares the names of a pattern.
    fn bind(&mut self, pat: &Pat) {
        if let PatKind::Struct(path, _) | PatKind::TupleStruct(path, _) = &pat.kind {
            self.struct_path(path);
        }
        for name in names(pat) {
            let value = self.bound.get(&name.sp).cloned();
            if let Some(ident) = self.name(name) {
                let same = match &value {
                    Some(Value::Struct(s)) if self.spelled(&s.ty.id).is_none() => self.elsewhere(&s.ty),
                    _ => None,
                };
                let ty = value.as_ref().map_or(quote!(_), |v| self.type_of(v));
                self.out.extend(match same {
                    Some(place) => quote!(let #ident = like(&#place);),
                    None => quote!(let #ident: #ty = any();),
                });
            }
            self.declare(name, value);
        }
    }

    fn struct_path(&mut self, path: &Path) {
        let known = self.f.paths.get(&*path.text).is_some_and(|id| self.items.structs.contains_key(id));
        if let Some(path) = self.path(path).filter(|_| known) {
            self.out.extend(quote!(let #path { .. } = any();));
        }
    }

    fn scoped(&mut self, write: impl FnOnce(&mut Self)) {
        let depth = self.locals.vars.len();
        let outer = std::mem::take(&mut self.out);
        write(self);
        let inner = std::mem::replace(&mut self.out, outer);
        self.out.extend(quote!({ #inner }));
        self.locals.vars.truncate(depth);
    }

    fn block(&mut self, block: &Block) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::Let { pat, init, otherwise, .. } => {
                    if let Some(init) = init {
                        self.expr(init);
                    }
                    if let Some(otherwise) = otherwise {
                        self.scoped(|w| w.block(otherwise));
                    }
                    self.bind(pat);
                }
                Stmt::Expr(e) => self.expr(e),
            }
        }
        if let Some(value) = &block.value {
            self.expr(value);
        }
    }

    fn arm(&mut self, arm: &Arm) {
        self.scoped(|w| {
            w.bind(&arm.pat);
            if let Some(guard) = &arm.guard {
                w.expr(guard);
            }
            w.expr(&arm.body);
        });
    }

    /// Mentions what an expression names.
    fn expr(&mut self, e: &Expr) {
        if let Some((place, _)) = self.place(e) {
            self.mention(&place);
            return self.indices(e);
        }
        match &e.kind {
            ExprKind::Path(path) => self.item(path),
            ExprKind::Call(f, args) => {
                self.expr(f);
                args.iter().for_each(|a| self.expr(&a.value));
            }
            ExprKind::Method(receiver, name, _, args) => {
                self.expr(receiver);
                self.method(receiver, name);
                args.iter().for_each(|a| self.expr(&a.value));
            }
            ExprKind::Macro(_, args) => args.iter().for_each(|a| self.expr(&a.value)),
            ExprKind::Neg(x)
            | ExprKind::Not(x)
            | ExprKind::Try(x)
            | ExprKind::Cast(x, _)
            | ExprKind::Field(x, _)
            | ExprKind::Deref(x)
            | ExprKind::Ref(x, _) => self.expr(x),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) | ExprKind::Assign(_, a, b) | ExprKind::Repeat(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Range(a, b, _) => a.iter().chain(b).for_each(|x| self.expr(x)),
            ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter().for_each(|x| self.expr(x)),
            ExprKind::Struct(path, fields, rest) => {
                self.struct_path(path);
                fields.iter().for_each(|(_, x)| self.expr(x));
                rest.iter().for_each(|x| self.expr(x));
            }
            ExprKind::Block(block) => self.scoped(|w| w.block(block)),
            ExprKind::If(condition, then, otherwise) => {
                // What `if let` binds is there in its block.
                self.scoped(|w| {
                    w.expr(condition);
                    w.scoped(|w| w.block(then));
                });
                otherwise.iter().for_each(|x| self.expr(x));
            }
            ExprKind::Let(pat, x) => {
                self.expr(x);
                self.bind(pat);
            }
            ExprKind::Match(x, arms) => {
                self.expr(x);
                arms.iter().for_each(|arm| self.arm(arm));
            }
            ExprKind::Matches(x, arm) => {
                self.expr(x);
                self.arm(arm);
            }
            ExprKind::For(pat, iterated, body, _) => {
                self.expr(iterated);
                self.scoped(|w| {
                    w.bind(pat);
                    w.block(body);
                });
            }
            ExprKind::While(condition, body, _) => self.scoped(|w| {
                w.expr(condition);
                w.block(body);
            }),
            ExprKind::Loop(body, _) => self.scoped(|w| w.block(body)),
            ExprKind::Break(x) | ExprKind::Return(x) | ExprKind::Jump(_, _, x) => x.iter().for_each(|x| self.expr(x)),
            ExprKind::Closure(closure) => self.scoped(|w| {
                closure.params.iter().for_each(|(pat, _)| w.bind(pat));
                w.expr(&closure.body);
            }),
            ExprKind::Int(..)
            | ExprKind::Float(..)
            | ExprKind::Bool(_)
            | ExprKind::Str(_)
            | ExprKind::Continue
            | ExprKind::Refused(..) => {}
        }
    }

    /// What the indices of a place name.
    fn indices(&mut self, place: &Expr) {
        match &place.kind {
            ExprKind::Field(x, _) | ExprKind::Deref(x) | ExprKind::Ref(x, _) => self.indices(x),
            ExprKind::Index(x, i) => {
                self.indices(x);
                self.expr(i);
            }
            _ => {}
        }
    }

    /// A variable, or a part of one.
    fn place(&self, e: &Expr) -> Option<Place> {
        match &e.kind {
            ExprKind::Path(path) => {
                let value = self.locals.get(path.ident()?)?;
                Some((self.path(path)?, value.clone()))
            }
            ExprKind::Deref(x) | ExprKind::Ref(x, _) => self.place(x),
            ExprKind::Field(x, name) => {
                let (of, value) = self.place(x)?;
                let part = match value {
                    Value::Struct(s) => {
                        s.fields.get(s.ty.fields.iter().position(|(field, _)| *field == name.text)?)?.clone()
                    }
                    Value::Tuple(items) => items.get(name.text.parse::<usize>().ok()?)?.clone(),
                    _ => return None,
                };
                let member = match name.text.parse::<u32>() {
                    Ok(index) => syn::Member::Unnamed(syn::Index { index, span: self.spans.tokens(name.sp).0 }),
                    Err(_) => syn::Member::Named(self.name(name)?),
                };
                Some((quote!(#of.#member), part))
            }
            ExprKind::Index(x, _) => match self.place(x)? {
                (of, Value::List(items)) => Some((quote!(#of[0]), items.first()?.clone())),
                _ => None,
            },
            _ => None,
        }
    }

    /// A function or constant that is published, by itself or in a struct.
    fn item(&mut self, path: &Path) {
        let owner = path.text.rsplit_once("::").map(|(owner, _)| owner);
        let of = owner.and_then(|owner| self.f.paths.get(owner));
        let known = match (self.f.paths.get(&*path.text), of) {
            (Some(id), _) => self.items.fns.contains_key(id) || self.items.consts.contains_key(id),
            (None, Some(of)) => self.items.methods.contains_key(&(of.clone(), path.last().to_owned())),
            (None, None) => false,
        };
        if let Some(path) = self.path(path).filter(|_| known) {
            self.mention(&path);
        }
    }

    /// The method of what is at a place.
    fn method(&mut self, receiver: &Expr, name: &Name) {
        let Some((_, Value::Struct(s))) = self.place(receiver) else { return };
        if !self.items.methods.contains_key(&(s.ty.id.clone(), name.text.to_string())) {
            return;
        }
        if let (Some(owner), Some(name)) = (self.spelled(&s.ty.id), self.name(name)) {
            self.mention(&quote!(#owner::#name));
        }
    }

    /// How this body spells a struct: it may have no name for it.
    fn spelled(&self, id: &ItemId) -> Option<TokenStream> {
        let known = self.f.paths.iter().filter(|(_, known)| *known == id).map(|(path, _)| path);
        let path = known.max_by_key(|path| *path == "Self")?;
        let segments: Vec<Ident> =
            path.split("::").map(|segment| self.ident(segment, Span::call_site())).collect::<Option<_>>()?;
        Some(quote!(#(#segments)::*))
    }

    /// A place with a value of this type.
    fn elsewhere(&self, ty: &StructTy) -> Option<TokenStream> {
        fn within(place: TokenStream, value: &Value, ty: &StructTy) -> Option<TokenStream> {
            match value {
                Value::Struct(s) if *s.ty == *ty => Some(place),
                Value::Struct(s) if !s.ty.is_tuple => {
                    s.ty.fields.iter().zip(&s.fields).find_map(|((field, _), value)| {
                        let field = syn::parse_str::<Ident>(field).ok()?;
                        within(quote!(#place.#field), value, ty)
                    })
                }
                Value::List(items) => within(quote!(#place[0]), items.first()?, ty),
                _ => None,
            }
        }
        self.locals.vars.iter().find_map(|(name, value)| {
            let name = self.ident(name, Span::call_site())?;
            within(quote!(#name), value, ty)
        })
    }

    /// The type of a value as far as it has one in Rust.
    fn type_of(&self, value: &Value) -> TokenStream {
        match value {
            Value::Unit => quote!(()),
            Value::Bool(_) => quote!(bool),
            Value::Num(Num { dtype: Some(dtype), .. }) => rust_type(*dtype),
            Value::Array(t) => self.written(&Ty::Array((*t.aval).clone())),
            Value::Tuple(items) => {
                let items = items.iter().map(|item| self.type_of(item));
                quote!((#(#items,)*))
            }
            Value::List(items) => {
                let (item, n) = (items.first().map_or(quote!(_), |item| self.type_of(item)), number(items.len()));
                quote!([#item; #n])
            }
            Value::Struct(s) => self.struct_type(&s.ty),
            Value::Option(Some(value)) => {
                let inner = self.type_of(value);
                quote!(::core::option::Option<#inner>)
            }
            _ => quote!(_),
        }
    }

    fn written(&self, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Array(a) => a.shape.iter().rev().fold(rust_type(a.dtype), |ty, n| {
                let n = number(*n);
                quote!([#ty; #n])
            }),
            Ty::Usize => quote!(usize),
            Ty::Struct(s) => self.struct_type(s),
            Ty::List(item, n) => {
                let (item, n) = (self.written(item), number(*n));
                quote!([#item; #n])
            }
            Ty::Tuple(items) => {
                let items = items.iter().map(|item| self.written(item));
                quote!((#(#items,)*))
            }
            Ty::Unit => quote!(()),
            Ty::Option(inner) => {
                let inner = self.written(inner);
                quote!(::core::option::Option<#inner>)
            }
            Ty::Checked(_) | Ty::Any => quote!(_),
        }
    }

    fn struct_type(&self, ty: &StructTy) -> TokenStream {
        let Some(path) = self.spelled(&ty.id) else { return quote!(_) };
        // `Self` has its arguments already.
        if ty.generics.is_empty() || path.to_string() == "Self" {
            return path;
        }
        let args = ty.generics.iter().map(|(_, generic)| match generic {
            Generic::Const(n) => {
                let n = number(usize::try_from(*n).unwrap_or_default());
                quote!(#n)
            }
            Generic::Type(ty) => self.written(ty),
        });
        quote!(#path<#(#args),*>)
    }
}

fn number(n: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::usize_unsuffixed(n)
}

/// The names that a pattern binds, in order.
fn names(pat: &Pat) -> Vec<&Name> {
    match &pat.kind {
        PatKind::Bind(name, sub) => std::iter::once(name).chain(sub.iter().flat_map(|sub| names(sub))).collect(),
        PatKind::Tuple(items) | PatKind::Slice(items) | PatKind::TupleStruct(_, items) => {
            items.iter().flat_map(names).collect()
        }
        // Every alternative binds the same names.
        PatKind::Or(items) => items.first().map(names).unwrap_or_default(),
        PatKind::Struct(_, fields) => fields.iter().flat_map(|(_, pat)| names(pat)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::unit::{Outcome, of_source};

    /// The shadow of the last function of `source`.
    fn shadow(source: &str) -> String {
        let Outcome::Done(kernel) = crate::compile::compile(&of_source(source).expect("it parses")) else {
            panic!("all methods are there");
        };
        let shadow = kernel.shadow.to_string();
        let (_, shadow) = shadow.split_once("fn like < T > (_ : & T) -> T { loop { } }").expect("kernels have one");
        shadow.trim().to_owned()
    }

    const NET: &str = "
        struct Dense { w: [[f32; 4]; 2], b: [f32; 2] }
        impl Dense {
            fn forward(&self, x: &[f32; 4]) -> [f32; 2] { self.w.dot(x) + self.b }
        }
    ";

    #[test]
    fn names_have_the_types_that_tracing_found() {
        let source = format!(
            "{NET}
            fn f(d: &Dense, x: &[f32; 4]) -> f32 {{
                let y = d.forward(x);
                let (a, n) = (y + d.b, 3);
                for k in 0..n {{ let t = a[k]; }}
                let g = |z: f32| z * x;
                sum(a)
            }}"
        );
        let expected = "fn shadow (d : & Dense , x : & [f32 ; 4]) { let _ = & d ; let _ = & Dense :: forward ; let _ = & x ; \
            let y : [f32 ; 2] = any () ; let _ = & y ; let _ = & d . b ; let a : [f32 ; 2] = any () ; let n : _ = any () ; \
            let _ = & n ; { let k : i32 = any () ; let _ = & a ; let _ = & k ; let t : f32 = any () ; } \
            { let z : _ = any () ; let _ = & z ; let _ = & x ; } let g : _ = any () ; let _ = & a ; }";
        let shadow = shadow(&source);
        assert!(shadow.starts_with(expected), "{shadow}\n{expected}");
    }

    #[test]
    fn a_mistake_leaves_the_names_before_it() {
        let shadow = shadow("fn f(x: &[f32; 4]) -> f32 { let y = x * 2.0; let z = y.w; sum(y + [1.0, 2.0]) }");
        let expected = "fn shadow (x : & [f32 ; 4]) { let _ = & x ; let y : [f32 ; 4] = any () ; let _ = & y ; \
            let z : _ = any () ; let _ = & y ; }";
        assert!(shadow.starts_with(expected), "{shadow}");
    }
}
