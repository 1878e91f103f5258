//! Writes what `tests/call_graphs.rs` compares: random programs of kernels that call each other.

use std::fmt::Write;
use std::path::Path;

fn main() {
    for name in ["KILN_CALL_GRAPHS", "KILN_CALL_GRAPHS_FROM"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let number = |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (from, count): (u64, u64) = (number("KILN_CALL_GRAPHS_FROM", 1), number("KILN_CALL_GRAPHS", 2));
    let graphs: String = (from..from + count).map(modules).collect();
    let calls: String = (from..from + count).map(|seed| format!("    graph{seed}::compare();\n")).collect();
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let text = format!("{graphs}fn compare_all() {{\n{calls}}}\n");
    std::fs::write(Path::new(&out).join("call_graphs.rs"), text).expect("a folder to write to");
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

/// Functions of each program; the last is what all others lead to.
const FUNCTIONS: usize = 15;

/// The same functions twice: in `called` each is a kernel, in `inlined` only those are that results are compared of.
fn modules(seed: u64) -> String {
    let mut random = Random(seed);
    random.below(1);
    let functions: Vec<String> = (0..FUNCTIONS).map(|n| function(&mut random, n)).collect();
    let mut out = String::new();
    writeln!(out, "mod graph{seed} {{\n    use kiln::prelude::*;").unwrap();
    writeln!(
        out,
        "    #[derive(Clone, Tree)]\n    pub struct Layer {{ pub w: [[f32; 6]; 6], pub b: [f32; 6] }}\n    \
         #[jit]\n    pub const SCALE: f32 = 0.75;"
    )
    .unwrap();
    for (module, inline) in [("called", ""), ("inlined", "(inline)")] {
        writeln!(out, "    pub mod {module} {{\n        use super::*;").unwrap();
        for (n, function) in functions.iter().enumerate() {
            let option = if is_compared(n) { "" } else { inline };
            writeln!(out, "        #[jit{option}]\n        pub fn stage{n}{function}").unwrap();
        }
        writeln!(out, "    }}").unwrap();
    }
    writeln!(out, "    pub fn compare() {{").unwrap();
    writeln!(
        out,
        "        let p = Layer {{ w: core::array::from_fn(|i| core::array::from_fn(|j| 0.05 * (i * 6 + j) as f32 - 0.8)), \
         b: [0.1, -0.2, 0.3, 0.4, -0.5, 0.6] }};\n        \
         let x = [0.3, -0.7, 0.25, 1.5, -1.25, 0.125];\n        let bits = |y: [f32; 6]| y.map(f32::to_bits);"
    )
    .unwrap();
    for n in (0..FUNCTIONS).filter(|n| is_compared(*n)) {
        writeln!(
            out,
            "        let (a, b) = (called::stage{n}(&p, &x, 3), inlined::stage{n}(&p, &x, 3));\n        \
             assert_eq!((bits(a.0), a.1), (bits(b.0), b.1), \"stage{n} of {seed}\");\n        \
             assert!(called::stage{n}::RAM_BYTES >= core::mem::size_of::<called::stage{n}::Workspace>());"
        )
        .unwrap();
    }
    let facts: String = (0..FUNCTIONS)
        .map(|n| format!("(\"stage{n}\", called::stage{n}::GRAPH, called::stage{n}::FLASH_CONST_BYTES), "))
        .collect();
    writeln!(out, "        super::constants_of_callees_count(&[{facts}]);").unwrap();
    writeln!(
        out,
        "        assert!(called::stage{last}::GRAPH.contains(\"call[\") && !inlined::stage{last}::GRAPH.contains(\"call[\"));\n    }}\n}}",
        last = FUNCTIONS - 1
    )
    .unwrap();
    out
}

fn is_compared(n: usize) -> bool {
    n % 5 == 4
}

/// The rest of function `n` behind its name: it calls the one before it, and perhaps some of the first.
fn function(random: &mut Random, n: usize) -> String {
    let mut body = String::from("let y = x; let k = i;");
    if n + 1 == FUNCTIONS {
        body.push_str(&format!(" let (u, k) = stage{}(p, y, k); let y = u * 0.5;", n - 1));
    }
    for t in 0..1 + random.below(3) {
        let step = random.of(&[
            "let y = sin(y) + SCALE;",
            "let y = cumsum(y) * 0.25;",
            "let y = tanh(matmul(p.w, y) + p.b);",
            "let y = y[::-1];",
            "let y = sort(y);",
            "let y = y - mean(y);",
            "let k = k * 3 + 1;",
            "let y = where_(y > 0.5, y * 0.5, y);",
            "let mut z = y; for j in 0..6 { z[j] = z[j] * 0.5 + sum(y) * 0.125; } let y = z;",
        ]);
        let step = step.replace("y[::-1]", "flip(y)");
        body.push_str(&format!(" {step}"));
        // What is inlined grows with the number of ways down: a second call, and a derivative, go to the bottom.
        let m = match t {
            _ if n == 0 || n + 1 == FUNCTIONS => continue,
            0 => n - 1,
            _ if random.below(2) > 0 => random.below(n.min(3)),
            _ => continue,
        };
        let call = random.of(&[
            "let (u, k) = stageM(p, y, k); let y = u;",
            "let (u, k) = stageM(p, y, k); let y = u;",
            "let (u, l) = stageM(Layer { w: p.w, b: p.b * 0.5 }, y, k); let y = y + u; let k = k + l;",
            "let (u, l) = stageM(p, [0.5, 0.25, 0.125, 0.5, 0.25, 0.125], 2); let y = y * 0.5 + u; let k = k ^ l;",
            "let y = y + grad(|v| sum(stage0(p, v, k).0))(y) * 0.125; let y = y + stageM(p, y, k).0;",
            "let mut y = y; for _ in 0..2 { y = stageM(p, y, k).0 * 0.5; }",
            "let y = if k > 5 { stageM(p, y, k).0 } else { -y };",
            "let y = mean(vmap(|v| stageM(p, v, k).0)([y, y * 0.5]), axis = 0);",
        ]);
        body.push_str(&format!(" {}", call.replace("stageM", &format!("stage{m}"))));
    }
    format!("(p: &Layer, x: &[f32; 6], i: i32) -> ([f32; 6], i32) {{ {body} (y, k) }}")
}
