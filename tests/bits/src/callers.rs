//! Kernels that call each other, twelve deep: what `RAM_BYTES` says of the first one covers all of them.

use kiln::prelude::*;

use crate::{Case, Outcome};

/// What the kernels change.
#[derive(Clone, Copy, Debug, PartialEq, Tree)]
pub struct State {
    /// A vector.
    pub x: [f32; 8],
    /// How often it has changed.
    pub n: i32,
    /// Whether that is an odd number.
    pub odd: bool,
}

macro_rules! program {
    ($module:ident, $jit:meta, $($stage:ident = $below:ident;)*) => {
        /// The program, with kernels that are called or traced.
        pub mod $module {
            use super::*;

            /// The last one.
            #[$jit]
            pub fn bottom(s: &mut State, w: &[[f32; 8]; 8], hot: bool) -> [f32; 8] {
                s.n += 1;
                s.odd = !s.odd;
                if hot { matmul(w, s.x) } else { -s.x }
            }
            $(
                /// A stage.
                #[$jit]
                pub fn $stage(s: &mut State, w: &[[f32; 8]; 8], hot: bool) -> [f32; 8] {
                    let y = $below(s, w, !hot);
                    let e = exp((y - max(y)) * 0.25);
                    let z = matmul(w, e / sum(e)) + y * 0.5;
                    s.x = s.x * 0.75 + z * 0.25;
                    z
                }
            )*
            /// The first one.
            #[jit]
            pub fn top(s: &mut State, w: &[[f32; 8]; 8], hot: bool) -> ([f32; 8], f32) {
                let mut total = 0.0;
                for i in 0..3 {
                    let y = stage12(s, w, hot ^ (i == 1));
                    if s.odd {
                        total += sum(stage11(s, w, hot) * y);
                    }
                }
                let z = nn::softmax(matmul(w, w)) * total;
                (stage12(s, w, hot) + sum(z, axis = 0), total)
            }
        }
    };
}
macro_rules! stages {
    ($module:ident, $jit:meta) => {
        program! {
            $module, $jit,
            stage1 = bottom; stage2 = stage1; stage3 = stage2; stage4 = stage3; stage5 = stage4; stage6 = stage5;
            stage7 = stage6; stage8 = stage7; stage9 = stage8; stage10 = stage9; stage11 = stage10; stage12 = stage11;
        }
    };
}
stages!(called, jit);
stages!(traced, jit(inline));

/// Where the state begins.
pub const START: State = State { x: [0.5, -0.25, 0.75, 1.0, -1.5, 0.125, 0.0, 2.0], n: 0, odd: false };

/// The matrix.
pub static W: [[f32; 8]; 8] = {
    let (mut w, mut i) = ([[0.0; 8]; 8], 0);
    while i < 64 {
        w[i / 8][i % 8] = ((i * 37) % 64) as f32 * 0.03125 - 1.0;
        i += 1;
    }
    w
};

/// The bits of the result: those of [`traced`] on the host, which the tests hold them against.
pub const EXPECTED: [u32; 9] =
    [1066139176, 1069301055, 1067931163, 1060851990, 1061073490, 1053796529, 1068081399, 1069840766, 1066216454];

/// [`called`] against what has to come out.
pub const CASE: Case = Case { name: "callers", run, stack_bytes: called::top::RAM_BYTES + 2 * size_of::<State>() };

fn run() -> Outcome {
    let mut s = START;
    let (y, total) = called::top(&mut s, &W, true);
    let found = y.iter().chain([&total]).map(|x| x.to_bits());
    let wrong = found.zip(EXPECTED).filter(|(found, expected)| found != expected).count();
    Outcome { elements: EXPECTED.len(), wrong: wrong + usize::from(s.n != 7) }
}
