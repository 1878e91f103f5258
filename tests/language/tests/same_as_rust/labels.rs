both! {
    labels {
        pub fn find(m: &[[i32; 4]; 3], t: i32) -> (usize, usize, bool, i32) {
            let mut at = (0, 0);
            let mut found = false;
            let mut seen = 0;
            'rows: for i in 0..3 {
                for j in 0..4 {
                    seen += 1;
                    if m[i][j] == t {
                        at = (i, j);
                        found = true;
                        break 'rows;
                    }
                    if m[i][j] < 0 {
                        continue 'rows;
                    }
                }
                seen += 100;
            }
            (at.0, at.1, found, seen)
        }
        pub fn value(n: u32) -> u32 {
            let mut a = n;
            let r = 'outer: loop {
                let mut b = 0;
                loop {
                    b += 1;
                    a += b;
                    if a > 50 {
                        break 'outer a * 2;
                    }
                    if b > 3 {
                        break;
                    }
                }
                a += 1;
            };
            r + a
        }
        pub fn three_deep(x: &[i32; 6]) -> (i32, i32) {
            let mut s = 0;
            let mut turns = 0;
            'a: for i in 0..6 {
                'b: for j in 0..6 {
                    let mut k = 0;
                    while k < 6 {
                        turns += 1;
                        if x[i] + x[j] + x[k] == 9 {
                            continue 'a;
                        }
                        if x[k] > x[j] {
                            continue 'b;
                        }
                        if s > 200 {
                            break 'a;
                        }
                        if x[k] == 0 {
                            break 'b;
                        }
                        s += x[k] * x[j];
                        k += 1;
                    }
                    s += 1;
                }
                s -= 2;
            }
            (s, turns)
        }
        pub fn block(x: i32) -> i32 {
            let y = 'a: {
                if x < 0 {
                    break 'a -1;
                }
                for i in 0..4 {
                    if x == i * i {
                        break 'a i;
                    }
                }
                x * 2
            };
            y + 1
        }
        pub fn own(x: &[i32; 6]) -> i32 {
            let mut s = 0;
            'only: for v in x.iter() {
                if *v == 3 {
                    continue 'only;
                }
                if *v > 6 {
                    break 'only;
                }
                s += v;
            }
            s
        }
        pub fn at_the_end(x: &[i32; 6]) -> i32 {
            let mut n = 0;
            'outer: for i in 0..6 {
                n += 1;
                for j in 0..6 {
                    if x[i] > x[j] + 3 {
                        break 'outer;
                    }
                }
            }
            n
        }
    }
    let m = [[1, 2, -3, 4], [5, -6, 7, 8], [9, 10, 11, 12]];
    for t in [1, 4, 5, 7, 11, 99] {
        same!(find(&m, t));
    }
    for n in [0, 7, 49, 60] {
        same!(value(n));
    }
    for x in [[1, 2, 3, 4, 5, 6], [3, 3, 3, 3, 3, 3], [0, 9, 1, 8, 2, 7], [5, 4, 3, 2, 1, 0]] {
        same!(three_deep(&x));
        same!(own(&x));
        same!(at_the_end(&x));
    }
    for x in [-5, 0, 1, 4, 5, 9, 10] {
        same!(block(x));
    }
}
