//! `include_tree!`: values of files that NumPy and safetensors wrote (`weights/make.py`).

use kiln::include_tree;
use kiln::prelude::*;

#[derive(Clone, Debug, PartialEq, Tree)]
pub struct Dense<const I: usize, const O: usize> {
    pub w: [[f32; I]; O],
    pub b: [f32; O],
}

#[derive(Clone, Debug, PartialEq, Tree)]
pub struct Mlp {
    pub l1: Dense<3, 2>,
    pub l2: Dense<2, 1>,
}

#[jit]
fn predict(p: &Mlp, x: &[f32; 3]) -> f32 {
    (matmul(p.l2.w, tanh(matmul(p.l1.w, x) + p.l1.b)) + p.l2.b)[0]
}

static MLP: Mlp = include_tree!(Mlp, "weights/mlp.safetensors");

fn mlp() -> Mlp {
    Mlp {
        l1: Dense { w: [[-1.0, -0.875, -0.75], [-0.625, -0.5, -0.375]], b: [-1.0, -0.875] },
        l2: Dense { w: [[-1.0, -0.875]], b: [-1.0] },
    }
}

#[test]
fn a_static_is_made_of_a_file() {
    assert_eq!(MLP, mlp());
    assert_eq!(predict(&MLP, &[1.0, 2.0, 3.0]), predict(&mlp(), &[1.0, 2.0, 3.0]));
}

#[test]
fn archives_of_numpy_hold_the_same_packed_or_not_by_rows_or_by_columns() {
    assert_eq!(include_tree!(Mlp, "weights/mlp.npz"), mlp());
    assert_eq!(include_tree!(Mlp, "weights/compressed.npz"), mlp());
}

#[test]
fn one_array_needs_no_name() {
    let matrix = include_tree!([[f64; 4]; 3], "weights/matrix.npy");
    assert_eq!(matrix, [[-1.0, -0.875, -0.75, -0.625], [-0.5, -0.375, -0.25, -0.125], [0.0, 0.125, 0.25, 0.375]]);
}

#[derive(Clone, Debug, PartialEq, Tree)]
struct Cell {
    n: u32,
    w: [f32; 2],
}

#[derive(Clone, Debug, PartialEq, Tree)]
struct Pair(i8, [u16; 2]);

#[derive(Clone, Debug, PartialEq, Tree)]
struct All<T> {
    flag: [bool; 2],
    small: Pair,
    wide: [i64; 2],
    half: [T; 2],
    double: f64,
    cells: [Cell; 2],
    stacked: [[Cell; 3]; 2],
}

#[test]
fn fields_of_every_type_and_arrays_of_structs() {
    const ALL: All<f16> = include_tree!(All<f16>, "weights/all.safetensors");
    assert_eq!(ALL.flag, [true, false]);
    assert_eq!(ALL.small, Pair(-3, [1, 65535]));
    assert_eq!(ALL.wide, [i64::MIN, i64::MAX]);
    assert_eq!(ALL.half, [-1.0, -0.875].map(f16::from_f64));
    assert_eq!(ALL.double, core::f64::consts::PI);
    assert_eq!(ALL.cells, [Cell { n: 7, w: [-1.0, -0.875] }, Cell { n: 8, w: [9.0, 9.125] }]);
    for (i, cell) in ALL.stacked.as_flattened().iter().enumerate() {
        let w = [-1.0, -0.875].map(|w| w + i as f32 / 4.0);
        assert_eq!(*cell, Cell { n: i as u32, w });
    }
}

#[test]
fn what_numpy_cannot_name_is_read_too() {
    #[derive(Clone, Tree)]
    struct Exotic {
        z: [Complex<f32>; 2],
        bf: [bf16; 2],
    }
    let exotic = include_tree!(Exotic, "weights/exotic.npz");
    assert_eq!(exotic.z, [Complex::new(1.0, 2.0), Complex::new(3.0, -4.0)]);
    assert_eq!(exotic.bf, [-1.0, -0.875].map(bf16::from_f64));
}
