//! Dense networks in ndarray, with gradients by hand.

use ndarray::{Array1, Array2, Axis, Zip};

use crate::clock::Clock;
use crate::inputs::{fill, flat, one_hot};

struct Net {
    w1: Array2<f32>,
    b1: Array1<f32>,
    w2: Array2<f32>,
    b2: Array1<f32>,
}

impl Net {
    fn new(inputs: usize, hidden: usize, seed: u64, scales: [f32; 2]) -> Net {
        let matrix = |seed, m, n, scale| Array2::from_shape_vec((m, n), fill(seed, m * n, scale)).expect("a matrix");
        Net {
            w1: matrix(seed, inputs, hidden, scales[0]),
            b1: Array1::from(fill(seed + 1, hidden, scales[0])),
            w2: matrix(seed + 2, hidden, 10, scales[1]),
            b2: Array1::from(fill(seed + 3, 10, scales[1])),
        }
    }

    /// Hidden layer and probabilities.
    fn forward(&self, x: &Array2<f32>) -> (Array2<f32>, Array2<f32>) {
        let hidden = (x.dot(&self.w1) + &self.b1).mapv_into(|h| h.max(0.0));
        let mut p = hidden.dot(&self.w2) + &self.b2;
        for mut row in p.rows_mut() {
            let most = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            row.mapv_inplace(|z| (z - most).exp());
            let sum = row.sum();
            row /= sum;
        }
        (hidden, p)
    }

    fn step(&mut self, x: &Array2<f32>, y: &Array2<f32>) -> f32 {
        let n = x.nrows() as f32;
        let (hidden, p) = self.forward(x);
        let loss = -Zip::from(&p).and(y).fold(0.0, |sum, p, y| if *y > 0.0 { sum + p.ln() } else { sum }) / n;
        let dz = (p - y) / n;
        let mut dh = dz.dot(&self.w2.t());
        Zip::from(&mut dh).and(&hidden).for_each(|d, h| {
            if *h <= 0.0 {
                *d = 0.0;
            }
        });
        self.w1.scaled_add(-0.01, &x.t().dot(&dh));
        self.b1.scaled_add(-0.01, &dh.sum_axis(Axis(0)));
        self.w2.scaled_add(-0.01, &hidden.t().dot(&dz));
        self.b2.scaled_add(-0.01, &dz.sum_axis(Axis(0)));
        loss
    }
}

pub fn run(c: &Clock) {
    let batch = |seed, n, inputs| Array2::from_shape_vec((n, inputs), fill(seed, n * inputs, 1.0)).expect("a batch");
    let large = || Net::new(784, 128, 10, [0.05, 0.1]);
    let small = || Net::new(64, 32, 20, [0.2, 0.2]);
    for n in [1, 32] {
        c.run(
            "ndarray",
            &format!("mlp_predict_b{n}"),
            || (large(), batch(14, n, 784), Array2::zeros((0, 0))),
            |(net, x, p)| *p = net.forward(x).1,
            |s| vec![s.2.iter().copied().collect()],
        );
    }
    let results = |s: &(Net, Array2<f32>, Array2<f32>, f32)| {
        let Net { w1, b1, w2, b2 } = &s.0;
        vec![w1.iter().copied().collect(), b1.to_vec(), w2.iter().copied().collect(), b2.to_vec(), vec![s.3]]
    };
    let labels = |y: Vec<f32>| Array2::from_shape_vec((y.len() / 10, 10), y).expect("labels");
    c.run(
        "ndarray",
        "mlp_train_b32",
        || (large(), batch(14, 32, 784), labels(flat(&one_hot::<32>())), 0.0),
        |(net, x, y, loss)| *loss = net.step(x, y),
        results,
    );
    c.run(
        "ndarray",
        "mlp_small_train_b16",
        || (small(), batch(24, 16, 64), labels(flat(&one_hot::<16>())), 0.0),
        |(net, x, y, loss)| *loss = net.step(x, y),
        results,
    );
}
