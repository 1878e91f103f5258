both! {
    trees {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Cell {
            pub v: f32,
            pub w: [f32; 2],
            pub on: bool,
            pub n: u16,
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Grid<const N: usize> {
            pub cells: [Cell; N],
            pub origin: (f32, f32),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Pair<A, B>(pub A, pub B);
        fn cell(v: f32) -> Cell {
            Cell { v, w: [v, -v], on: v > 1.0, n: 1 }
        }
        impl<const N: usize> Grid<N> {
            fn hottest(&self) -> i32 {
                let mut best = 0;
                for i in 1..N {
                    if self.cells[i].v > self.cells[best as usize].v {
                        best = i as i32;
                    }
                }
                best
            }
            fn spread(&mut self, k: f32) {
                let at = self.hottest() as usize;
                self.cells[at].v *= k;
                self.cells[at].w[1] += 1.0;
                for c in self.cells.iter_mut() {
                    c.v += 0.25;
                    if c.on {
                        c.n += 1;
                    }
                }
                for (i, c) in self.cells.iter().enumerate() {
                    self.origin.0 += c.v * i as f32;
                }
            }
        }
        pub fn run(a: f32, b: f32) -> ([f32; 3], u16, (f32, f32), i32) {
            let mut g = Grid { cells: [cell(a), cell(b), cell(1.5)], origin: (0.0, 1.0) };
            for _ in 0..20 {
                g.spread(0.5);
            }
            let at = g.hottest();
            ([g.cells[0].v, g.cells[1].w[1], g.cells[at as usize].v], g.cells[2].n, g.origin, at)
        }
        pub fn cyclic(steps: i32) -> f32 {
            let mut cells = [cell(1.0), cell(2.0), cell(3.0)];
            let mut i = 0;
            while i < steps {
                cells[(i % 3) as usize].v += i as f32;
                i += 1;
            }
            for k in 0..30 {
                let c = &mut cells[k % 3];
                c.v *= 0.9;
            }
            cells[0].v + 10.0 * cells[1].v + 100.0 * cells[2].v
        }
        pub fn pairs(x: f32) -> f32 {
            let p = Pair(x, Pair(1i32, [x; 3]));
            let Pair(a, Pair(n, [b, .., c])) = p;
            let Pair(q, _) = if x > 0.0 { Pair(a, n) } else { Pair(b * c, -n) };
            q + p.1.0 as f32 + p.1.1[1]
        }
        pub fn chosen(i: u8) -> f32 {
            let table = [(1.0, 2), (3.0, 4), (5.0, 6)];
            let mut s = 0.0;
            for (k, (x, n)) in table.iter().enumerate() {
                if k as u8 == i {
                    s += x * *n as f32;
                }
            }
            s
        }
        pub fn arrays_of_tuples(i: i32) -> f32 {
            let t = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)];
            let (a, b) = t[i as usize];
            a * b
        }
        pub fn swapped(i: Place, j: Place) -> [f32; 4] {
            let mut a = [1.0, 2.0, 3.0, 4.0];
            let (i, j) = (i as usize, j as usize);
            (a[i], a[j]) = (a[j], a[i]);
            let t = a[0];
            a[0] = a[3];
            a[3] = t;
            a
        }
        pub type Place = u8;
    }
    same!(run(3.0, 2.0));
    same!(run(0.5, 9.0));
    same!(cyclic(7));
    same!(cyclic(0));
    same!(pairs(2.0));
    same!(pairs(-2.0));
    for i in 0..3 {
        same!(chosen(i));
        same!(arrays_of_tuples(i as i32));
    }
    same!(swapped(1, 3));
}
