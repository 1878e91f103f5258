//! What the front end hands to the compiler: one entry and every item it can reach, already resolved by rustc.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream, TokenTree};

pub use crate::frontend::options::{Options, Workspace};
pub use crate::record::Json;

/// Identifies an item across crates and modules; made by the front end, opaque here.
pub type ItemId = String;

/// The id of a method, associated function or associated constant of a struct.
pub fn member_id(owner: &str, name: &str) -> ItemId {
    format!("{owner}{MEMBER}{}", name.trim_start_matches("r#"))
}

/// Between the id of a struct and the name of a member.
pub(crate) const MEMBER: &str = "__method__";

/// The attribute of an associated constant, which is published as a function without parameters.
pub const CONSTANT: &str = "__constant";

/// One kernel to compile.
#[derive(Debug)]
pub struct Unit {
    /// The function to compile; it has a record in `items`.
    pub entry: ItemId,
    /// Every item reachable from the entry, by id, unless it is reached through one of the `callees` only.
    pub items: BTreeMap<ItemId, Record>,
    /// Functions whose kernels the entry calls, where it does nothing else with them. Their bodies may be left out.
    pub callees: BTreeMap<ItemId, Callee>,
    /// The path of its own module of facts, if other kernels call this one.
    pub called: Option<TokenStream>,
    /// What `#[jit(..)]` of the entry asks for.
    pub options: Options,
    /// The name of the workspace parameter in [`Kernel::body`]: `ws`, or a variation when the user took that name.
    pub workspace: Ident,
    /// The name of the receiver in [`Kernel::body`] when the entry is a method: `this`, or a variation.
    pub receiver: Ident,
    /// Whether [`Kernel::record`] is wanted.
    pub record: bool,
    /// Methods that certainly no `impl` block has, as (struct, name), each with those that the struct has.
    pub absent: BTreeMap<(ItemId, String), Vec<String>>,
    /// The text of files of other crates, as their spans name them: no caret can point there, so messages quote them.
    pub sources: BTreeMap<String, String>,
}

/// One published item with the meaning of every path it mentions.
#[derive(Debug, Clone)]
pub struct Record {
    /// The item as its author wrote it, Kiln's own attributes included.
    pub item: Item,
    /// Path as spelled in the item, without spaces and generic arguments (`layers::dense`), to the item it names.
    /// `layers::Dense::new` is found under its type, `layers::Dense`; `Self` is there in methods. A path that is absent
    /// is a local, a built-in or a primitive type.
    pub paths: BTreeMap<String, ItemId>,
    /// Whether the item was written in the crate being compiled, so that its spans can carry a caret.
    pub local: bool,
}

/// A kernel that is called.
#[derive(Debug, Clone)]
pub struct Callee {
    /// As the entry spells it; no two have the same.
    pub name: String,
    /// The path of its module of facts, where the entry stands.
    pub module: TokenStream,
}

/// The kinds of item that can be published.
#[derive(Debug, Clone)]
pub enum Item {
    /// A free function.
    Fn(syn::ItemFn),
    /// A `#[derive(Tree)]` struct.
    Struct(syn::ItemStruct),
    /// A constant.
    Const(syn::ItemConst),
    /// A type alias.
    Alias(syn::ItemType),
    /// A method, associated function or, marked with [`CONSTANT`], associated constant of the struct `owner`, out of `impl<generics> self_ty { method }`.
    Method {
        /// The struct.
        owner: ItemId,
        /// Generics of the impl block.
        generics: syn::Generics,
        /// The type the impl block is for, as spelled.
        self_ty: Box<syn::Type>,
        /// The function itself.
        method: syn::ImplItemFn,
    },
}

/// The outcome of compiling a [`Unit`].
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
pub enum Outcome {
    /// Expressions and items to put in place of the entry's implementation; see [`Kernel`].
    Done(Kernel),
    /// Methods, associated functions and associated constants that tracing met and the front end has yet to fetch, as
    /// (struct, name with the span of its use). A pair that does not exist is reported by rustc at that span.
    NeedMethods(Vec<(ItemId, Ident)>),
    /// Of the callees, those that the kernel does more with than call them: the front end has yet to fetch what they reach.
    NeedBodies(Vec<ItemId>),
}

/// How the body of a kernel returns its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    #[default]
    Value,
    /// In a `Result`, and it names the type, [`RETURNED`].
    Named,
    /// It writes everything in a `&mut kiln::rt::Unwritten` of that type, [`SLOT`].
    Built,
}

/// Name of what a result is built in.
pub const SLOT: &str = "__kiln_slot";

/// Name of the type of a kernel's result, where its body needs one.
pub const RETURNED: &str = "__KilnReturned";

/// Emitted code and facts about it. After an error `errors` holds `compile_error!` items and the rest is a stand-in that
/// type-checks, so that nothing else in the crate lights up.
#[derive(Debug, Default)]
pub struct Kernel {
    /// `compile_error!` items with spans; empty when all went well.
    pub errors: TokenStream,
    /// Helper functions, one per fused loop nest.
    pub items: TokenStream,
    /// Body of `fn with(ws: &mut Arena<ARENA_BYTES>, params..) -> ret`, using the parameters' own names and, for the
    /// other two, [`Unit::workspace`] and [`Unit::receiver`]. Every parameter of the entry is a plain identifier.
    pub body: TokenStream,
    /// How it returns its result.
    pub form: Form,
    /// Size of the arena for its own arrays, in bytes.
    pub arena_bytes: usize,
    /// The bound on the stack of its own loops, in bytes.
    pub stack_bytes: usize,
    /// Bytes of the result.
    pub result_bytes: usize,
    /// Constants that land in flash, in bytes.
    pub flash_const_bytes: usize,
    /// Floating-point operations of one call.
    pub flops: u64,
    /// The kernels that it calls: what they need comes on top of all these numbers.
    pub calls: Calls,
    /// The function `called` through which other kernels call this one.
    pub called: Option<TokenStream>,
    /// The optimised graph as text.
    pub graph: String,
    /// Items that say to rust-analyzer what the names in the body are; rustc sees none of them.
    pub shadow: TokenStream,
    /// All that is known about the kernel, as fields of a JSON object; empty unless it was asked for.
    pub record: Vec<(&'static str, Json)>,
}

/// Calls of other kernels.
#[derive(Debug, Default)]
pub struct Calls {
    /// Each kernel once.
    pub kernels: Vec<Called>,
    /// Bytes of stack in use around a call.
    pub frame_bytes: usize,
}

/// All calls of another kernel.
#[derive(Debug)]
pub struct Called {
    /// Which.
    pub callee: Callee,
    /// How often.
    pub times: u64,
    /// Where its arena begins, the last of those places.
    pub at: usize,
}

impl Kernel {
    /// Arena, stack and result, without what callees need.
    pub fn ram_bytes(&self) -> usize {
        self.arena_bytes + self.stack_bytes + self.result_bytes
    }
}

/// A unit from the items of `source`, every name meaning the item of that name; the last function is the entry.
pub fn of_source(source: &str) -> syn::Result<Unit> {
    let file = syn::parse_file(source)?;
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut entry = String::new();
    for item in file.items {
        match item {
            syn::Item::Fn(f) => {
                entry = f.sig.ident.to_string();
                items.insert(entry.clone(), Item::Fn(f));
            }
            syn::Item::Struct(s) => drop(items.insert(s.ident.to_string(), Item::Struct(s))),
            syn::Item::Const(c) => drop(items.insert(c.ident.to_string(), Item::Const(c))),
            syn::Item::Type(t) => drop(items.insert(t.ident.to_string(), Item::Alias(t))),
            syn::Item::Impl(i) => {
                let syn::Type::Path(p) = &*i.self_ty else {
                    return Err(syn::Error::new_spanned(&i.self_ty, "an impl block of a named type"));
                };
                let owner = p.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                for m in &i.items {
                    let method = match m {
                        syn::ImplItem::Fn(method) => method.clone(),
                        syn::ImplItem::Const(c) => {
                            let (mark, syn::ImplItemConst { ident, ty, expr, .. }) =
                                (Ident::new(CONSTANT, proc_macro2::Span::call_site()), c);
                            syn::parse_quote!(#[#mark] fn #ident() -> #ty { #expr })
                        }
                        _ => continue,
                    };
                    let (generics, self_ty) = (i.generics.clone(), i.self_ty.clone());
                    let id = format!("{owner}::{}", method.sig.ident);
                    items.insert(id, Item::Method { owner: owner.clone(), generics, self_ty, method });
                }
            }
            other => return Err(syn::Error::new_spanned(other, "an item that tests do not know")),
        }
    }
    // Methods are found through their type.
    let named = items.iter().filter(|(_, item)| !matches!(item, Item::Method { .. }));
    let paths: BTreeMap<String, String> = named.map(|(k, _)| (k.clone(), k.clone())).collect();
    let record = |item: Item| {
        let mut paths = paths.clone();
        if let Item::Fn(f) = &item {
            // Its own name is no mention.
            let syn::ItemFn { attrs, sig: syn::Signature { generics, inputs, output, .. }, block, .. } = f;
            let mut mentioned = BTreeSet::new();
            words(quote::quote!(#(#attrs)* #generics #inputs #output #block), &mut mentioned);
            paths.retain(|path, _| path.split("::").next().is_some_and(|head| mentioned.contains(head)));
        }
        Record { item, paths, local: true }
    };
    let items = items.into_iter().map(|(id, item)| (id, record(item))).collect();
    let name = |s| Ident::new(s, proc_macro2::Span::call_site());
    let (workspace, receiver) = (name("ws"), name("this"));
    let (sources, absent) = Default::default();
    let (options, callees) = Default::default();
    Ok(Unit { entry, items, callees, called: None, options, workspace, receiver, record: false, sources, absent })
}

fn words(tokens: TokenStream, out: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(g) => words(g.stream(), out),
            TokenTree::Ident(i) => drop(out.insert(i.to_string())),
            _ => {}
        }
    }
}
