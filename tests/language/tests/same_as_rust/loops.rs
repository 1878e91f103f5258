both! {
    loops {
        pub fn newton(a: f32) -> (f32, u32) {
            let mut x = a;
            let mut n = 0u32;
            while (x * x - a).abs() > 1e-5 * a && n < 50 {
                x = 0.5 * (x + a / x);
                n += 1;
            }
            (x, n)
        }
        pub fn with_value(x: f32) -> (f32, i32) {
            let mut n = 0;
            let r = loop {
                n += 1;
                let y = x * n as f32;
                if y > 10.0 {
                    break y;
                }
                if n > 100 {
                    break -1.0;
                }
            };
            (r, n)
        }
        pub fn first(x: &[f32; 6], t: f32) -> i32 {
            let mut found = -1;
            for (i, &v) in x.iter().enumerate() {
                if v > t {
                    found = i as i32;
                    break;
                }
            }
            found
        }
        pub fn skip_some(x: &[f32; 6]) -> f32 {
            let mut s = 0.0;
            for i in 0..6 {
                if i % 2 == 1 {
                    continue;
                }
                let v = if x[i] > 3.0 { continue } else { x[i] };
                let w = match i {
                    0 => 1.0,
                    4 => break,
                    _ => 2.0,
                };
                s += v * w;
            }
            s
        }
        pub fn break_both(m: &[[i32; 4]; 3], t: i32) -> (i32, i32) {
            let mut at = (-1, -1);
            let mut found = false;
            for i in 0..3 {
                for j in 0..4 {
                    if m[i][j] == t {
                        at = (i as i32, j as i32);
                        found = true;
                        break;
                    }
                }
                if found {
                    break;
                }
            }
            at
        }
        pub fn deferred(x: f32) -> f32 {
            let y;
            if x > 0.0 {
                y = x;
            } else {
                y = -x;
            }
            let z: f32;
            z = y * 2.0;
            z
        }
        pub fn while_in_for(x: &[u32; 4]) -> [u32; 4] {
            let mut out = [0; 4];
            for i in 0..4 {
                let mut v = x[i];
                let mut bits = 0;
                while v != 0 {
                    bits += v & 1;
                    v >>= 1;
                }
                out[i] = bits;
            }
            out
        }
        pub fn bubble(x: &[i32; 6]) -> [i32; 6] {
            let mut a = *x;
            for i in 0..a.len() {
                for j in 0..a.len() - 1 - i {
                    if a[j] > a[j + 1] {
                        a.swap(j, j + 1);
                    }
                }
            }
            a
        }
        pub fn insertion(x: &[f32; 6]) -> [f32; 6] {
            let mut a = *x;
            for i in 1..6 {
                let key = a[i];
                let mut j = i as i32 - 1;
                while j >= 0 && a[j as usize] > key {
                    a[(j + 1) as usize] = a[j as usize];
                    j -= 1;
                }
                a[(j + 1) as usize] = key;
            }
            a
        }
        pub fn bsearch(x: &[i32; 8], t: i32) -> i32 {
            let (mut lo, mut hi) = (0i32, x.len() as i32);
            while lo < hi {
                let mid = (lo + hi) / 2;
                if x[mid as usize] < t {
                    lo = mid + 1;
                } else {
                    hi = mid;
                }
            }
            lo
        }
        pub fn sieve() -> u32 {
            let mut composite = [false; 50];
            let mut count = 0;
            for i in 2..50 {
                if !composite[i] {
                    count += 1;
                    let mut j = i * i;
                    while j < 50 {
                        composite[j] = true;
                        j += i;
                    }
                }
            }
            count
        }
        pub fn fib(n: u32) -> u64 {
            let (mut a, mut b) = (0u64, 1u64);
            for i in 0..90 {
                if i >= n {
                    break;
                }
                (a, b) = (b, a + b);
            }
            a
        }
        pub fn life(g: &[[u8; 6]; 6]) -> [[u8; 6]; 6] {
            let mut out = [[0u8; 6]; 6];
            for r in 0..6 {
                for c in 0..6 {
                    let mut n = 0;
                    for dr in [5, 0, 1] {
                        for dc in [5, 0, 1] {
                            if dr != 0 || dc != 0 {
                                n += g[(r + dr) % 6][(c + dc) % 6];
                            }
                        }
                    }
                    out[r][c] = match (g[r][c], n) {
                        (1, 2) | (1, 3) | (0, 3) => 1,
                        _ => 0,
                    };
                }
            }
            out
        }
        pub fn rule110(cells: u32) -> u32 {
            let mut c = cells;
            for _ in 0..16 {
                let mut n = 0u32;
                for i in 0..32u32 {
                    let p = (c.rotate_right(i + 31)) & 7;
                    if (110u32 >> p) & 1 == 1 {
                        n |= 1 << i;
                    }
                }
                c = n;
            }
            c
        }
        pub fn dtw(a: &[f32; 5], b: &[f32; 6]) -> f32 {
            let mut d = [[f32::INFINITY; 7]; 6];
            d[0][0] = 0.0;
            for i in 1..=5 {
                for j in 1..=6 {
                    let cost = (a[i - 1] - b[j - 1]).abs();
                    d[i][j] = cost + d[i - 1][j].min(d[i][j - 1]).min(d[i - 1][j - 1]);
                }
            }
            d[5][6]
        }
        pub fn edit(a: &[u8; 6], b: &[u8; 7]) -> u32 {
            let mut prev = [0u32; 8];
            for j in 0..8 {
                prev[j] = j as u32;
            }
            for i in 0..6 {
                let mut cur = [0u32; 8];
                cur[0] = i as u32 + 1;
                for j in 0..7 {
                    let sub = prev[j] + if a[i] == b[j] { 0 } else { 1 };
                    cur[j + 1] = sub.min(prev[j + 1] + 1).min(cur[j] + 1);
                }
                prev = cur;
            }
            prev[7]
        }
        pub fn viterbi(obs: &[u8; 4]) -> ([usize; 4], f32) {
            const A: [[f32; 2]; 2] = [[-0.35, -1.2], [-0.9, -0.5]];
            const B: [[f32; 3]; 2] = [[-0.7, -0.9, -2.3], [-2.3, -1.2, -0.5]];
            let mut v = [-0.5 + B[0][obs[0] as usize], -0.9 + B[1][obs[0] as usize]];
            let mut back = [[0usize; 2]; 4];
            for t in 1..4 {
                let mut next = [0.0f32; 2];
                for s in 0..2 {
                    let (from0, from1) = (v[0] + A[0][s], v[1] + A[1][s]);
                    let (best, arg) = if from0 >= from1 { (from0, 0) } else { (from1, 1) };
                    next[s] = best + B[s][obs[t] as usize];
                    back[t][s] = arg;
                }
                v = next;
            }
            let mut path = [0usize; 4];
            path[3] = if v[0] > v[1] { 0 } else { 1 };
            for t in (1..4).rev() {
                path[t - 1] = back[t][path[t]];
            }
            (path, v[0].max(v[1]))
        }
        pub fn knapsack(w: &[u8; 4], v: &[u32; 4]) -> u32 {
            let mut best = [0u32; 11];
            for i in 0..4 {
                for c in (0..11).rev() {
                    let w = w[i] as usize;
                    if c >= w {
                        let cand = best[c - w] + v[i];
                        if cand > best[c] {
                            best[c] = cand;
                        }
                    }
                }
            }
            best[10]
        }
        pub fn lu(a: &[[f32; 3]; 3], b: &[f32; 3]) -> [f32; 3] {
            let mut m = *a;
            let mut x = *b;
            for k in 0..3 {
                let mut p = k;
                for i in k + 1..3 {
                    if m[i][k].abs() > m[p][k].abs() {
                        p = i;
                    }
                }
                m.swap(k, p);
                x.swap(k, p);
                for i in k + 1..3 {
                    let f = m[i][k] / m[k][k];
                    for j in k..3 {
                        m[i][j] -= f * m[k][j];
                    }
                    x[i] -= f * x[k];
                }
            }
            for i in (0..3).rev() {
                let mut s = x[i];
                for j in i + 1..3 {
                    s -= m[i][j] * x[j];
                }
                x[i] = s / m[i][i];
            }
            x
        }
    }
    same!(newton(2.0));
    same!(newton(1e6));
    same!(with_value(3.0));
    same!(with_value(0.0));
    same!(first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.5));
    same!(first(&[1.0; 6], 3.5));
    same!(skip_some(&[1.0, 2.0, 2.5, 4.0, 5.0, 6.0]));
    same!(break_both(&[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], 7));
    same!(break_both(&[[0; 4]; 3], 7));
    same!(deferred(-3.0));
    same!(while_in_for(&[1, 255, 0, 77]));
    same!(bubble(&[5, 2, 9, 1, 7, 3]));
    same!(insertion(&[5.0, 2.0, 9.0, 1.0, 7.0, 3.0]));
    for t in [0, 3, 8, 20] {
        same!(bsearch(&[1, 2, 3, 5, 8, 13, 21, 34], t));
    }
    same!(sieve());
    same!(fib(50));
    same!(life(&[[0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0; 6], [0; 6], [0; 6]]));
    same!(rule110(1));
    same!(dtw(&[1.0, 2.0, 3.0, 2.0, 1.0], &[1.0, 1.5, 2.5, 3.0, 2.0, 0.5]));
    same!(edit(b"kitten", b"sitting"));
    same!(viterbi(&[0, 1, 2, 2]));
    same!(knapsack(&[5, 4, 6, 3], &[10, 40, 30, 50]));
    same!(lu(&[[0.0, 2.0, 1.0], [1.0, -2.0, -3.0], [-1.0, 1.0, 2.0]], &[-8.0, 0.0, 3.0]));
}
