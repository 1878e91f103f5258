//! What the loops of a kernel take on a core, by the tables in `targets/cores`.
//!
//! An estimate: the counts are those of the loops as they are written, before LLVM unrolls, moves and combines them, and
//! memory answers as the table of the core says. `cargo xtask estimate` holds it against what the emulator counts.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::record::{Counts, Kernel, Step, Turns};

/// The tables there are, small cores first.
const CORES: [&str; 9] = [
    include_str!("../../../targets/cores/cortex-m0.toml"),
    include_str!("../../../targets/cores/cortex-m3.toml"),
    include_str!("../../../targets/cores/cortex-m4f.toml"),
    include_str!("../../../targets/cores/cortex-m33.toml"),
    include_str!("../../../targets/cores/cortex-m7.toml"),
    include_str!("../../../targets/cores/rv32imac.toml"),
    include_str!("../../../targets/cores/rv32imafc.toml"),
    include_str!("../../../targets/cores/aarch64.toml"),
    include_str!("../../../targets/cores/x86-64.toml"),
];

/// A core, as its table describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// Name of the table.
    pub name: String,
    /// The core in words.
    pub core: String,
    /// Targets that it stands for.
    pub triples: Vec<String>,
    /// Where the numbers are from, and what they assume.
    pub source: String,
    /// Bytes of a vector register, where loops are vectorised.
    #[serde(default)]
    vector_bytes: u64,
    tile: TileSize,
    cost: BTreeMap<String, [f64; 2]>,
}

/// How many sums of a contraction the core holds: `rows` times `columns`, and for products with a vector.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TileSize {
    rows: u64,
    columns: u64,
    tall: u64,
    wide: u64,
}

/// Instructions and cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Instructions.
    pub instructions: f64,
    /// Cycles.
    pub cycles: f64,
    /// Whether something has no bound: a `while` counts as one turn, a routine's inner work by its elements.
    pub open: bool,
}

impl Estimate {
    fn plus(self, other: Estimate) -> Estimate {
        Estimate {
            instructions: self.instructions + other.instructions,
            cycles: self.cycles + other.cycles,
            open: self.open || other.open,
        }
    }

    fn times(self, n: f64) -> Estimate {
        Estimate { instructions: self.instructions * n, cycles: self.cycles * n, ..self }
    }
}

/// All cores.
pub fn cores() -> Result<Vec<Core>> {
    CORES.iter().map(|text| toml::from_str(text).with_context(|| format!("not a table: {text}"))).collect()
}

/// The core of a name or of a target.
pub fn core(name: &str) -> Result<Core> {
    let all = cores()?;
    let names: Vec<String> = all.iter().map(|core| core.name.clone()).collect();
    match all.into_iter().find(|core| core.name == name || core.triples.iter().any(|triple| triple == name)) {
        Some(core) => Ok(core),
        None => bail!("there is no table for `{name}`; there are {}", names.join(", ")),
    }
}

impl Core {
    /// What a call of the kernel takes.
    pub fn kernel(&self, kernel: &Kernel) -> Estimate {
        self.sequence(&kernel.steps)
    }

    fn sequence(&self, steps: &[Step]) -> Estimate {
        steps.iter().map(|step| self.step(step)).fold(Estimate::default(), Estimate::plus)
    }

    /// What a step takes, with what it holds.
    pub fn step(&self, step: &Step) -> Estimate {
        let mut sum = self.counts(&step.counts).plus(self.one("step"));
        if let Some(t) = &step.tile {
            let (rows, columns) = match (t.m, t.n) {
                (_, 1) => (self.tile.tall, 1),
                (1, _) => (1, self.tile.wide),
                _ => (self.tile.rows, self.tile.columns),
            };
            let (down, across) = (t.m.div_ceil(rows), t.n.div_ceil(columns));
            let vector = t.m == 1 || t.n == 1;
            sum = sum.plus(self.side(&t.a, vector).times((t.outer * t.k * t.m * across) as f64));
            sum = sum.plus(self.side(&t.b, vector).times((t.outer * t.k * t.n * down) as f64));
            let turn = self.of_vector("loop", vector).unwrap_or_else(|| self.one("loop"));
            sum = sum.plus(turn.times((t.outer * t.k * down * across) as f64));
        }
        if let Some(inside) = &step.inside {
            let bodies = inside.bodies.iter().map(|body| self.sequence(body));
            let inner = match inside.turns {
                // The side that takes longest.
                Turns::OneOf => bodies.max_by(|a, b| a.cycles.total_cmp(&b.cycles)).unwrap_or_default(),
                _ => bodies.fold(Estimate::default(), Estimate::plus).times(inside.n as f64),
            };
            sum = sum.plus(inner);
            sum.open |= inside.turns == Turns::Unknown;
        }
        sum
    }

    fn counts(&self, counts: &Counts) -> Estimate {
        counts.iter().fold(Estimate::default(), |sum, (what, n)| {
            let mut one = self.one(what);
            if self.vectorised(what) {
                one = one.times(1.0 / self.lanes(what));
            }
            let mut all = one.times(*n as f64);
            all.open = what.starts_with("routine ");
            sum.plus(all)
        })
    }

    /// What a factor of a contraction takes.
    fn side(&self, counts: &Counts, vector: bool) -> Estimate {
        let loads: u64 = counts.iter().filter(|(what, _)| what.starts_with("load ")).map(|(_, n)| n).sum();
        match self.of_vector("load", vector) {
            Some(load) => {
                let mut rest = counts.clone();
                rest.retain(|what, _| !what.starts_with("load "));
                self.counts(&rest).plus(load.times(loads as f64))
            }
            None => self.counts(counts),
        }
    }

    /// `vector load` and `vector loop`, where products with a vector take other instructions than those with a matrix.
    fn of_vector(&self, what: &str, vector: bool) -> Option<Estimate> {
        let [instructions, cycles] = *self.cost.get(&format!("vector {what}")).filter(|_| vector)?;
        Some(Estimate { instructions, cycles, open: false })
    }

    /// Functions and routines are called for one element at a time.
    fn vectorised(&self, what: &str) -> bool {
        self.vector_bytes > 0 && !what.starts_with("call ") && !what.starts_with("routine ")
    }

    fn lanes(&self, what: &str) -> f64 {
        let bytes = match what.rsplit(' ').next() {
            Some("f64" | "i64" | "u64" | "c64") => 8,
            Some("c128") => 16,
            _ => 4,
        };
        (self.vector_bytes / bytes).max(1) as f64
    }

    /// `product f32`, or a `mul f32` and an `add f32`; `mul f32`, `mul`, `* f32`, `*`; `call exp f32`, `call exp`, `call f32`, `call`.
    fn one(&self, what: &str) -> Estimate {
        let words: Vec<&str> = what.split(' ').collect();
        if let (["product", dtype], false) = (&words[..], self.cost.contains_key(what)) {
            return self.one(&format!("mul {dtype}")).plus(self.one(&format!("add {dtype}")));
        }
        let keys = match words[..] {
            ["call", name, dtype] => {
                vec![what.to_owned(), format!("call {name}"), format!("call {dtype}"), "call".into()]
            }
            ["routine", ..] => vec!["routine".into()],
            ["index", _] => vec![what.to_owned()],
            [name, dtype] => vec![what.to_owned(), name.into(), format!("* {dtype}"), "*".into()],
            _ => vec![what.to_owned(), "*".into()],
        };
        let [instructions, cycles] = keys.iter().find_map(|key| self.cost.get(key)).copied().unwrap_or([1.0, 1.0]);
        Estimate { instructions, cycles, open: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read_and_has_what_everything_falls_back_to() {
        for core in cores().unwrap() {
            for key in ["*", "call", "call f32", "load", "store", "loop", "step", "routine", "index division"] {
                assert!(core.cost.contains_key(key), "{} has no `{key}`", core.name);
            }
        }
        assert_eq!(core("thumbv7em-none-eabihf").unwrap().name, "cortex-m4f");
        assert!(core("z80").unwrap_err().to_string().contains("there are cortex-m0, cortex-m3"));
    }

    #[test]
    fn the_most_particular_entry_counts() {
        let core = core("cortex-m4f").unwrap();
        let cycles = |what: &str| core.one(what).cycles;
        assert_eq!(
            [cycles("mul f32"), cycles("div f32"), cycles("load f32"), cycles("and u32")],
            [1.0, 14.0, 2.0, 1.0]
        );
        assert_eq!(cycles("call exp f32"), core.cost["call exp f32"][1]);
        assert_eq!(cycles("call tanh f32"), core.cost["call f32"][1]);
        assert_eq!(core.one("product f64").cycles, cycles("mul f64") + cycles("add f64"));
        assert_eq!(cycles("routine cholesky f32"), core.cost["routine"][1]);
    }

    #[test]
    fn a_tile_loads_each_factor_once_for_all_its_sums() {
        let core = core("cortex-m4f").unwrap();
        let step = |json: &str| -> Step { serde_json::from_str(json).unwrap() };
        let text = |m: u64, n: u64| {
            format!(
                r#"{{"time":0,"name":"k","what":"","place":null,"reads":[],"writes":[],"counts":{{}},"moved_bytes":0,
                "tile":{{"m":{m},"n":{n},"k":8,"outer":1,"a":{{"load f32":1}},"b":{{"load f32":1}}}}}}"#
            )
        };
        let fixed = core.one("step").instructions;
        let of = |m, n| core.step(&step(&text(m, n))).instructions - fixed;
        // A tile of 4 by 4: eight loads and the turn of the loop, eight times.
        assert_eq!(of(4, 4), 8.0 * (8.0 + core.one("loop").instructions));
        assert_eq!(of(8, 8), 4.0 * of(4, 4));
        assert_eq!(of(5, 4), 8.0 * (5.0 + 2.0 * 4.0 + 2.0 * core.one("loop").instructions));
    }
}
