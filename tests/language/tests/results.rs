//! Results of all forms that are large enough to be built where the caller wants them, and what they are made of.

use kiln::prelude::*;

#[derive(Clone, Debug, Tree)]
pub struct Net<T> {
    pub w: [[T; 16]; 16],
    pub pair: ([T; 16], [[T; 3]; 2]),
    pub flags: [bool; 300],
    pub scale: T,
}

#[jit]
impl Net<f32> {
    pub fn step(&self, x: &[f32; 16]) -> Self {
        Net { w: self.w * 2.0, pair: (self.pair.0 + x, self.pair.1), flags: !self.flags, scale: self.scale - 1.0 }
    }

    pub fn both(&self) -> (Self, [[f32; 16]; 16]) {
        (self, self.w + 1.0)
    }

    pub fn checked(&self) -> Result<Self, kiln::CheckError> {
        check!(all(self.w > 0.0), "the weights are positive");
        Ok(self)
    }
}

#[derive(Clone, Tree)]
struct Hidden<const N: usize> {
    w: [[f32; N]; N],
    n: u8,
}

/// A type that nobody else sees, in a list.
#[jit]
fn sorted<'a>(h: &'a Hidden<9>, x: &[f32; 9]) -> [Hidden<9>; 2] {
    [Hidden { w: h.w, n: h.n }, Hidden { w: h.w.at[2].set(sort(x)), n: h.n + 1 }]
}

#[jit]
pub fn powers<T, const N: usize>(x: &[[T; N]; N]) -> ([[T; N]; N], [T; N]) {
    (matmul(x, x), sum(x, axis = 0))
}
kiln::instantiate!(fn powers_9 = powers::<f64, 9>);

/// The result is written in a loop, a row at a time, and read again.
#[jit]
pub fn rolled(x: &[f32; 8]) -> ([[f32; 8]; 12], f32) {
    let mut rows = [[0.0; 8]; 12];
    let mut last = *x;
    for t in 0..12 {
        last = roll(last, 1) + 1.0;
        rows[t] = last;
    }
    (rows, sum(rows))
}

fn net() -> Net<f32> {
    Net {
        w: [[1.0; 16]; 16],
        pair: ([0.5; 16], [[2.0; 3]; 2]),
        flags: core::array::from_fn(|i| i % 3 == 0),
        scale: 4.0,
    }
}

#[test]
fn trees_are_whole() {
    let s = net().step(&core::array::from_fn(|i| i as f32));
    assert_eq!(s.w, [[2.0; 16]; 16]);
    assert_eq!(s.pair.0, core::array::from_fn(|i| i as f32 + 0.5));
    assert_eq!((s.pair.1, s.scale), ([[2.0; 3]; 2], 3.0));
    assert_eq!(s.flags, core::array::from_fn(|i| i % 3 != 0));
    let (n, w) = net().both();
    assert_eq!((n.w, n.flags, n.scale, w), ([[1.0; 16]; 16], net().flags, 4.0, [[2.0; 16]; 16]));
}

#[test]
fn checked_trees_are_whole_or_an_error() {
    assert_eq!(net().checked().map(|n| (n.w, n.pair.0, n.flags)), Ok(([[1.0; 16]; 16], [0.5; 16], net().flags)));
    let mut wrong = net();
    wrong.w[3][4] = -1.0;
    assert!(wrong.checked().is_err());
}

#[test]
fn lists_and_generic_results_are_whole() {
    let h = Hidden { w: [[1.0; 9]; 9], n: 7 };
    let [first, second] = sorted(&h, &core::array::from_fn(|i| 9.0 - i as f32));
    assert_eq!((first.w, first.n, second.n), (h.w, 7, 8));
    assert_eq!((second.w[1], second.w[2]), ([1.0; 9], core::array::from_fn(|i| i as f32 + 1.0)));
    assert_eq!(powers_9(&[[2.0; 9]; 9]), ([[36.0; 9]; 9], [18.0; 9]));
}

#[test]
fn what_a_loop_writes_is_whole() {
    let (rows, total) = rolled(&[1.0; 8]);
    assert_eq!(rows, core::array::from_fn(|t| [t as f32 + 2.0; 8]));
    assert_eq!(total, 8.0 * (2..14).sum::<i32>() as f32);
}
