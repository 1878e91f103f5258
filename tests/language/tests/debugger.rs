//! `#[jit(unfused)]` under a debugger: breakpoints on the lines of the program, and every `let` with its name, type and value.

use std::process::Command;

use kiln::prelude::*;

#[derive(Clone, Tree)]
struct Gain {
    k: f32,
}

#[jit(unfused)]
fn stepwise(g: &Gain, x: &[f32; 4], up: bool) -> f32 {
    let doubled = x * 2.0;
    let mut total = 0.0;
    for i in 0..4 {
        let part = doubled[i] * g.k;
        total += part;
    }
    let (low, high) = (min(x), max(x));
    let spread = high - low;
    let answer = if up { total + spread } else { total };
    let rows = reshape(doubled, (2, 2));
    answer + sum(rows)
}

/// What the other test looks at.
#[test]
fn debugged() {
    assert_eq!(stepwise(&Gain { k: 3.0 }, &[0.5, 1.0, 1.5, 2.0], true), 41.5);
}

/// What gdb says after stopping at each of the lines, or why it cannot be asked.
fn gdb(lines: &[u32]) -> Result<String, &'static str> {
    if Command::new("gdb").arg("--version").output().is_err() {
        return Err("there is no gdb");
    }
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-q", "-batch", "-ex", "set breakpoint pending off", "-ex", "set debuginfod enabled off"]);
    for line in lines {
        gdb.args(["-ex", &format!("tbreak debugger.rs:{line}")]);
    }
    gdb.args(["-ex", "run --exact debugged --test-threads=1 --nocapture"]);
    for _ in lines {
        gdb.args(["-ex", "info locals", "-ex", "continue"]);
    }
    let out = gdb.arg(std::env::current_exe().expect("a test")).output().expect("gdb runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if said.contains("No symbol table") || said.contains("No source file named") || said.contains("No line") {
        return Err("the tests were built without debug information");
    }
    if said.contains("ptrace") {
        return Err("gdb may not look at processes here");
    }
    Ok(said)
}

#[test]
fn every_let_is_seen_at_its_line() {
    let first = line!() - 47;
    let (part, spread, answer, last) = (first + 5, first + 8, first + 9, first + 11);
    match gdb(&[part, spread, answer, last]) {
        Err(why) => println!("skipped: {why}"),
        Ok(said) => {
            for seen in [
                "doubled = [1, 2, 3, 4]",
                "part = 3",
                "total = 30",
                "low = 0.5",
                "high = 2",
                "spread = 1.5",
                "answer = 31.5",
            ] {
                assert!(said.lines().any(|line| line.trim() == seen), "{seen} is not in\n{said}");
            }
            assert!(said.contains("rows = [[1, 2], [3, 4]]"), "{said}");
            for (line, text) in [(spread, "let spread = high - low;"), (answer, "let answer = if up")] {
                assert!(said.contains(&format!("{line}\t    {text}")), "gdb does not stop at line {line}:\n{said}");
            }
        }
    }
}
