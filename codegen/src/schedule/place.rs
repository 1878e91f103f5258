//! Where blocks of memory go: intervals of time with a size, packed into as few bytes as can be found.

/// A block of memory, needed from the first to the last of some kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// Size.
    pub bytes: usize,
    /// Its offset is a multiple of this.
    pub align: usize,
    /// First kernel that needs it.
    pub first: usize,
    /// Last kernel that needs it.
    pub last: usize,
}

/// Blocks up to which every order of placing them is looked at, as far as [`MAX_STEPS`] goes.
const MAX_EXACT: usize = 24;
/// Placements that are tried before the best found so far is taken.
const MAX_STEPS: usize = 20_000;
/// Swaps that are tried where there are too many blocks for every order.
const MAX_SWAPS: usize = 400;

/// Pairs of blocks that are remembered: a list of more takes more memory than it saves time.
const MAX_PAIRS: usize = 1 << 21;

/// Offsets of the blocks such that their end is low, and so is that of those needed by any of the kernels `calls`: what these
/// call has its memory on top of them. `least` is the most that is live at once, and at a call: a plan of that size ends the search.
///
/// Blocks are put one after the other at the lowest free place; any best plan can be had like that in some order. So the
/// search is over orders: a few that are usually good, then exhaustively for few blocks, or by swapping for many.
pub fn place(items: &[Item], calls: &[usize], least: usize) -> Vec<usize> {
    let beside = together(items);
    let called = items.iter().map(|x| calls.iter().any(|k| x.first <= *k && *k <= x.last)).collect();
    let mut search = Search { items, called, beside, least, best: Vec::new(), best_size: usize::MAX, steps: 0 };
    let life = |i: &usize| items[*i].last - items[*i].first;
    let mut order: Vec<usize> = (0..items.len()).collect();
    type Key<'a> = &'a dyn Fn(&usize) -> (usize, usize);
    let called = search.called.clone();
    let keys: [Key<'_>; 5] = [
        &|i| (items[*i].bytes, usize::MAX - items[*i].first),
        &|i| (life(i), items[*i].bytes),
        &|i| (items[*i].bytes.saturating_mul(life(i) + 1), items[*i].bytes),
        &|i| (usize::MAX - items[*i].first, items[*i].bytes),
        &|i| (usize::from(called[*i]), items[*i].bytes),
    ];
    let mut start: Vec<usize> = order.clone();
    // The last is for those that call.
    for key in &keys[..keys.len() - usize::from(calls.is_empty())] {
        order.sort_by_key(|i| (std::cmp::Reverse(key(i)), *i));
        if search.try_order(&order) {
            start.clone_from(&order);
        }
    }
    if search.done() {
        return search.best;
    }
    if items.len() <= MAX_EXACT {
        search.exhaust(&mut vec![None; items.len()], Ends::default());
    } else {
        search.swap(&mut start);
    }
    search.best
}

/// Per block, those that are needed at the same time at some point; nothing if those are more pairs than [`MAX_PAIRS`].
fn together(items: &[Item]) -> Option<Vec<Vec<usize>>> {
    let mut beside = vec![Vec::new(); items.len()];
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|i| items[*i].first);
    let mut open: Vec<usize> = Vec::new();
    let mut pairs = 0;
    for i in order {
        open.retain(|j| items[*j].last >= items[i].first);
        pairs += open.len();
        if pairs > MAX_PAIRS {
            return None;
        }
        for j in &open {
            beside[i].push(*j);
            beside[*j].push(i);
        }
        open.push(i);
    }
    Some(beside)
}

/// Where blocks end: all, and those that are needed by a kernel which calls others.
#[derive(Clone, Copy, Default)]
struct Ends {
    all: usize,
    called: usize,
}

impl Ends {
    fn with(self, end: usize, called: bool) -> Ends {
        Ends { all: self.all.max(end), called: if called { self.called.max(end) } else { self.called } }
    }

    /// What other kernels need is not known, so a byte of either counts.
    fn size(self) -> usize {
        self.all + self.called
    }
}

struct Search<'a> {
    items: &'a [Item],
    /// Per block, whether a kernel that calls others needs it.
    called: Vec<bool>,
    /// Per block, those that must not overlap with it.
    beside: Option<Vec<Vec<usize>>>,
    least: usize,
    best: Vec<usize>,
    best_size: usize,
    steps: usize,
}

impl Search<'_> {
    fn done(&self) -> bool {
        self.best_size <= self.least || self.steps >= MAX_STEPS
    }

    /// The lowest free place of block `i`, given those that have one.
    fn lowest(&self, placed: &[Option<usize>], i: usize) -> usize {
        let item = &self.items[i];
        let span = |(at, x): (&Option<usize>, &Item)| at.map(|at| (at, at + x.bytes));
        let mut taken: Vec<(usize, usize)> = match &self.beside {
            Some(beside) => beside[i].iter().filter_map(|j| span((&placed[*j], &self.items[*j]))).collect(),
            None => placed
                .iter()
                .zip(self.items)
                .filter(|(_, x)| x.first <= item.last && item.first <= x.last)
                .filter_map(span)
                .collect(),
        };
        taken.sort_unstable();
        let mut offset = 0;
        for (lo, hi) in taken {
            if offset + item.bytes <= lo {
                break;
            }
            offset = offset.max(hi.next_multiple_of(item.align));
        }
        offset
    }

    /// Places the blocks in an order; true if that is better than what was known.
    fn try_order(&mut self, order: &[usize]) -> bool {
        let mut placed = vec![None; self.items.len()];
        let mut ends = Ends::default();
        for i in order {
            let at = self.lowest(&placed, *i);
            ends = ends.with(at + self.items[*i].bytes, self.called[*i]);
            placed[*i] = Some(at);
        }
        self.keep(&placed, ends.size())
    }

    fn keep(&mut self, placed: &[Option<usize>], size: usize) -> bool {
        let better = size < self.best_size;
        if better {
            self.best_size = size;
            self.best = placed.iter().map(|at| at.unwrap_or(0)).collect();
        }
        better
    }

    /// Every order from here on, cut off where it cannot become better.
    fn exhaust(&mut self, placed: &mut Vec<Option<usize>>, ends: Ends) {
        if placed.iter().all(Option::is_some) {
            self.keep(placed, ends.size());
            return;
        }
        // Lower places first: what is put high early leaves a gap that nothing may fill.
        let mut next: Vec<(usize, usize)> =
            (0..placed.len()).filter(|i| placed[*i].is_none()).map(|i| (self.lowest(placed, i), i)).collect();
        next.sort_by_key(|(at, i)| (*at, std::cmp::Reverse(self.items[*i].bytes)));
        // A place that another block would fill from below first is not the lowest of any order that is worth trying.
        let lowest_end = next.iter().map(|(at, i)| at + self.items[*i].bytes).min().unwrap_or(0);
        for (at, i) in next {
            let after = ends.with(at + self.items[i].bytes, self.called[i]);
            if self.done() {
                return;
            }
            if after.size() >= self.best_size || at >= lowest_end {
                continue;
            }
            self.steps += 1;
            placed[i] = Some(at);
            self.exhaust(placed, after);
            placed[i] = None;
        }
    }

    /// Swaps two blocks of the order and keeps what is not worse, the same swaps every time.
    fn swap(&mut self, order: &mut [usize]) {
        let mut state = 1usize;
        let mut draw = |n: usize| {
            // The multiplier of Knuth's MMIX generator; which swaps are tried only has to be spread out and the same always.
            state =
                (state as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) as usize;
            (state as u64 >> 33) as usize % n
        };
        for _ in 0..MAX_SWAPS {
            if self.done() {
                return;
            }
            let (i, j) = (draw(order.len()), draw(order.len()));
            let before = self.best_size;
            order.swap(i, j);
            self.try_order(order);
            if self.best_size >= before {
                order.swap(i, j);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(items: &[Item]) -> usize {
        let end = items.iter().map(|x| x.last + 1).max().unwrap_or(0);
        (0..end).map(|k| items.iter().filter(|x| x.first <= k && k <= x.last).map(|x| x.bytes).sum()).max().unwrap_or(0)
    }

    fn bytes(items: &[Item]) -> usize {
        let at = place(items, &[], live(items));
        for (x, at_x) in items.iter().zip(&at) {
            assert_eq!(at_x % x.align, 0);
            for (y, at_y) in items.iter().zip(&at) {
                let apart = x == y || x.last < y.first || y.last < x.first;
                assert!(
                    apart || at_x + x.bytes <= *at_y || at_y + y.bytes <= *at_x,
                    "{x:?} at {at_x}, {y:?} at {at_y}"
                );
            }
        }
        items.iter().zip(&at).map(|(x, at)| at + x.bytes).max().unwrap_or(0)
    }

    fn items(of: &[(usize, usize, usize)]) -> Vec<Item> {
        of.iter().map(|(bytes, first, last)| Item { bytes: *bytes, align: 1, first: *first, last: *last }).collect()
    }

    #[test]
    fn nothing_takes_nothing() {
        assert_eq!(bytes(&[]), 0);
    }

    #[test]
    fn blocks_apart_in_time_share_their_place() {
        assert_eq!(bytes(&items(&[(8, 0, 1), (8, 2, 3), (8, 4, 5)])), 8);
    }

    /// Largest first takes 13 bytes here, where 11 are live at most.
    #[test]
    fn an_order_other_than_by_size_is_found() {
        let of = items(&[(6, 4, 4), (5, 3, 4), (2, 0, 3), (6, 2, 2)]);
        assert_eq!((bytes(&of), live(&of)), (11, 11));
    }

    #[test]
    fn alignment_is_kept() {
        let of = [Item { bytes: 3, align: 1, first: 0, last: 1 }, Item { bytes: 8, align: 8, first: 0, last: 1 }];
        assert_eq!(bytes(&of), 11);
    }

    #[test]
    fn random_blocks_come_within_three_percent_of_the_largest_live_set() {
        let mut state = 7u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let (mut found, mut least) = (0, 0);
        for round in 0..60 {
            let n = 4 + round % 40;
            let of: Vec<Item> = (0..n)
                .map(|k| {
                    let bytes = [16, 40, 64, 100, 128, 256, 640][draw(7) as usize];
                    let first = k + draw(3) as usize;
                    Item { bytes, align: 4, first, last: first + draw(1 + n as u64 / 3) as usize }
                })
                .collect();
            found += bytes(&of);
            least += live(&of);
        }
        assert!(found as f64 <= 1.03 * least as f64, "{found} for {least}");
    }
}
