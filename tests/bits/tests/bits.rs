//! The bits on the machine that runs the tests: on each instruction set that it has, or in the emulator that stands for it.

use kiln::rt::Isa;
use kiln_bits::CASES;

#[test]
fn kernels_give_the_bits_of_the_reference_evaluator() {
    let levels: &[&str] = match () {
        () if cfg!(target_arch = "x86_64") => &["SSE2", "AVX2", "AVX-512"],
        () if cfg!(target_arch = "aarch64") => &["NEON"],
        () if cfg!(target_feature = "simd128") => &["simd128"],
        () => &["no vectors"],
    };
    for (n, level) in levels.iter().enumerate() {
        if !Isa::limit(n as u8) {
            println!("{level}: skipped, this processor lacks it");
            continue;
        }
        let mut elements = 0;
        let mut wrong = Vec::new();
        for case in CASES {
            let outcome = (case.run)();
            elements += outcome.elements;
            if outcome.wrong > 0 {
                wrong.push(format!("{}: {} of {} elements", case.name, outcome.wrong, outcome.elements));
            }
        }
        assert!(wrong.is_empty(), "{level}: other bits in\n{}", wrong.join("\n"));
        println!("{level}: {elements} elements of {} kernels have the bits of the reference evaluator", CASES.len());
    }
}
