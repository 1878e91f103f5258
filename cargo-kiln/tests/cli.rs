//! The program on packages: its output, and that what it says is true.

use std::path::PathBuf;
use std::process::{Command, Output};

use expect_test::expect_file;
use kiln_fixture::digits::model;
use kiln_fixture::{cascade, filter, gain};
use serde_json::Value;

fn kiln(arguments: &[&str]) -> Output {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-kiln"));
    command.arg("kiln").args(arguments).current_dir(root).env("NO_COLOR", "1").output().expect("the program runs")
}

/// What it prints about the fixture.
fn prints(arguments: &[&str]) -> String {
    let out = kiln(&[arguments, &["-p", "kiln-fixture"]].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

/// What it says when it fails, without what cargo says before.
fn fails(arguments: &[&str]) -> String {
    let out = kiln(arguments);
    assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stderr).expect("text")
}

#[test]
fn kernels_of_every_kind_and_of_packages_below_are_found() {
    let records: Value = serde_json::from_str(&prints(&["report", "--json"])).expect("JSON");
    let paths: Vec<&str> = records.as_array().unwrap().iter().map(|k| k["path"].as_str().unwrap()).collect();
    let expected = [
        "digits::model::logits",
        "digits::model::loss",
        "digits::model::step",
        "kiln_fixture::Motor::torque",
        "kiln_fixture::dense_4_3",
        "kiln_fixture::filter::gain",
        "kiln_fixture::filter::walk",
        "kiln_fixture::gain",
        "kiln_fixture::outer::inner",
        "kiln_fixture::swing",
        "kiln_fixture::swing_grad",
        "kiln_fixture::table",
    ];
    let (deep, others): (Vec<&str>, Vec<&str>) = paths.into_iter().partition(|path| path.contains("::cascade::"));
    assert_eq!((others, deep.len()), (expected.to_vec(), 14));
    // The figures are those of the program.
    let of = |path: &str, what: &str| {
        records.as_array().unwrap().iter().find(|k| k["path"] == path).unwrap()[what].as_u64().unwrap() as usize
    };
    macro_rules! same {
        ($path:literal, $kernel:path) => {{
            use $kernel as kernel;
            assert_eq!(of($path, "arena_bytes"), size_of::<kernel::Workspace>());
            assert_eq!(of($path, "ram_bytes"), kernel::RAM_BYTES);
            assert_eq!(of($path, "flash_const_bytes"), kernel::FLASH_CONST_BYTES);
            assert_eq!(of($path, "flops"), kernel::FLOPS as usize);
        }};
    }
    same!("digits::model::step", model::step);
    same!("digits::model::loss", model::loss);
    same!("kiln_fixture::filter::walk", filter::walk);
    same!("kiln_fixture::gain", gain);
    // What is traced and emitted for a kernel does not grow with what lies below it, so a chain costs what its length says.
    let equations = |path: &str| {
        let records = records.as_array().unwrap();
        let kernel = records.iter().find(|k| k["path"] == format!("kiln_fixture::cascade::{path}")).unwrap();
        kernel["graph"].as_str().unwrap().matches(" = ").count()
    };
    let chain: Vec<usize> = (0..=12).map(|n| equations(&format!("s{n:02}"))).collect();
    assert!(chain[1] < chain[9] && chain[10..].iter().all(|n| *n <= chain[1]), "{chain:?}");
    // Of kernels that call others too, as if they did everything themselves.
    macro_rules! same_in_all {
        ($path:literal, $kernel:path) => {{
            use $kernel as kernel;
            assert!(kernel::GRAPH.contains("call[kernel="), "{}", kernel::GRAPH);
            assert_eq!(of($path, "ram_bytes"), kernel::RAM_BYTES);
            assert_eq!(of($path, "flash_const_bytes"), kernel::FLASH_CONST_BYTES);
            assert_eq!(of($path, "flops"), kernel::FLOPS as usize);
        }};
    }
    same_in_all!("kiln_fixture::cascade::s12", cascade::s12);
    same_in_all!("kiln_fixture::cascade::top", cascade::top);
    let report = prints(&["report", "top"]);
    assert!(report.contains("\ncalls 2 other kernels: stack, constants and operations are theirs too"), "{report}");
    // Their memory is in the picture.
    let arena = std::mem::size_of::<cascade::s12::Workspace>();
    let row = report.lines().find(|line| line.contains("all that `s12` needs"));
    assert!(row.is_some_and(|row| row.contains(&format!(" {arena} "))), "{report}");
}

#[test]
fn a_graph_has_lines_and_reasons() {
    expect_file!["snapshots/graph.txt"].assert_eq(&prints(&["graph", "walk"]));
}

#[test]
fn the_emitted_code_has_the_names_of_the_program() {
    expect_file!["snapshots/expand.txt"].assert_eq(&prints(&["expand", "Motor::torque"]));
    // What is printed is Rust, with calls one below the other also where a macro holds them.
    let walk = prints(&["expand", "walk"]);
    syn::parse_file(&walk).expect("Rust");
    // A block of assembler is one text.
    let is_text = |line: &str| line.starts_with("//") || line.contains("__assembler!");
    assert!(walk.lines().filter(|line| !is_text(line)).all(|line| line.len() <= 120), "{walk}");
    // Long tables are cut unless all of it is wanted.
    let (cut, full) = (prints(&["expand", "table"]), prints(&["expand", "table", "--full"]));
    assert!(cut.contains("\"4 more\"") && !full.contains("more") && full.contains("11i32"), "{cut}\n{full}");
}

#[test]
fn a_report_shows_memory_work_and_cost() {
    let folder = tempfile::tempdir().unwrap();
    let report = prints(&["report", "walk", "--svg", folder.path().to_str().unwrap()]);
    let shown = report.split("  · picture").next().unwrap();
    expect_file!["snapshots/report.txt"].assert_eq(shown);
    let svg = std::fs::read_to_string(folder.path().join("kiln_fixture.filter.walk.svg")).unwrap();
    // A rectangle for each buffer, with its story.
    let buffers = prints(&["report", "walk", "--json"]).matches("\"kind\": \"arena\"").count();
    assert_eq!(
        (svg.matches("not fused because").count(), svg.matches("<rect").count()),
        (buffers, buffers + 1),
        "{svg}"
    );
}

#[test]
fn a_report_shows_what_checkpoints_trade() {
    let folder = tempfile::tempdir().unwrap();
    let report = prints(&["report", "swing_grad", "--svg", folder.path().to_str().unwrap()]);
    let from = report.find("Memory for time").expect("a table");
    let table = &report[from..report[from..].find("\nSteps").map_or(report.len(), |n| from + n)];
    expect_file!["snapshots/checkpoints.txt"].assert_eq(table);
    let svg = std::fs::read_to_string(folder.path().join("kiln_fixture.swing_grad.svg")).unwrap();
    assert!(svg.contains("#[checkpoint(every = 5)] (as written)") && svg.contains("everything is kept"), "{svg}");
    // Where nothing runs backwards there is nothing to choose.
    assert!(!prints(&["report", "swing"]).contains("Memory for time"));
}

#[test]
fn what_cannot_be_shown_is_told_with_what_can() {
    let why = fails(&["graph", "gain", "-p", "kiln-fixture"]);
    assert!(why.contains("`gain` may be any of these") && why.contains("\n  kiln_fixture::filter::gain"), "{why}");
    let why = fails(&["graph", "wlak", "-p", "kiln-fixture"]);
    assert!(why.contains("there is no kernel `wlak`; did you mean `walk`?"), "{why}");
    // A generic function has no kernel, and the message says which have.
    assert!(fails(&["graph", "dense", "-p", "kiln-fixture"]).contains("kiln_fixture::dense_4_3"));
    let why = fails(&["graph", "-p", "kiln-math"]);
    assert!(why.contains("no kernels here: a kernel is a function with `#[jit]` that is not generic"), "{why}");
    let why = fails(&["report", "walk", "--core", "z80", "-p", "kiln-fixture"]);
    assert!(why.contains("there is no table for `z80`; there are cortex-m0, "), "{why}");
    // Cargo's own words, then that they are above.
    let why = fails(&["graph", "-p", "kiln-fixture", "--features", "broken"]);
    assert!(why.contains("f32[4]") && why.contains("the package does not build; cargo says why above"), "{why}");
}

#[test]
fn a_record_is_said_by_no_ordinary_build() {
    // The fixture denies warnings, and is linked to this test.
    let out = prints(&["graph", "torque"]);
    assert!(out.starts_with("// kiln_fixture::Motor::torque, cargo-kiln/tests/fixture/src/lib.rs:"), "{out}");
    assert!(!filter::walk::GRAPH.contains("not fused because") && out.contains("not fused because"));
}
