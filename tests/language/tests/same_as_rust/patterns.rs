both! {
    patterns {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Vec3 {
            pub x: f32,
            pub y: f32,
            pub z: f32,
        }
        impl Vec3 {
            pub const ZERO: Vec3 = Vec3 { x: 0.0, y: 0.0, z: 0.0 };
            pub const DIM: usize = 3;
            pub fn new(x: f32, y: f32, z: f32) -> Self {
                Self { x, y, z }
            }
            pub fn dot(&self, o: &Vec3) -> f32 {
                self.x * o.x + self.y * o.y + self.z * o.z
            }
            pub fn cross(self, o: Self) -> Self {
                Self { x: self.y * o.z - self.z * o.y, y: self.z * o.x - self.x * o.z, z: self.x * o.y - self.y * o.x }
            }
            pub fn scale(mut self, k: f32) -> Self {
                self.x *= k;
                self.y *= k;
                self.z *= k;
                self
            }
            pub fn norm2(&self) -> f32 {
                self.dot(self)
            }
            pub fn normalize(&mut self) -> f32 {
                let n = self.norm2().sqrt();
                self.x /= n;
                self.y /= n;
                self.z /= n;
                n
            }
            pub fn to_array(&self) -> [f32; Self::DIM] {
                let Self { x, y, z } = *self;
                [x, y, z]
            }
            pub fn with_x(&self, x: f32) -> Vec3 {
                Vec3 { x, ..*self }
            }
        }
        pub fn triple(a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> f32 {
            let [ax, ay, az] = a;
            let u = Vec3::new(ax, ay, az);
            let v = Vec3 { x: b[0], y: b[1], z: b[2] };
            let w = Vec3 { z: c[2], ..Vec3::new(c[0], c[1], 0.0) };
            u.dot(&v.cross(w))
        }
        pub fn unit(a: f32, b: f32, c: f32) -> ([f32; 3], f32) {
            let mut v = Vec3::new(a, b, c);
            let n = v.normalize();
            let Vec3 { x, .. } = v;
            (v.with_x(x * 2.0).scale(0.5).to_array(), n)
        }
        pub fn nested(p: ((f32, f32), [f32; 3])) -> (f32, (f32, f32)) {
            let ((a, b), [c, .., d]) = p;
            let (s, (q, r)) = {
                let t = a + b;
                (t, (c, d))
            };
            (s, (q * t2(r), r))
        }
        pub fn t2(x: f32) -> f32 {
            let x = x * 2.0;
            let x = x + 1.0;
            {
                let x = 3.0;
                let _ = x;
            }
            x
        }
        pub fn first_rest(a: [i32; 5]) -> (i32, i32, i32) {
            let [first, second, ..] = a;
            let [.., last] = a;
            (first, second, last)
        }
        pub fn zero_plus(x: f32) -> f32 {
            let z = Vec3::ZERO;
            let Vec3 { x: a, y: _, z: c } = z;
            a + c + x
        }
        pub fn ignored(_: f32, x: f32) -> f32 {
            let _unused = x;
            let (_, y) = (1.0, x);
            y
        }
        pub fn swap(a: f32, b: f32) -> (f32, f32) {
            let (mut a, mut b) = (a, b);
            (a, b) = (b, a);
            let t = a;
            a = b;
            b = t;
            (b, a)
        }
        pub fn blocks(x: i32) -> i32 {
            let y = {
                let a = x + 1;
                let b = a * a;
                b - a
            };
            let z = if y > 10 {
                let k = y / 2;
                k + 1
            } else {
                y
            };
            let w = match z {
                0 => 1,
                n if n < 0 => {
                    let m = -n;
                    m * 2
                }
                n => n + 3,
            };
            w + { 1 }
        }
    }
    same!(triple([1.0, 2.0, 3.0], [4.0, -5.0, 6.0], [0.5, 0.25, 9.0]));
    same!(unit(3.0, 4.0, 12.0));
    same!(nested(((1.0, 2.0), [3.0, 4.0, 5.0])));
    same!(first_rest([1, 2, 3, 4, 5]));
    same!(zero_plus(2.0));
    same!(ignored(1.0, 2.0));
    same!(swap(1.0, 2.0));
    for x in -5..8 {
        same!(blocks(x));
    }
}
