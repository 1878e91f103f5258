both! {
    dsp {
        pub struct Dummy;
        pub fn fir(x: &[f32; 16], h: &[f32; 4]) -> [f32; 13] {
            let mut y = [0.0; 13];
            for n in 0..13 {
                let mut acc = 0.0;
                for k in 0..4 {
                    acc += h[k] * x[n + 3 - k];
                }
                y[n] = acc;
            }
            y
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Biquad {
            pub b: [f32; 3],
            pub a: [f32; 2],
            pub z: [f32; 2],
        }
        impl Biquad {
            pub fn step(&mut self, x: f32) -> f32 {
                let y = self.b[0] * x + self.z[0];
                self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
                self.z[1] = self.b[2] * x - self.a[1] * y;
                y
            }
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Cascade<const N: usize> {
            pub stages: [Biquad; N],
            pub gain: f32,
        }
        impl<const N: usize> Cascade<N> {
            pub fn step(&mut self, x: f32) -> f32 {
                let mut y = x * self.gain;
                for i in 0..N {
                    y = self.stages[i].step(y);
                }
                y
            }
            pub fn step2(&mut self, x: f32) -> f32 {
                let mut y = x * self.gain;
                for s in self.stages.iter_mut() {
                    y = s.step(y);
                }
                y
            }
        }
        pub fn filter(x: &[f32; 16]) -> [f32; 16] {
            let mut q = Biquad { b: [0.2, 0.4, 0.2], a: [-0.3, 0.1], z: [0.0; 2] };
            let mut y = [0.0f32; 16];
            for i in 0..16 {
                y[i] = q.step(x[i]);
            }
            y
        }
        pub fn cascaded(x: &[f32; 16]) -> ([f32; 16], f32) {
            let q = Biquad { b: [0.2, 0.4, 0.2], a: [-0.3, 0.1], z: [0.0; 2] };
            let mut c = Cascade { stages: [q, Biquad { b: [1.0, 0.5, 0.25], ..q }, q], gain: 2.0 };
            let mut d = c;
            let mut y = [0.0; 16];
            for (o, v) in y.iter_mut().zip(x.iter()) {
                *o = c.step(*v);
            }
            let mut e = 0.0;
            for v in x {
                e += d.step2(*v);
            }
            (y, e)
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Pid {
            pub kp: f32,
            pub ki: f32,
            pub kd: f32,
            pub integral: f32,
            pub last: Option2,
            pub limit: (f32, f32),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Option2 {
            pub set: bool,
            pub value: f32,
        }
        impl Pid {
            pub fn update(&mut self, setpoint: f32, measured: f32, dt: f32) -> f32 {
                let e = setpoint - measured;
                let (lo, hi) = self.limit;
                let d = if self.last.set { (e - self.last.value) / dt } else { 0.0 };
                self.last = Option2 { set: true, value: e };
                let i = self.integral + e * dt;
                let u = self.kp * e + self.ki * i + self.kd * d;
                if u > lo && u < hi {
                    self.integral = i;
                }
                u.max(lo).min(hi)
            }
        }
        pub fn plant(setpoint: f32) -> (f32, f32) {
            let mut pid = Pid {
                kp: 2.0,
                ki: 0.5,
                kd: 0.01,
                integral: 0.0,
                last: Option2 { set: false, value: 0.0 },
                limit: (-1.0, 1.0),
            };
            let mut y = 0.0;
            let dt = 0.01;
            for _ in 0..200 {
                let u = pid.update(setpoint, y, dt);
                y += dt * (u - 0.5 * y);
            }
            (y, pid.integral)
        }
        pub fn goertzel(x: &[f32; 16], coeff: f32) -> f32 {
            let (mut s1, mut s2) = (0.0, 0.0);
            for &v in x {
                let s0 = v + coeff * s1 - s2;
                s2 = s1;
                s1 = s0;
            }
            s1 * s1 + s2 * s2 - coeff * s1 * s2
        }
        pub fn moving_average(x: &[f32; 16]) -> [f32; 16] {
            let mut ring = [0.0; 4];
            let mut head = 0;
            let mut sum = 0.0;
            let mut out = [0.0; 16];
            for i in 0..16 {
                sum -= ring[head];
                ring[head] = x[i];
                sum += x[i];
                head = (head + 1) % 4;
                out[i] = sum / 4.0;
            }
            out
        }
        pub fn median3(x: &[f32; 16]) -> [f32; 16] {
            let mut out = *x;
            for i in 1..x.len() - 1 {
                let (a, b, c) = (x[i - 1], x[i], x[i + 1]);
                out[i] = a.max(b).min(a.min(b).max(c));
            }
            out
        }
        pub fn peaks(x: &[f32; 16], threshold: f32) -> ([usize; 16], usize) {
            let mut found = [0usize; 16];
            let mut n = 0usize;
            for i in 1..15 {
                if x[i] > threshold && x[i] > x[i - 1] && x[i] >= x[i + 1] {
                    found[n] = i;
                    n += 1;
                }
            }
            (found, n)
        }
        pub fn zero_crossings(x: &[f32; 16]) -> u32 {
            let mut n = 0;
            for w in 1..16 {
                if (x[w] >= 0.0) != (x[w - 1] >= 0.0) {
                    n += 1;
                }
            }
            n
        }
        pub fn rms(x: &[f32; 16]) -> f32 {
            let mut s = 0.0;
            for v in x.iter() {
                s += v * v;
            }
            (s / x.len() as f32).sqrt()
        }
    }
    let x: [f32; 16] = core::array::from_fn(|i| ((i * 7 % 11) as f32 - 5.0) * 0.3);
    same!(fir(&x, &[0.1, 0.2, 0.3, 0.4]));
    same!(filter(&x));
    same!(cascaded(&x));
    same!(plant(0.7));
    same!(goertzel(&x, 1.2));
    same!(moving_average(&x));
    same!(median3(&x));
    same!(peaks(&x, 0.2));
    same!(zero_crossings(&x));
    same!(rms(&x));
}
