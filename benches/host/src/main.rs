//! The workloads of `cargo xtask bench host`, one line of JSON for each system and workload.
//!
//! `kiln-bench-host [--system PART] [--workload PART,PART..] [--seconds N]`
#![recursion_limit = "512"]

mod clock;
mod copy;
mod inputs;
mod kernels;
mod kiln;
mod peers;

use clock::Clock;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1)).cloned();
    let seconds = after("--seconds").and_then(|s| s.parse().ok()).unwrap_or(0.3);
    let system = after("--system").unwrap_or_default();
    let workloads = after("--workload").unwrap_or_default().split(',').map(str::to_owned).collect();
    let clock = Clock { system, workloads, seconds };
    // Kernels keep their arrays on the stack; those of the largest need more than a thread has.
    let worker = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        kiln::run(&clock);
        copy::run(&clock);
        peers::run(&clock);
    });
    worker.expect("a thread").join().expect("the workloads run");
}
