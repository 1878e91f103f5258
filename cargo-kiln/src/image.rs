//! Looking into a linked firmware: how big its parts are, where its counted regions are, and what its kernels can reach.
//!
//! The image is linked with `--emit-relocs`, so that every reference from code to code is still named in the ELF file. From
//! those, [`Image::inspect`] follows all calls from the kernels (what Kiln emitted, and functions named `kernel_*`), and holds
//! against them that none can panic, allocate, recurse, or call through a pointer. The last is what makes the others certain: without pointers
//! there is no call that the references do not show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind};

use crate::say;

/// What the names of functions begin with that count as kernels although Kiln did not emit them.
const KERNEL: &str = "kernel_";
const BEGIN: &str = "kiln_begin_";
const END: &str = "kiln_end_";

/// Parts of names that only code that panics refers to, and what brings in an allocator.
const PANICS: [&str; 2] = ["core::panicking::", "rust_begin_unwind"];
const ALLOCATES: [&str; 5] =
    ["__rust_alloc", "__rg_alloc", "__rustc::__rust_alloc", "alloc::alloc::", "alloc::raw_vec::"];

/// The counted regions of an image: name, address of the begin marker, address of the end marker.
pub fn regions(elf: &Path) -> Result<Vec<(String, u64, u64)>> {
    Ok(Image::read(elf)?.regions())
}

/// What a linked firmware is made of.
#[derive(Debug)]
pub struct Image {
    functions: Vec<Function>,
    sizes: Sizes,
    relocated: bool,
}

/// Bytes on the chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Code, constants and initial values.
    pub flash: u64,
    /// Statics.
    pub ram: u64,
}

#[derive(Debug)]
struct Function {
    name: String,
    address: u64,
    bytes: u64,
    /// Indices of functions that its code names, to call them or to point at them.
    names: BTreeSet<usize>,
    /// Whether it has an instruction that goes where a register says.
    indirect: bool,
}

/// What must not panic or allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What the kernels reach.
    Kernels,
    /// Everything that is linked.
    Image,
}

/// What [`Image::inspect`] found. Each list names chains of calls, from the kernel to the culprit.
#[derive(Debug, Default)]
pub struct Findings {
    /// The kernels.
    pub kernels: Vec<String>,
    /// Functions they reach, themselves included.
    pub reached: usize,
    /// The code of those.
    pub code_bytes: u64,
    panics: Vec<String>,
    allocates: Vec<String>,
    recurses: Vec<String>,
    indirect: Vec<String>,
    /// Whether the image as a whole holds code that panics or allocates, outside the kernels too.
    pub image_panics: Vec<String>,
}

impl Findings {
    /// Writes a line per claim.
    pub fn show(&self, scope: Scope) {
        let kernels = match &self.kernels[..] {
            few if few.len() <= 4 => few.join(", "),
            many => format!("{} and {} more", many[..3].join(", "), many.len() - 3),
        };
        say::note(
            "kernels",
            format_args!("{kernels}: {} functions, {} of code", self.reached, say::bytes(self.code_bytes)),
        );
        let claim = |what: &str, holds: &str, chains: &[String]| match chains {
            [] => say::good(what, holds),
            chains => chains.iter().for_each(|chain| say::bad(what, chain)),
        };
        claim("panics", "no panic path", &self.panics);
        claim("allocation", "none", &self.allocates);
        claim("recursion", "none", &self.recurses);
        claim("pointers", "no call through a pointer, so every call was followed", &self.indirect);
        match (scope, &self.image_panics[..]) {
            (Scope::Kernels, [first, ..]) => {
                say::note("whole image", format_args!("outside of the kernels something can panic: {first}"))
            }
            (_, chains) => claim("whole image", "no panic path either: the panic handler is not linked", chains),
        }
    }

    /// All that it must not do.
    pub fn complaints(&self, scope: Scope) -> impl Iterator<Item = &String> {
        let image = if scope == Scope::Image { &self.image_panics[..] } else { &[] };
        [&self.panics[..], &self.allocates, &self.recurses, &self.indirect, image].into_iter().flatten()
    }

    /// An error when something in `scope` does what it must not.
    pub fn verdict(&self, scope: Scope) -> Result<()> {
        if self.kernels.is_empty() {
            bail!("the image has no kernels: nothing was checked. Are they called?");
        }
        if self.complaints(scope).next().is_some() {
            bail!("the kernels can do what firmware must not; see above");
        }
        Ok(())
    }
}

impl Image {
    /// Reads an ELF file.
    pub fn read(elf: &Path) -> Result<Self> {
        let data = std::fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        Self::parse(&data).with_context(|| format!("{} is not a linked firmware", elf.display()))
    }

    fn parse(data: &[u8]) -> Result<Self> {
        let file = object::File::parse(data)?;
        let mut functions: Vec<Function> = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() > 0)
            .map(|symbol| Function {
                name: format!("{:#}", rustc_demangle::demangle(symbol.name().unwrap_or("?"))),
                address: symbol.address() & !1, // bit 0 says that it is Thumb code
                bytes: symbol.size(),
                names: BTreeSet::new(),
                indirect: false,
            })
            .collect();
        functions.sort_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
        let mut relocated = false;
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            for (address, relocation) in section.relocations() {
                relocated = true;
                let RelocationTarget::Symbol(index) = relocation.target() else { continue };
                let Ok(target) = file.symbol_by_index(index) else { continue };
                let Some(from) = at(&functions, address) else { continue };
                match (target.kind(), at(&functions, target.address() & !1)) {
                    // Some code, it does not say which.
                    (SymbolKind::Section, Some(_)) => functions[from].indirect = true,
                    (_, Some(to)) => _ = functions[from].names.insert(to),
                    (_, None) => {}
                }
            }
        }
        let data_in_code = DataInCode::of(&file);
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let code = section.data()?;
            for function in &mut functions {
                let start =
                    function.address.checked_sub(section.address()).and_then(|start| usize::try_from(start).ok());
                let Some(code) = start.and_then(|start| code.get(start..start.checked_add(function.bytes as usize)?))
                else {
                    continue;
                };
                function.indirect |= goes_where_a_register_says(code, function.address, &data_in_code);
            }
        }
        Ok(Image { functions, sizes: sizes(&file), relocated })
    }

    /// Flash and static RAM.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn regions(&self) -> Vec<(String, u64, u64)> {
        let ends: BTreeMap<&str, u64> =
            self.functions.iter().filter_map(|f| Some((f.name.strip_prefix(END)?, f.address))).collect();
        let begins = self.functions.iter().filter_map(|f| Some((f.name.strip_prefix(BEGIN)?, f.address)));
        begins.filter_map(|(name, begin)| Some((name.to_owned(), begin, *ends.get(name)?))).collect()
    }

    /// Follows all calls from the kernels.
    pub fn inspect(&self) -> Result<Findings> {
        if !self.relocated {
            bail!(
                "the image does not say who calls whom: link it with `--emit-relocs` (`cargo::rustc-link-arg-bins=--emit-relocs` in build.rs)"
            );
        }
        let kernels: Vec<usize> = self.indices(|function| is_kernel(&function.name));
        let reach = Reach::from(self, &kernels);
        // A culprit that another one leads to adds nothing.
        let chains = |culprits: Vec<usize>| -> Vec<String> {
            let first = |i: &&usize| reach.via.get(*i).is_none_or(|caller| !culprits.contains(caller));
            culprits.iter().filter(first).map(|i| reach.chain(self, *i)).collect()
        };
        let reached = |wanted: &dyn Fn(&Function) -> bool| -> Vec<usize> {
            reach.order.iter().copied().filter(|i| wanted(&self.functions[*i])).collect()
        };
        let culprits = self.indices(|f| names_any(&f.name, &PANICS) || names_any(&f.name, &ALLOCATES));
        // Those that only other culprits name add nothing.
        let named = |culprit: &usize| self.who_names(*culprit).into_iter().find(|by| !culprits.contains(by));
        let image_panics = culprits
            .iter()
            .filter_map(|i| Some((*i, named(i)?)))
            .map(|(i, by)| format!("{}, named by {}", self.functions[i].name, self.functions[by].name));
        Ok(Findings {
            kernels: kernels.iter().map(|i| self.functions[*i].name.clone()).collect(),
            reached: reach.order.len(),
            code_bytes: reach.order.iter().map(|i| self.functions[*i].bytes).sum(),
            panics: chains(reached(&|f| names_any(&f.name, &PANICS))),
            allocates: chains(reached(&|f| names_any(&f.name, &ALLOCATES))),
            recurses: self.cycles(&reach.order),
            indirect: chains(reached(&|f| f.indirect)),
            image_panics: image_panics.collect(),
        })
    }

    /// The code that the function of this name reaches, itself included, in bytes: what lies in flash for it, weights apart.
    /// Code that others reach as well counts in full.
    pub fn code_bytes(&self, name: &str) -> Option<u64> {
        let root = self.functions.iter().position(|f| f.name == name)?;
        Some(Reach::from(self, &[root]).order.iter().map(|i| self.functions[*i].bytes).sum())
    }

    /// The functions that Kiln emitted below the module of each path, with their sizes.
    pub fn emitted(&self) -> Vec<(&str, u64)> {
        self.functions.iter().filter(|f| is_emitted(&f.name)).map(|f| (f.name.as_str(), f.bytes)).collect()
    }

    fn indices(&self, wanted: impl Fn(&Function) -> bool) -> Vec<usize> {
        (0..self.functions.len()).filter(|i| wanted(&self.functions[*i])).collect()
    }

    fn who_names(&self, culprit: usize) -> Vec<usize> {
        self.indices(|f| f.names.contains(&culprit))
    }

    /// Functions among `reached` that can come back to themselves.
    fn cycles(&self, reached: &[usize]) -> Vec<String> {
        let comes_back = |&i: &usize| {
            Reach::from(self, &self.functions[i].names.iter().copied().collect::<Vec<_>>()).order.contains(&i)
        };
        reached
            .iter()
            .filter(|i| comes_back(i))
            .map(|i| format!("{} can call itself", self.functions[*i].name))
            .collect()
    }
}

/// Functions that others reach, with the way to each.
struct Reach {
    order: Vec<usize>,
    via: BTreeMap<usize, usize>,
}

impl Reach {
    fn from(image: &Image, roots: &[usize]) -> Self {
        let mut order = roots.to_vec();
        let mut seen: BTreeSet<usize> = roots.iter().copied().collect();
        let mut via = BTreeMap::new();
        let mut next = 0;
        while let Some(&caller) = order.get(next) {
            next += 1;
            for &callee in &image.functions[caller].names {
                if seen.insert(callee) {
                    via.insert(callee, caller);
                    order.push(callee);
                }
            }
        }
        Reach { order, via }
    }

    fn chain(&self, image: &Image, end: usize) -> String {
        let mut chain = vec![end];
        while let Some(&caller) = chain.last().and_then(|i| self.via.get(i)) {
            chain.push(caller);
        }
        chain.reverse();
        chain.into_iter().map(|i| image.functions[i].name.as_str()).collect::<Vec<_>>().join(" -> ")
    }
}

fn is_kernel(name: &str) -> bool {
    name.starts_with(KERNEL) || is_emitted(name)
}

/// Whether Kiln emitted the function: in a nameless constant, as the entry of a kernel or as a numbered loop nest.
fn is_emitted(name: &str) -> bool {
    let Some((_, name)) = name.rsplit_once("::_::") else { return false };
    let numbered = || name.strip_prefix('k')?.split_once('_')?.0.parse::<u32>().ok();
    name == "with" || numbered().is_some()
}

fn names_any(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

/// The function that holds an address.
fn at(functions: &[Function], address: u64) -> Option<usize> {
    let after = functions.partition_point(|function| function.address <= address);
    // Several names may stand for one address; the last that is long enough is as good as any.
    (0..after).rev().take(4).find(|i| address < functions[*i].address + functions[*i].bytes)
}

fn sizes(file: &object::File<'_>) -> Sizes {
    let mut sizes = Sizes::default();
    for section in file.sections() {
        match section.kind() {
            SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString => {
                sizes.flash += section.size()
            }
            SectionKind::Data => {
                sizes.flash += section.size();
                sizes.ram += section.size();
            }
            SectionKind::UninitializedData => sizes.ram += section.size(),
            _ => {}
        }
    }
    sizes
}

/// Where constants lie between instructions: the ELF symbols `$t` and `$d` say where each begins.
struct DataInCode(BTreeMap<u64, bool>);

impl DataInCode {
    fn of(file: &object::File<'_>) -> Self {
        let marks = file.symbols().filter_map(|symbol| match symbol.name().ok()?.split('.').next()? {
            "$t" => Some((symbol.address(), false)),
            "$d" => Some((symbol.address(), true)),
            _ => None,
        });
        DataInCode(marks.collect())
    }

    fn is_data(&self, address: u64) -> bool {
        self.0.range(..=address).next_back().is_some_and(|(_, data)| *data)
    }
}

/// Whether Thumb code has `blx register`, or `bx register` other than the return through `lr`.
fn goes_where_a_register_says(code: &[u8], address: u64, data_in_code: &DataInCode) -> bool {
    let (halfwords, _) = code.as_chunks::<2>();
    let mut i = 0;
    while let Some(halfword) = halfwords.get(i) {
        let instruction = u16::from_le_bytes(*halfword);
        let data = data_in_code.is_data(address + 2 * i as u64);
        const LR: u16 = 14;
        let register = instruction >> 3 & 15;
        match instruction {
            _ if data => {}
            _ if instruction & 0xff87 == 0x4780 => return true,
            _ if instruction & 0xff87 == 0x4700 && register != LR => return true,
            // The first half of a 32-bit instruction.
            _ if instruction >> 11 >= 0b11101 => i += 1,
            _ => {}
        }
        i += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image out of `caller: callee callee`.
    fn image(calls: &[(&str, &[&str])]) -> Image {
        let index = |name: &str| calls.iter().position(|(caller, _)| *caller == name).unwrap();
        let function = |(i, (name, names)): (usize, &(&str, &[&str]))| Function {
            name: (*name).to_owned(),
            address: 16 * i as u64,
            bytes: 16,
            names: names.iter().map(|name| index(name)).collect(),
            indirect: *name == "dispatch",
        };
        Image { functions: calls.iter().enumerate().map(function).collect(), sizes: Sizes::default(), relocated: true }
    }

    #[test]
    fn a_panic_is_reported_with_the_way_to_it() {
        let findings = image(&[
            ("kernel_a", &["b"]),
            ("b", &["core::panicking::panic"]),
            ("core::panicking::panic", &[]),
            ("main", &["kernel_a"]),
        ])
        .inspect()
        .unwrap();
        assert_eq!(findings.panics, ["kernel_a -> b -> core::panicking::panic"]);
        assert_eq!(findings.image_panics, ["core::panicking::panic, named by b"]);
        assert_eq!(findings.reached, 3);
        assert!(findings.verdict(Scope::Image).is_err());
    }

    #[test]
    fn recursion_through_others_is_found_and_a_diamond_is_none() {
        let round = image(&[("kernel_a", &["b"]), ("b", &["c"]), ("c", &["b"])]).inspect().unwrap();
        assert_eq!(round.recurses, ["b can call itself", "c can call itself"]);
        let diamond = image(&[("kernel_a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]).inspect().unwrap();
        assert!(diamond.verdict(Scope::Image).is_ok());
    }

    #[test]
    fn code_of_a_function_is_all_that_it_reaches_once() {
        let diamond = image(&[("kernel_a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[]), ("main", &["d"])]);
        assert_eq!(diamond.code_bytes("kernel_a"), Some(64));
        assert_eq!(diamond.code_bytes("d"), Some(16));
        assert_eq!(diamond.code_bytes("e"), None);
    }

    #[test]
    fn what_the_kernels_do_not_reach_may_call_through_pointers() {
        assert!(image(&[("kernel_a", &[]), ("dispatch", &[])]).inspect().unwrap().verdict(Scope::Image).is_ok());
        assert!(
            image(&[("kernel_a", &["dispatch"]), ("dispatch", &[])]).inspect().unwrap().verdict(Scope::Image).is_err()
        );
        assert!(
            image(&[("main", &[])]).inspect().unwrap().verdict(Scope::Image).is_err(),
            "nothing to check is not a success"
        );
    }

    #[test]
    fn indirect_jumps_are_told_from_returns_and_from_data() {
        let none = DataInCode(BTreeMap::new());
        let code = |halfwords: &[u16]| halfwords.iter().flat_map(|h| h.to_le_bytes()).collect::<Vec<u8>>();
        assert!(goes_where_a_register_says(&code(&[0x4798]), 0, &none), "blx r3");
        assert!(goes_where_a_register_says(&code(&[0xbf00, 0x4718]), 0, &none), "nop; bx r3");
        assert!(!goes_where_a_register_says(&code(&[0x4770]), 0, &none), "bx lr");
        assert!(!goes_where_a_register_says(&code(&[0xf000, 0x4798]), 0, &none), "second half of a wide instruction");
        let data = DataInCode(BTreeMap::from([(0, false), (2, true)]));
        assert!(!goes_where_a_register_says(&code(&[0x4770, 0x4798]), 0, &data), "a constant after the code");
    }
}
