//! The free paths of an item: what it mentions that is defined elsewhere, spelled as its author spelled it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat, Path, PathSegment, Stmt, Token, UseTree};

use super::builtins;
use super::options::Errors;
use crate::parse::macros::ASSERTIONS;

/// What the surroundings of an item say about names.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// First segments of paths that look built in but are the user's own.
    pub own: BTreeSet<String>,
    /// Names imported from `core` or `std`, with the path they stand for.
    pub std: BTreeMap<String, Vec<String>>,
    /// First segment of the facade's path.
    pub facade: Option<String>,
}

/// A path to be resolved.
#[derive(Clone, Debug)]
pub struct FreePath {
    /// As spelled, without spaces and generic arguments.
    pub key: String,
    /// What to resolve: the same, or what a `use` inside the body makes of it.
    pub path: TokenStream,
    /// Whether it is called or mentioned as a value by a bare name, so that it may be a misspelt built-in.
    pub bare_value: bool,
    /// How often it stands there.
    pub times: usize,
    /// Whether it is a function that is called, where the item itself is at work, and nothing else.
    pub only_called: bool,
}

/// What a walk over an item found.
#[derive(Debug, Default)]
pub struct Found {
    /// Each free path once, in order of appearance.
    pub paths: Vec<FreePath>,
    /// Paths that are built in, unless the surroundings say otherwise: their first segments.
    pub builtins: BTreeSet<String>,
    /// Names that cannot be used.
    pub errors: Errors,
}

/// A walk over one item, or over several that share their surroundings.
#[derive(Debug)]
pub struct Walk<'a> {
    surroundings: &'a Surroundings,
    scopes: Vec<Scope>,
    found: Found,
    keys: BTreeMap<String, usize>,
    /// Whether what is walked over next is called.
    called: bool,
    /// Closures and items around what is walked over.
    inside: usize,
}

#[derive(Debug, Default)]
struct Scope {
    locals: BTreeSet<String>,
    imports: BTreeMap<String, Vec<Ident>>,
    /// An item: what is outside is visible only if it is an item or an import itself.
    barrier: bool,
    items: BTreeSet<String>,
}

enum Known {
    Local,
    Import(Vec<Ident>),
}

impl<'a> Walk<'a> {
    /// Starts a walk.
    pub fn new(surroundings: &'a Surroundings) -> Walk<'a> {
        let (found, keys) = Default::default();
        Walk { surroundings, scopes: vec![Scope::default()], found, keys, called: false, inside: 0 }
    }

    /// What was found.
    pub fn finish(self) -> Found {
        self.found
    }

    /// Names that are bound in everything that follows.
    pub fn bind_generics(&mut self, generics: &syn::Generics) {
        for param in &generics.params {
            match param {
                syn::GenericParam::Type(t) => self.bind(&t.ident),
                syn::GenericParam::Const(c) => self.bind(&c.ident),
                syn::GenericParam::Lifetime(_) => {}
            }
        }
    }

    /// A function with its attributes, signature and body.
    pub fn function(&mut self, attrs: &[syn::Attribute], sig: &syn::Signature, block: &syn::Block) {
        self.scoped(|w| {
            w.bind_generics(&sig.generics);
            attrs.iter().for_each(|a| w.visit_attribute(a));
            w.visit_generics(&sig.generics);
            sig.inputs.iter().for_each(|input| w.visit_fn_arg(input));
            w.visit_return_type(&sig.output);
            w.visit_block(block);
        });
    }

    /// The types of a struct's fields.
    pub fn structure(&mut self, s: &syn::ItemStruct) {
        self.scoped(|w| {
            w.bind_generics(&s.generics);
            w.visit_generics(&s.generics);
            w.visit_fields(&s.fields);
        });
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::default());
        inside(self);
        self.scopes.pop();
    }

    /// What may run more than once, or elsewhere.
    fn inside(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inside += 1;
        self.scoped(walk);
        self.inside -= 1;
    }

    fn bind(&mut self, name: &Ident) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.locals.insert(name.to_string());
        }
    }

    fn known(&self, name: &str) -> Option<Known> {
        let mut items_only = false;
        for scope in self.scopes.iter().rev() {
            if scope.items.contains(name) || (!items_only && scope.locals.contains(name)) {
                return Some(Known::Local);
            }
            if let Some(path) = scope.imports.get(name) {
                return Some(Known::Import(path.clone()));
            }
            items_only |= scope.barrier;
        }
        None
    }

    /// Decides what to do about one path.
    fn path(&mut self, path: &Path, value: bool) {
        let called = std::mem::take(&mut self.called) && self.inside == 0;
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
        let names: Vec<&Ident> = path.segments.iter().map(|s: &PathSegment| &s.ident).collect();
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
        if path.is_ident("self") {
            return;
        }
        let first_name = first.to_string();
        let mut spelled: Vec<Ident> = names.iter().map(|n| (*n).clone()).collect();
        let mut resolve = spelled.clone();
        if path.leading_colon.is_none() {
            match self.known(&first_name) {
                Some(Known::Local) => return,
                Some(Known::Import(import)) => {
                    resolve.splice(0..1, import);
                }
                None => {}
            }
            let head = resolve[0].to_string();
            if builtins::is_language(&head) && !self.surroundings.own.contains(&head)
                || self.surroundings.std.contains_key(&head)
            {
                return;
            }
        }
        if Some(resolve[0].to_string()) == self.surroundings.facade || resolve[0] == "kiln" {
            return;
        }
        // `layers::Dense::new` hangs on its type; the tracer asks for `new` when it gets there.
        if let Some(kind) = resolve.iter().position(starts_upper).filter(|i| i + 1 < resolve.len()) {
            let cut = resolve.len() - (kind + 1);
            resolve.truncate(kind + 1);
            spelled.truncate(spelled.len().saturating_sub(cut).max(1));
        }
        let text = join(&resolve);
        if path.leading_colon.is_none() && builtins::is_builtin(&text) {
            let head = resolve[0].to_string();
            let own = self.surroundings.own.contains(&head);
            self.found.builtins.insert(head);
            if !own {
                return;
            }
        }
        if path.leading_colon.is_none() && resolve.len() == 1 && builtins::is_heap(&text) {
            self.found.builtins.insert(text.clone());
            if !self.surroundings.own.contains(&text) {
                let message = format!("`{text}` needs a heap, and a kernel has none: use an array, `[f32; N]`");
                self.found.errors.push(syn::Error::new(last.span(), message));
                return;
            }
        }
        if builtins::is_std_macro(&resolve[resolve.len() - 1].to_string()) {
            let message = format!(
                "`{last}` is also a macro of the standard library, and `#[jit]` cannot tell the two apart: give the function another name"
            );
            self.found.errors.push(syn::Error::new(last.span(), message));
            return;
        }
        let key = join(&spelled);
        if let Some(n) = self.keys.get(&key) {
            let known = &mut self.found.paths[*n];
            known.times += 1;
            known.only_called &= called;
            return;
        }
        self.keys.insert(key.clone(), self.found.paths.len());
        let colon = path.leading_colon;
        let mut tokens = colon.to_token_stream();
        for (i, name) in resolve.iter().enumerate() {
            if i > 0 {
                <Token![::]>::default().to_tokens(&mut tokens);
            }
            name.to_tokens(&mut tokens);
        }
        let bare_value = value && resolve.len() == 1 && !starts_upper(&resolve[0]);
        self.found.paths.push(FreePath { key, path: tokens, bare_value, times: 1, only_called: called });
    }

    fn argument(&mut self, arg: &Expr) {
        match arg {
            // A keyword argument: its name is not a variable.
            Expr::Assign(assign) if matches!(&*assign.left, Expr::Path(p) if p.path.get_ident().is_some()) => {
                self.visit_expr(&assign.right)
            }
            _ => self.visit_expr(arg),
        }
    }

    fn imports(&mut self, tree: &UseTree, prefix: &mut Vec<Ident>) {
        let so_far = prefix.clone();
        let path = |name: &Ident| so_far.iter().chain([name]).cloned().collect();
        let (name, path): (_, Vec<Ident>) = match tree {
            UseTree::Path(p) => {
                prefix.push(p.ident.clone());
                self.imports(&p.tree, prefix);
                prefix.pop();
                return;
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.imports(tree, prefix));
                return;
            }
            UseTree::Glob(star) => {
                if prefix.last().is_none_or(|p| p != "prelude") {
                    let message = "`#[jit]` cannot see through a glob inside a body: name what is imported, or import it outside of the function";
                    self.found.errors.push(syn::Error::new_spanned(star, message));
                }
                return;
            }
            UseTree::Name(n) if n.ident == "self" => (prefix.last().cloned(), prefix.clone()),
            UseTree::Name(n) => (Some(n.ident.clone()), path(&n.ident)),
            UseTree::Rename(r) => (Some(r.rename.clone()), path(&r.ident)),
        };
        if let (Some(name), Some(scope)) = (name, self.scopes.last_mut()) {
            scope.imports.insert(name.to_string(), path);
        }
    }

    fn declare(&mut self, item: &Item) {
        let name = match item {
            Item::Fn(f) => &f.sig.ident,
            Item::Const(c) => &c.ident,
            Item::Struct(s) => &s.ident,
            Item::Type(t) => &t.ident,
            Item::Use(u) => return self.imports(&u.tree, &mut Vec::new()),
            _ => return,
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.insert(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_expr_path(&mut self, e: &'ast syn::ExprPath) {
        match &e.qself {
            Some(qself) => {
                self.visit_type(&qself.ty);
                e.path.segments.iter().for_each(|s| self.visit_path_arguments(&s.arguments));
            }
            None => self.path(&e.path, true),
        }
    }

    fn visit_type_path(&mut self, t: &'ast syn::TypePath) {
        match &t.qself {
            Some(qself) => {
                self.visit_type(&qself.ty);
                t.path.segments.iter().for_each(|s| self.visit_path_arguments(&s.arguments));
            }
            None => self.path(&t.path, false),
        }
    }

    fn visit_expr_struct(&mut self, e: &'ast syn::ExprStruct) {
        self.path(&e.path, false);
        e.fields.iter().for_each(|f| self.visit_expr(&f.expr));
        e.rest.iter().for_each(|rest| self.visit_expr(rest));
    }

    fn visit_pat_struct(&mut self, p: &'ast syn::PatStruct) {
        self.path(&p.path, false);
        p.fields.iter().for_each(|f| self.visit_pat(&f.pat));
    }

    fn visit_pat_tuple_struct(&mut self, p: &'ast syn::PatTupleStruct) {
        self.path(&p.path, false);
        p.elems.iter().for_each(|e| self.visit_pat(e));
    }

    fn visit_pat_ident(&mut self, p: &'ast syn::PatIdent) {
        let plain = p.by_ref.is_none() && p.mutability.is_none() && p.subpat.is_none();
        if plain && starts_upper(&p.ident) {
            return self.path(&p.ident.clone().into(), false); // A constant, as in `match n { WIDTH => .. }`.
        }
        self.bind(&p.ident);
        p.subpat.iter().for_each(|(_, sub)| self.visit_pat(sub));
    }

    fn visit_trait_bound(&mut self, bound: &'ast syn::TraitBound) {
        // Traits are not published; what they are applied to may be.
        bound.path.segments.iter().for_each(|s| self.visit_path_arguments(&s.arguments));
    }

    fn visit_expr_call(&mut self, e: &'ast syn::ExprCall) {
        self.called = matches!(&*e.func, Expr::Path(p) if p.qself.is_none());
        self.visit_expr(&e.func);
        self.called = false;
        e.args.iter().for_each(|arg| self.argument(arg));
    }

    fn visit_expr_method_call(&mut self, e: &'ast syn::ExprMethodCall) {
        self.visit_expr(&e.receiver);
        e.turbofish.iter().for_each(|t| self.visit_angle_bracketed_generic_arguments(t));
        e.args.iter().for_each(|arg| self.argument(arg));
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.scoped(|w| {
            for stmt in &block.stmts {
                if let Stmt::Item(item) = stmt {
                    w.declare(item);
                }
            }
            block.stmts.iter().for_each(|stmt| w.visit_stmt(stmt));
        });
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            init.diverge.iter().for_each(|(_, e)| self.visit_expr(e));
        }
        self.visit_pat(&local.pat);
    }

    fn visit_expr_let(&mut self, e: &'ast syn::ExprLet) {
        self.visit_expr(&e.expr);
        self.visit_pat(&e.pat);
    }

    fn visit_expr_closure(&mut self, e: &'ast syn::ExprClosure) {
        self.inside(|w| {
            e.inputs.iter().for_each(|p| w.visit_pat(p));
            w.visit_return_type(&e.output);
            w.visit_expr(&e.body);
        });
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scoped(|w| {
            w.visit_pat(&arm.pat);
            arm.guard.iter().for_each(|(_, guard)| w.visit_expr(guard));
            w.visit_expr(&arm.body);
        });
    }

    fn visit_expr_if(&mut self, e: &'ast syn::ExprIf) {
        self.scoped(|w| {
            w.visit_expr(&e.cond);
            w.visit_block(&e.then_branch);
        });
        e.else_branch.iter().for_each(|(_, otherwise)| self.visit_expr(otherwise));
    }

    fn visit_expr_loop(&mut self, e: &'ast syn::ExprLoop) {
        e.attrs.iter().for_each(|a| self.visit_attribute(a));
        self.visit_block(&e.body);
    }

    fn visit_expr_while(&mut self, e: &'ast syn::ExprWhile) {
        e.attrs.iter().for_each(|a| self.visit_attribute(a));
        self.scoped(|w| {
            w.visit_expr(&e.cond);
            w.visit_block(&e.body);
        });
    }

    fn visit_expr_for_loop(&mut self, e: &'ast syn::ExprForLoop) {
        e.attrs.iter().for_each(|a| self.visit_attribute(a));
        self.visit_expr(&e.expr);
        self.scoped(|w| {
            w.visit_pat(&e.pat);
            w.visit_block(&e.body);
        });
    }

    fn visit_item(&mut self, item: &'ast Item) {
        self.scopes.push(Scope { barrier: true, ..Scope::default() });
        self.inside += 1;
        match item {
            Item::Fn(f) => self.function(&f.attrs, &f.sig, &f.block),
            Item::Struct(s) => self.structure(s),
            Item::Const(c) => {
                self.visit_type(&c.ty);
                self.visit_expr(&c.expr);
            }
            Item::Type(t) => self.visit_type(&t.ty),
            _ => {}
        }
        self.inside -= 1;
        self.scopes.pop();
    }

    fn visit_attribute(&mut self, attr: &'ast syn::Attribute) {
        let with_paths =
            ["custom_jvp", "custom_vjp", "custom_vmap", "bound"].iter().any(|name| attr.path().is_ident(name));
        if let (true, Ok(args)) = (with_paths, attr.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated)) {
            args.iter().for_each(|arg| self.argument(arg));
        }
    }

    fn visit_macro(&mut self, m: &'ast syn::Macro) {
        // `check!(cond, "..", v)`, `debug_print!("..", v)` and assertions hold expressions; other macros are refused while tracing.
        if m.path.is_ident("matches") {
            if let Ok(input) = m.parse_body::<crate::parse::macros::MatchesInput>() {
                self.visit_expr(&input.value);
                self.scoped(|w| {
                    w.visit_pat(&input.pat);
                    input.guard.iter().for_each(|guard| w.visit_expr(guard));
                });
            }
            return;
        }
        let known = |name: &Ident| name == "check" || name == "debug_print" || ASSERTIONS.iter().any(|a| name == a);
        let known = m.path.segments.last().is_some_and(|s| known(&s.ident));
        if let (true, Ok(args)) = (known, m.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)) {
            args.iter().for_each(|arg| self.argument(arg));
            let given = |name: &Ident| {
                args.iter()
                    .any(|a| matches!(a, Expr::Assign(a) if matches!(&*a.left, Expr::Path(p) if p.path.is_ident(name))))
            };
            for arg in &args {
                let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = arg else { continue };
                for name in shown(text).into_iter().filter(|name| !given(name)) {
                    self.visit_expr(&syn::parse_quote!(#name));
                }
            }
        }
    }

    fn visit_pat_type(&mut self, p: &'ast syn::PatType) {
        self.visit_type(&p.ty);
        self.visit_pat(&p.pat);
    }

    fn visit_pat(&mut self, p: &'ast Pat) {
        visit::visit_pat(self, p);
    }
}

/// The names in a format string: `{x}`, `{n:.3}`.
fn shown(text: &syn::LitStr) -> Vec<Ident> {
    let plain = text.value().replace("{{", "");
    let named = plain.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next().map(str::trim));
    let word = |name: &&str| name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let ident = |name: &str| syn::parse_str::<Ident>(name).ok().map(|i| Ident::new(&i.to_string(), text.span()));
    named.filter(word).filter_map(ident).collect()
}

fn starts_upper(name: &Ident) -> bool {
    let text = name.to_string();
    text.trim_start_matches("r#").starts_with(|c: char| c.is_uppercase())
}

/// `a::b::c`.
pub fn join(names: &[Ident]) -> String {
    names.iter().map(Ident::to_string).collect::<Vec<_>>().join("::")
}

/// A path from names, every segment at `span`.
pub fn path_of(names: &[String], span: Span) -> Path {
    let segments = names.iter().map(|n| PathSegment::from(Ident::new(n, span)));
    Path { leading_colon: None, segments: segments.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The free paths of a function, in order.
    fn free(text: &str) -> String {
        let f: syn::ItemFn = syn::parse_str(text).unwrap();
        let surroundings = Surroundings::default();
        let mut walk = Walk::new(&surroundings);
        walk.function(&f.attrs, &f.sig, &f.block);
        let found = walk.finish();
        let spelled = found.paths.iter().map(|p| match p.path.to_string().replace(' ', "") {
            same if same == p.key => same,
            other => format!("{}={other}", p.key),
        });
        let paths: Vec<String> = spelled.collect();
        let errors: Vec<String> = found.errors.0.into_iter().flatten().map(|e| e.to_string()).collect();
        [paths, errors].concat().join(" ")
    }

    #[test]
    fn every_position_of_a_path_counts_once() {
        assert_eq!(
            free("fn f(p: &m::Net<{ N * 2 }, K>, x: [f32; LEN]) -> Out { call::<W>(p, x as Alias); call(x) }"),
            "N K m::Net LEN Out W call Alias"
        );
        assert_eq!(free("fn f(x: f32) -> f32 { let Pair { a, .. } = Pair { a: x, b: g }; Wrap(a).0 }"), "Pair g Wrap");
        assert_eq!(
            free("fn f(n: i32) { match n { LOW => one(), 1..=HIGH => two(), Kind(k) => k, other => other } }"),
            "LOW one HIGH two Kind"
        );
        assert_eq!(
            free(
                "#[custom_vjp(fwd, bwd)] fn f(x: f32) { #[bound(MAX)] while x > 0.0 { check!(ok(x), \"{}\", shown); } }"
            ),
            "fwd bwd MAX ok shown"
        );
    }

    #[test]
    fn a_name_is_bound_only_where_it_is_in_scope() {
        assert_eq!(free("fn f(a: f32) { let b = b(a); let d = { let c = b; c }; c(d) }"), "b c");
        assert_eq!(free("fn f() { (|g| g + h)(g) }"), "h g");
        assert_eq!(free("fn f(x: Option<f32>) { if let Some(v) = x { v } else { v } }"), "v");
        assert_eq!(free("fn f(x: f32) { for i in 0..n { use_it(i); } i }"), "n use_it i");
        assert_eq!(free("fn f() { late(); fn late() { elsewhere } let elsewhere = 1; }"), "elsewhere");
        assert_eq!(free("fn f<T, const N: usize>(x: [T; N]) -> [T; N] { [T::default(); N] }"), "");
    }

    #[test]
    fn methods_hang_on_their_type_and_keywords_are_not_variables() {
        assert_eq!(
            free("fn f(x: f32) { layers::Dense::<3>::new(x).go(axis = 1) + f32::MAX + Self::K }"),
            "layers::Dense"
        );
        assert_eq!(free("fn f(x: f32) { my_scan(step, init = start, length = N) }"), "my_scan step start N");
    }

    #[test]
    fn imports_of_the_body_are_spelled_out() {
        assert_eq!(free("fn f(x: f32) { use a::{b, c as d}; b(x) + d::e(x) }"), "b=a::b d::e=a::c::e");
        assert!(free("fn f(x: f32) { use layers::*; x }").contains("cannot see through a glob"));
        assert!(free("fn f(x: f32) { line(x) }").contains("also a macro of the standard library"));
        assert!(free("fn f(x: Vec<f32>) { x }").contains("needs a heap"));
    }
}
