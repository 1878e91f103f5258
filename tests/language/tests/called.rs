//! Kernels that are called instead of traced again: values, derivatives, batches, loops and branches through them.

mod common;

use common::lines;
use kiln::prelude::*;
use kiln::test::{Tolerance, check_grads};

/// A chain of kernels that is too deep for its last ones to be traced in their callers.
mod chain {
    use super::*;

    #[jit]
    pub fn stage0(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        sin(x) * w
    }

    #[jit]
    pub fn stage1(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage0(w, x);
        y + 0.25 * x
    }

    #[jit]
    pub fn stage2(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage1(w, x);
        tanh(y)
    }

    #[jit]
    pub fn stage3(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage2(w, x);
        y * w
    }

    #[jit]
    pub fn stage4(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage3(w, x);
        cumsum(y) * 0.5
    }

    #[jit]
    pub fn stage5(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage4(w, x);
        y - mean(y)
    }

    #[jit]
    pub fn stage6(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage5(w, x);
        y + x * x * 0.125
    }

    #[jit]
    pub fn stage7(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage6(w, x);
        flip(y)
    }

    #[jit]
    pub fn stage8(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage7(w, x);
        y * 1.5
    }

    #[jit]
    pub fn stage9(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage8(w, x);
        cos(y) + w
    }

    #[jit]
    pub fn stage10(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage9(w, x);
        y * x
    }

    #[jit]
    pub fn stage11(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
        let y = stage10(w, x);
        y + 0.5
    }
}
use chain::stage11;

/// The same in Rust.
fn in_rust(w: &[f64; 4], x: &[f64; 4]) -> [f64; 4] {
    let each = |f: &dyn Fn(usize) -> f64| core::array::from_fn(f);
    let y: [f64; 4] = each(&|i| (x[i].sin() * w[i] + 0.25 * x[i]).tanh() * w[i]);
    let y = each(&|i| y[..=i].iter().sum::<f64>() * 0.5);
    let y = each(&|i| y[i] - y.iter().sum::<f64>() / 4.0 + x[i] * x[i] * 0.125);
    each(&|i| ((y[3 - i] * 1.5).cos() + w[i]) * x[i] + 0.5)
}

const W: [f32; 4] = [0.5, -0.75, 1.25, 0.3];
const X: [f32; 4] = [0.3, -0.7, 1.5, 0.9];

#[jit]
fn loss(w: &[f32; 4], x: &[f32; 4]) -> f32 {
    sum(square(stage11(w, x)))
}

#[jit]
fn loss_grad(w: &[f32; 4], x: &[f32; 4]) -> [f32; 4] {
    grad(loss)(w, x)
}

#[jit]
fn loss_and_grad(w: &[f32; 4], x: &[f32; 4]) -> (f32, [f32; 4]) {
    // One call stays, beside a derivative that needs the body of what it calls.
    (sum(square(stage11(w, x))), grad(loss)(w, x))
}

#[jit]
fn of_rows(w: &[f32; 4], rows: &[[f32; 4]; 3]) -> [[f32; 4]; 3] {
    vmap(|x| stage11(w, x))(rows)
}

/// Calls in loops and branches stay calls.
#[jit]
fn repeated(w: &[f32; 4], x: &[f32; 4], n: i32) -> [f32; 4] {
    let mut y = x;
    for _ in 0..5 {
        if n > 3 {
            y = stage11(w, y) * 0.5;
        } else {
            y = y * 0.5;
        }
    }
    y
}

fn bits(y: [f32; 4]) -> [u32; 4] {
    y.map(f32::to_bits)
}

#[test]
fn a_called_kernel_computes_what_rust_does() {
    assert!(loss::GRAPH.contains("call[kernel"), "{}", loss::GRAPH);
    let expected = in_rust(&W.map(f64::from), &X.map(f64::from));
    for (y, e) in stage11(&W, &X).into_iter().zip(expected) {
        assert!((f64::from(y) - e).abs() < 1e-6, "{y} {e}");
    }
    let squares: f64 = expected.iter().map(|y| y * y).sum();
    assert!((f64::from(loss(&W, &X)) - squares).abs() < 1e-5);
}

#[test]
fn derivatives_go_through_what_is_called() {
    assert_eq!(check_grads(|w| loss(w, &X), &loss_grad(&W, &X), &W, &Tolerance::F32), Ok(()));
    let (value, gradient) = loss_and_grad(&W, &X);
    assert_eq!((value.to_bits(), bits(gradient)), (loss(&W, &X).to_bits(), bits(loss_grad(&W, &X))));
}

#[test]
fn batches_loops_and_branches_go_through_what_is_called() {
    let rows = [X, [0.1, 0.2, -0.4, 2.0], [-1.5, 0.6, 0.0, 0.25]];
    assert_eq!(of_rows(&W, &rows).map(bits), rows.map(|x| bits(stage11(&W, &x))));
    let half = |y: [f32; 4]| y.map(|y| y * 0.5);
    let (called, not) = (0..5).fold((X, X), |(a, b), _| (half(stage11(&W, &a)), half(b)));
    assert!(repeated::GRAPH.matches("call[kernel").count() == 1, "{}", repeated::GRAPH);
    assert_eq!((bits(repeated(&W, &X, 4)), bits(repeated(&W, &X, 3))), (bits(called), bits(not)));
}

/// Kernels with state, which they change in place.
mod filter {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct State {
        pub x: [f32; 4],
        pub p: [[f32; 4]; 4],
        pub settled: bool,
    }

    /// Long enough to be called: what each step is made of is written out.
    #[jit]
    pub fn step(s: &mut State, w: &[f32; 4], y: f32, sharp: bool, first: &[bool; 4]) -> (f32, bool) {
        let x = stage11(w, s.x);
        let gain = matmul(s.p, w) / (dot(w, matmul(s.p, w)) + 0.5);
        let off = y - dot(w, x);
        let moved = if sharp { gain * off } else { gain * off * 0.5 };
        s.x = where_(first, x + moved, x - moved);
        s.p = s.p - gain[(.., None)] * matmul(w, s.p)[(None, ..)] * 0.5;
        s.settled = s.settled | (abs(off) < 0.5);
        (off, s.settled ^ sharp)
    }

    /// [`step`], traced by whoever calls it.
    #[jit(inline)]
    pub fn step_traced(s: &mut State, w: &[f32; 4], y: f32, sharp: bool, first: &[bool; 4]) -> (f32, bool) {
        let x = stage11(w, s.x);
        let gain = matmul(s.p, w) / (dot(w, matmul(s.p, w)) + 0.5);
        let off = y - dot(w, x);
        let moved = if sharp { gain * off } else { gain * off * 0.5 };
        s.x = where_(first, x + moved, x - moved);
        s.p = s.p - gain[(.., None)] * matmul(w, s.p)[(None, ..)] * 0.5;
        s.settled = s.settled | (abs(off) < 0.5);
        (off, s.settled ^ sharp)
    }
}
use filter::{State, step, step_traced};

/// Of a parameter, in a loop, of parts of a local, and twice of one value.
macro_rules! filtered {
    ($name:ident = $step:ident) => {
        #[jit]
        fn $name(s: &mut State, w: &[f32; 4], ys: &[f32; 6]) -> ([f32; 6], [bool; 6], State, f32) {
            let before = s;
            let mut offs = [0.0; 6];
            let mut flags = [false; 6];
            for i in 0..6 {
                let (off, flag) = $step(s, w, ys[i], i % 2 == 0, [true, false, i < 3, true]);
                offs[i] = off;
                flags[i] = flag;
            }
            let mut other = State { x: before.x * 0.5, ..s };
            let (last, _) = $step(&mut other, before.x, 0.25, offs[5] > 0.0, flags[0..4]);
            (offs, flags, other, last)
        }
    };
}
filtered!(filtered = step);
filtered!(filtered_traced = step_traced);

/// There is no result but what is changed.
#[jit]
fn advance(s: &mut State, w: &[f32; 4], ys: &[f32; 6]) {
    for i in 0..6 {
        step(s, w, ys[i], true, [true, false, true, false]);
    }
}

/// In a loop and a branch.
#[jit]
fn settle(s: &mut State, w: &[f32; 4], n: i32) {
    let mut k = 0;
    while k < n {
        let (off, _) = step(s, w, 1.0, false, [true; 4]);
        if off > 0.25 {
            let _unread = step(s, w, off, true, [false; 4]);
        }
        k += 1;
    }
}

#[test]
fn what_a_callee_changes_it_changes_in_place() {
    assert_eq!(filtered::GRAPH.matches("changes=(0,1,2)").count(), 2, "{}", filtered::GRAPH);
    assert!(!filtered_traced::GRAPH.contains("changes="));
    assert_eq!(settle::GRAPH.matches("call[kernel").count(), 2, "{}", settle::GRAPH);
    let p = core::array::from_fn(|i| core::array::from_fn(|j| if i == j { 1.0 } else { 0.125 }));
    let start = State { x: X, p, settled: false };
    let ys = [0.5, -0.25, 0.75, 1.0, -1.5, 0.125];
    let (mut a, mut b) = (start.clone(), start.clone());
    let (called, traced) = (filtered(&mut a, &W, &ys), filtered_traced(&mut b, &W, &ys));
    assert_eq!((a.clone(), called), (b, traced));
    // The state is changed where it is.
    let (own, callee) = (size_of::<advance::Workspace>(), size_of::<step::Workspace>());
    assert!(a != start && own < callee + 48, "{own} {callee}");
    let (mut a, mut b) = (start.clone(), start.clone());
    advance(&mut a, &W, &ys);
    for y in ys {
        step(&mut b, &W, y, true, &[true, false, true, false]);
    }
    assert_eq!(a, b);
    let (mut a, mut b) = (start.clone(), start);
    settle(&mut a, &W, 3);
    for _ in 0..3 {
        let (off, _) = step(&mut b, &W, 1.0, false, &[true; 4]);
        if off > 0.25 {
            step(&mut b, &W, off, true, &[false; 4]);
        }
    }
    assert_eq!(a, b);
}

/// Its kilobyte is dead where the other kernel is called.
#[jit]
fn behind_a_large_array(w: &[f32; 4], x: &[f32; 256]) -> [f32; 4] {
    let y = nn::softmax(x);
    stage11(w, y[100..104])
}

/// Its kilobyte is made behind the call.
#[jit]
fn before_a_large_array(w: &[f32; 4], x: &[f32; 256]) -> [f32; 4] {
    let y = nn::softmax(x);
    stage11(w, x[0..4]) + y[100..104]
}

/// Its kilobyte is needed before the call and behind it.
#[jit]
fn around_a_large_array(w: &[f32; 4], x: &[f32; 256]) -> [f32; 4] {
    let y = nn::softmax(x);
    let z = stage11(w, y[0..4]);
    z + y[100..104]
}

#[jit]
fn of_a_large_array(x: &[f32; 256]) -> ([f32; 4], [f32; 4]) {
    let y = nn::softmax(x);
    (y[0..4], y[100..104])
}

#[test]
fn the_memory_of_a_callee_takes_the_place_of_what_is_dead() {
    let callee = size_of::<stage11::Workspace>();
    let own = size_of::<of_a_large_array::Workspace>();
    let beside = |bytes: usize| bytes - own;
    let behind = beside(size_of::<behind_a_large_array::Workspace>());
    let before = beside(size_of::<before_a_large_array::Workspace>());
    let around = beside(size_of::<around_a_large_array::Workspace>());
    assert!(own >= 1024 && callee > 48, "{own} {callee}");
    // Beside the kilobyte there are what is passed and what comes back.
    assert!(
        behind <= 32 && before <= 32 && (callee..callee + 48).contains(&around),
        "{behind} {before} {around} {callee}"
    );
    let x: [f32; 256] = core::array::from_fn(|i| ((i * 37) % 256) as f32 * 0.01 - 1.0);
    let (first, later) = of_a_large_array(&x);
    let plus = |a: [f32; 4], b: [f32; 4]| core::array::from_fn(|i| a[i] + b[i]);
    assert_eq!(bits(behind_a_large_array(&W, &x)), bits(stage11(&W, &later)));
    assert_eq!(bits(before_a_large_array(&W, &x)), bits(plus(stage11(&W, &[x[0], x[1], x[2], x[3]]), later)));
    assert_eq!(bits(around_a_large_array(&W, &x)), bits(plus(stage11(&W, &first), later)));
}

/// Another, whose first kernel prints, and finds no number.
mod noisy {
    use super::*;

    #[jit]
    pub fn stage0(x: f32) -> f32 {
        debug_print!("x = {x}");
        sqrt(x)
    }

    #[jit]
    pub fn stage1(x: f32) -> f32 {
        stage0(x) + 1.0
    }

    #[jit]
    pub fn stage2(x: f32) -> f32 {
        stage1(x) + 1.0
    }

    #[jit]
    pub fn stage3(x: f32) -> f32 {
        stage2(x) + 1.0
    }

    #[jit]
    pub fn stage4(x: f32) -> f32 {
        stage3(x) + 1.0
    }

    #[jit]
    pub fn stage5(x: f32) -> f32 {
        stage4(x) + 1.0
    }

    #[jit]
    pub fn stage6(x: f32) -> f32 {
        stage5(x) + 1.0
    }

    #[jit]
    pub fn stage7(x: f32) -> f32 {
        stage6(x) + 1.0
    }

    #[jit]
    pub fn stage8(x: f32) -> f32 {
        stage7(x) + 1.0
    }

    #[jit]
    pub fn stage9(x: f32) -> f32 {
        stage8(x) + 1.0
    }

    #[jit]
    pub fn stage10(x: f32) -> f32 {
        stage9(x) + 1.0
    }
}

#[jit]
fn twice(x: f32) -> f32 {
    debug_print!("before");
    let y = noisy::stage10(x);
    debug_print!("between");
    // Nothing reads it, but it prints.
    let _unread = noisy::stage10(x * 4.0);
    y
}

#[jit(debug_nans)]
fn searched(x: f32) -> f32 {
    noisy::stage10(x) * 2.0
}

#[test]
fn what_is_called_prints_where_it_is_called() {
    assert!(twice::GRAPH.contains("call[kernel"), "{}", twice::GRAPH);
    let (y, written) = lines(|| twice(4.0));
    assert_eq!((y, written), (12.0, ["before", "x = 4", "between", "x = 16"].map(String::from).to_vec()));
}

#[test]
fn the_first_nan_is_found_behind_calls() {
    let (y, written) = lines(|| searched(-4.0));
    assert!(y.is_nan());
    assert!(written.iter().any(|line| line.contains("the first NaN is a result of `sqrt`")), "{written:?}");
    let (y, written) = lines(|| searched(4.0));
    assert_eq!((y, written), (24.0, vec!["x = 4".to_owned()]));
}

#[jit(ram = 1000)]
fn limited(w: &[f32; 4], x: &[f32; 4]) -> f32 {
    sum(square(stage11(w, x)))
}

#[jit(fast)]
fn fast(w: &[f32; 4], x: &[f32; 4]) -> f32 {
    sum(square(stage11(w, x)))
}

#[test]
fn options_hold_for_all_that_a_kernel_does() {
    let graphs = [limited::GRAPH, fast::GRAPH, searched::GRAPH];
    assert!(graphs.iter().all(|graph| !graph.contains("call[kernel")), "{graphs:?}");
    assert!(limited::RAM_BYTES <= 1000 && loss::RAM_BYTES > 1000, "{} {}", limited::RAM_BYTES, loss::RAM_BYTES);
    assert_eq!(limited(&W, &X).to_bits(), loss(&W, &X).to_bits());
    assert!((fast(&W, &X) - loss(&W, &X)).abs() < 1e-5);
}

/// A chain whose first kernel checks.
mod strict {
    use super::*;

    #[jit]
    pub fn root(x: f32) -> Result<f32, kiln::CheckError> {
        check!(x >= 0.0, "no root of {}", x);
        Ok(sqrt(x))
    }

    macro_rules! chain {
        ($($name:ident = $below:ident;)*) => {$(
            #[jit]
            pub fn $name(x: f32) -> Result<f32, kiln::CheckError> {
                let y = $below(x - 1.0)?;
                Ok(y + 1.0)
            }
        )*};
    }
    chain! {
        r1 = root; r2 = r1; r3 = r2; r4 = r3; r5 = r4; r6 = r5; r7 = r6; r8 = r7; r9 = r8; r10 = r9; r11 = r10;
    }
}

#[jit]
fn counted(n: &mut i32, w: &[f32; 4], x: f32) -> Result<f32, kiln::CheckError> {
    *n += 1;
    let y = stage11(w, [x; 4]);
    let z = strict::r11(x)?;
    Ok(z + y[0])
}

/// A function with a `Result` is traced however deep it lies, and fails before anything has changed.
#[test]
fn a_check_many_calls_down_ends_the_call_at_the_top() {
    assert!(counted::GRAPH.contains("call[kernel") && counted::GRAPH.contains("check["), "{}", counted::GRAPH);
    let mut n = 0;
    assert_eq!(counted(&mut n, &W, 20.0).map(f32::to_bits), Ok((14.0 + stage11(&W, &[20.0; 4])[0]).to_bits()));
    let failed = counted(&mut n, &W, 10.0).unwrap_err().to_string();
    assert!(failed.contains("no root of -1"), "{failed}");
    assert_eq!(n, 1);
}
