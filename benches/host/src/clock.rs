//! Time of a call: the processor's, in many short runs.

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;

/// What is to be run, and for how long.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Part of the name of a system.
    pub system: String,
    /// Parts of the names of workloads.
    pub workloads: Vec<String>,
    /// Seconds per workload.
    pub seconds: f64,
}

/// Processor time of this process in nanoseconds.
fn cpu_ns() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

impl Clock {
    /// Whether anybody asked for this.
    pub fn wants(&self, system: &str, workload: &str) -> bool {
        system.contains(&self.system) && self.workloads.iter().any(|part| workload.contains(part))
    }

    /// Times `call` on `state`, and prints a line with the time and a checksum of the results of the first call.
    pub fn run<S>(
        &self,
        system: &str,
        workload: &str,
        state: impl FnOnce() -> S,
        mut call: impl FnMut(&mut S),
        results: impl Fn(&S) -> Vec<Vec<f32>>,
    ) {
        if !self.wants(system, workload) {
            return;
        }
        let mut state = state();
        call(&mut state);
        let (mut check, mut size, mut numbers) = (0.0, 0.0, 0);
        for (i, x) in results(&state).iter().flat_map(|x| x.iter().enumerate()) {
            let weight = 1.0 + (i % 16) as f64 / 16.0;
            check += f64::from(*x) * weight;
            size += f64::from(x.abs()) * weight;
            numbers += 1;
        }
        call(&mut state);
        let start = Instant::now();
        call(&mut state);
        let calls = (150_000 / start.elapsed().as_nanos().max(50)).clamp(1, 2000) as u32;
        let mut times = Vec::new();
        let start = Instant::now();
        while times.len() < 7 || start.elapsed().as_secs_f64() < self.seconds && times.len() < 4000 {
            let before = cpu_ns();
            for _ in 0..calls {
                call(black_box(&mut state));
            }
            times.push((cpu_ns() - before) / f64::from(calls));
        }
        times.sort_by(f64::total_cmp);
        let line = json!({
            "system": system, "workload": workload, "ns_min": times[0], "ns_median": times[times.len() / 2],
            "samples": times.len(), "check": check, "size": size, "numbers": numbers,
        });
        println!("{line}");
    }
}
