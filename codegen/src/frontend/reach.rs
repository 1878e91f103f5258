//! How far a kernel reaches, and which of the kernels below it are called instead of traced again.
//!
//! Tracing a callee anew in each of its callers is what lets loops be fused across calls; but in a chain of kernels, each of which
//! calls the next, it makes the work grow with the square of its length. So a kernel whose source, with all that it calls, is
//! longer than [`INLINED`], or below which calls nest deeper than [`DEEP`], is called by the others. Callers and callee find out the same by themselves, from lengths that every
//! item publishes: a caller has seen enough of a callee as soon as that is too long.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::collect::digest;
use super::wire::{Mention, Size};

/// Tokens up to which the source of a kernel, with all that it calls, is traced in its callers. What is shorter is worth being
/// fused with what is around it; most of what is longer keeps its arrays in memory anyway.
pub const INLINED: usize = 512;

/// Calls inside each other up to which they are.
pub const DEEP: usize = 8;

/// What is known of one item.
#[derive(Debug, Default)]
struct Node {
    size: Size,
    /// What leads to it is no path: it is the kernel itself, or a method.
    is_root: bool,
    mentions: Vec<(String, usize)>,
    /// Of the mentions, the types and constants: what a signature is made of.
    n_types: usize,
}

impl Node {
    /// The functions that it mentions.
    fn calls(&self) -> impl Iterator<Item = &(String, usize)> {
        self.mentions[self.n_types..].iter()
    }
}

/// The items that have been looked at so far, by [`digest`].
#[derive(Debug, Default)]
pub struct Reach {
    nodes: BTreeMap<String, Node>,
}

impl Reach {
    /// Reads what [`Reach::write`] wrote.
    pub fn read(text: &str) -> Option<Reach> {
        let mut nodes = BTreeMap::new();
        for line in text.split(';').filter(|line| !line.is_empty()) {
            let mut words = line.split(',');
            let id = words.next()?.to_owned();
            let mut number = || words.next()?.parse::<usize>().ok();
            let (tokens, is_kernel, is_root, n_types) = (number()?, number()? == 1, number()? == 1, number()?);
            let words: Vec<&str> = words.collect();
            let mentions = words.chunks(2).map(|pair| Some((pair[0].to_owned(), pair.get(1)?.parse().ok()?)));
            let mentions = mentions.collect::<Option<Vec<_>>>()?;
            nodes.insert(id, Node { size: Size { tokens, is_kernel }, is_root, mentions, n_types });
        }
        Some(Reach { nodes })
    }

    /// As text.
    pub fn write(&self) -> String {
        let mut out = String::new();
        for (id, Node { size: Size { tokens, is_kernel }, is_root, mentions, n_types }) in &self.nodes {
            let [is_kernel, is_root] = [*is_kernel, *is_root].map(usize::from);
            let _ = write!(out, "{id},{tokens},{is_kernel},{is_root},{n_types}");
            for (id, times) in mentions {
                let _ = write!(out, ",{id},{times}");
            }
            out.push(';');
        }
        out
    }

    /// Whether nothing has been looked at.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Takes in an item.
    pub fn add(&mut self, id: &str, size: Size, mentions: &BTreeMap<String, Mention>, is_root: bool) {
        let is_type = |path: &str| path.rsplit("::").next().is_some_and(|s| s.starts_with(char::is_uppercase));
        let of = |types: bool| {
            let all = mentions.iter().filter(move |(path, _)| is_type(path) == types);
            all.map(|(_, m)| (digest(&m.identity.id.to_string()).trim().to_owned(), m.times))
        };
        let n_types = of(true).count();
        let mentions = of(true).chain(of(false)).collect();
        self.nodes.insert(digest(id).trim().to_owned(), Node { size, is_root, mentions, n_types });
    }

    /// Whether a kernel is one that others call.
    pub fn is_called(&self, id: &str) -> bool {
        let id = digest(id);
        let is_kernel = self.nodes.get(id.trim()).is_some_and(|node| node.size.is_kernel);
        let is_called = is_kernel && self.tokens(id.trim(), DEEP, INLINED, &mut BTreeMap::new()).is_none();
        // Who traces what calls itself says so.
        is_called && !self.comes_back(id.trim())
    }

    fn comes_back(&self, id: &str) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![id]);
        while let Some(node) = open.pop().and_then(|id| self.nodes.get(id)) {
            for callee in node.calls().map(|(callee, _)| callee.as_str()).filter(|id| self.nodes.contains_key(*id)) {
                if callee == id {
                    return true;
                }
                if seen.insert(callee) {
                    open.push(callee);
                }
            }
        }
        false
    }

    /// The length of an item with all that it calls, as often as it does, if that is known to be within `budget`, and calls to
    /// nest no deeper than `levels` below it. What has not been looked at counts nothing.
    fn tokens<'a>(
        &'a self,
        id: &'a str,
        levels: usize,
        budget: usize,
        known: &mut BTreeMap<(&'a str, usize), usize>,
    ) -> Option<usize> {
        let Some(node) = self.nodes.get(id) else { return Some(0) };
        if let Some(n) = known.get(&(id, levels)) {
            return Some(*n).filter(|n| *n <= budget);
        }
        let mut sum = node.size.tokens;
        for (callee, times) in node.calls() {
            let left = budget.checked_sub(sum)? / times.max(&1);
            sum += times * self.tokens(callee, levels.checked_sub(1)?, left, known)?;
        }
        known.insert((id, levels), sum);
        Some(sum).filter(|sum| *sum <= budget)
    }

    /// What has to be there if `called` are called: everything that is reached otherwise, and what their signatures mention.
    pub fn needed(&self, called: &BTreeSet<String>) -> BTreeSet<String> {
        let mut out: BTreeSet<String> =
            self.nodes.iter().filter(|(_, n)| n.is_root).map(|(id, _)| id.clone()).collect();
        let mut open: Vec<String> = out.iter().cloned().collect();
        while let Some(id) = open.pop() {
            let Some(node) = self.nodes.get(&id) else { continue };
            let n = if called.contains(&id) { node.n_types } else { node.mentions.len() };
            for (id, _) in &node.mentions[..n] {
                if out.insert(id.clone()) {
                    open.push(id.clone());
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `f 10: g*2 T` is an item of ten tokens that mentions `g` twice and `T` once; `!` marks a kernel.
    fn reach(text: &str) -> Reach {
        let mut reach = Reach::default();
        for (n, line) in text.split(';').map(str::trim).enumerate() {
            let (head, mentions) = line.split_once(':').unwrap();
            let (name, tokens) = head.split_once(' ').unwrap();
            let size = Size { tokens: tokens.parse().unwrap(), is_kernel: name.ends_with('!') };
            let mention = |word: &str| {
                let (name, times) = word.split_once('*').unwrap_or((word, "1"));
                let identity = super::super::wire::Identity {
                    id: proc_macro2::Ident::new(name, proc_macro2::Span::call_site()),
                    key: String::new(),
                    krate: Default::default(),
                };
                (name.to_owned(), Mention { identity, times: times.parse().unwrap() })
            };
            let mentions = mentions.split_whitespace().map(mention).collect();
            reach.add(name.trim_end_matches('!'), size, &mentions, n == 0);
        }
        let written = reach.write();
        assert_eq!(Reach::read(&written).unwrap().write(), written);
        reach
    }

    #[test]
    fn a_kernel_is_called_if_it_is_long_with_all_that_it_calls() {
        let r = reach("f! 1: g; g! 300: h k; h 200: ; k 12: ");
        assert!(!r.is_called("g") && r.is_called("f"), "512 tokens, and one more");
        assert!(!reach("f! 600: g; g 600: ").is_called("g"), "there is no kernel to call");
        assert!(reach("f! 1: g; g! 256: g2*2; g2 129: ").is_called("g"));
    }

    #[test]
    fn the_length_counts_every_way_down_and_what_is_not_there_counts_nothing() {
        let often =
            |times: usize| reach(&format!("s0! 1: s1*{times}; s1! 1: s2*{times}; s2! 1: s3*{times}; s3! 1: s4"));
        assert!(!often(7).is_called("s0") && often(8).is_called("s0"), "1 + n + n² + n³ tokens");
    }

    #[test]
    fn calls_nest_so_deep_and_no_deeper() {
        let chain: Vec<String> = (0..12).map(|n| format!("s{n}! 1: s{} T", n + 1)).collect();
        let r = reach(&chain.join("; "));
        let last = 12 - DEEP;
        assert!(!r.is_called(&format!("s{last}")) && r.is_called(&format!("s{}", last - 1)), "s12 calls nothing");
    }

    #[test]
    fn what_calls_itself_is_traced() {
        let r = reach("f! 600: g; g! 600: h; h! 600: g");
        assert!(r.is_called("f") && !r.is_called("g") && !r.is_called("h"));
    }

    #[test]
    fn of_what_is_called_only_the_types_are_needed() {
        let r = reach("f 1: g h T; g! 600: k N; h 1: N; k 1: l");
        let ids = |names: &str| names.split(' ').map(|n| digest(n).trim().to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(r.needed(&ids("g")), ids("f g h T N"));
        assert_eq!(r.needed(&ids("h")), ids("f g h T N k l"));
    }
}
