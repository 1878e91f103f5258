//! The reference run that came with the data: the same training, computed with JAX.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The run of `digits-reference.json` that trains this network.
const RUN: &str = "mlp-64-32-10-relu";

/// What the reference says about the training.
#[derive(Debug, Deserialize)]
pub struct Curve {
    pub steps: usize,
    pub curve: Vec<Point>,
    pub final_step_loss: f64,
    pub final_test_correct: u32,
}

/// The loss of one step's batch, before the step.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Point {
    pub step: usize,
    pub loss: f64,
}

impl Curve {
    /// All losses that it has, that of the last step included.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        let last = Point { step: self.steps - 1, loss: self.final_step_loss };
        self.curve.iter().copied().chain([last])
    }
}

/// Reads the run from the file.
pub fn read(path: &Path) -> Result<Curve> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut file: serde_json::Value = serde_json::from_str(&text)?;
    serde_json::from_value(file["runs"][RUN]["f32"].take())
        .with_context(|| format!("{} lacks the run {RUN}", path.display()))
}
