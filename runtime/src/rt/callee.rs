//! Kernels that other kernels call.
//!
//! The compiler sees one kernel at a time, so rustc adds up what a kernel and those that it calls need: each has a static, from
//! which its callers make theirs. Rustc limits how deep constants are made of constants, but not statics of statics.

/// What a kernel needs, the kernels that it calls included.
#[derive(Debug)]
pub struct Needs {
    /// Bytes of its arena.
    pub arena_bytes: usize,
    /// Bound on the stack that a call needs, without the result.
    pub stack_bytes: usize,
    /// Floating-point operations of a call.
    pub flops: u64,
    own: Own,
    callees: &'static [Callee],
    /// Whether any of them have constants in flash.
    in_flash: bool,
}

/// What a kernel needs by itself.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Tells it from others.
    pub id: u64,
    /// Bytes of the arena for arrays of its own.
    pub arena_bytes: usize,
    /// Bound on the stack of its loops.
    pub stack_bytes: usize,
    /// Bytes of stack in use around a call.
    pub frame_bytes: usize,
    /// Bytes of constants in flash.
    pub flash_bytes: usize,
    /// Floating-point operations.
    pub flops: u64,
}

/// A kernel that is called.
#[derive(Clone, Copy, Debug)]
pub struct Callee {
    /// How often.
    pub times: u64,
    /// Where its arena begins in that of its caller, behind everything that is needed after the call: a multiple of 8, and of several calls
    /// the largest.
    pub at: usize,
    /// What it needs.
    pub needs: &'static Needs,
}

/// Kernels with constants that are told apart; those of further ones may be counted twice.
const TOLD_APART: usize = 1024;

impl Needs {
    /// The needs of a kernel that calls others, each listed once.
    pub const fn new(own: Own, callees: &'static [Callee]) -> Needs {
        let (mut arena_bytes, mut stack) = (own.arena_bytes, 0);
        let (mut flops, mut in_flash) = (own.flops, own.flash_bytes > 0);
        let mut rest = callees;
        while let [Callee { times, at, needs }, tail @ ..] = rest {
            if needs.arena_bytes > 0 {
                // As many as an `Arena` of that many takes.
                arena_bytes = max(arena_bytes, *at + needs.arena_bytes.next_multiple_of(8));
            }
            stack = max(stack, own.frame_bytes + needs.stack_bytes);
            flops = flops.saturating_add(times.saturating_mul(needs.flops));
            in_flash |= needs.in_flash;
            rest = tail;
        }
        Needs { arena_bytes, stack_bytes: max(own.stack_bytes, stack), flops, own, callees, in_flash }
    }

    /// Bytes of constants in flash, each counted once, however many ways lead to it.
    pub const fn flash_bytes(&self) -> usize {
        if self.callees.is_empty() { self.own.flash_bytes } else { self.unseen(&mut [0; TOLD_APART]) }
    }

    // It runs while compiling, where `get` is not for use; a slot is a remainder by the length.
    #[expect(clippy::indexing_slicing)]
    const fn unseen(&self, seen: &mut [u64; TOLD_APART]) -> usize {
        if !self.in_flash {
            return 0;
        }
        let (mut slot, mut tries) = ((self.own.id % TOLD_APART as u64) as usize, 0);
        while seen[slot] != 0 && tries < TOLD_APART {
            if seen[slot] == self.own.id {
                return 0;
            }
            slot = (slot + 1) % TOLD_APART;
            tries += 1;
        }
        if tries < TOLD_APART {
            seen[slot] = self.own.id;
        }
        let (mut bytes, mut rest) = (self.own.flash_bytes, self.callees);
        while let [Callee { needs, .. }, tail @ ..] = rest {
            bytes += needs.unseen(seen);
            rest = tail;
        }
        bytes
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn own(id: u64, arena_bytes: usize, flash_bytes: usize) -> Own {
        Own { id, arena_bytes, stack_bytes: 100 * id as usize, frame_bytes: 50, flash_bytes, flops: id }
    }

    static BOTTOM: Needs = Needs::new(own(4, 20, 100), &[]);
    static PLAIN: Needs = Needs::new(own(5, 0, 0), &[]);
    const fn call(times: u64, at: usize, needs: &'static Needs) -> Callee {
        Callee { times, at, needs }
    }

    static LEFT: Needs = Needs::new(own(3, 0, 10), &[call(1, 0, &BOTTOM)]);
    static RIGHT: Needs = Needs::new(own(2, 33, 1), &[call(2, 8, &BOTTOM), call(1, 40, &PLAIN)]);
    static TOP: Needs = Needs::new(own(1, 13, 0), &[call(1, 16, &LEFT), call(3, 0, &RIGHT), call(1, 8, &BOTTOM)]);

    #[test]
    fn constants_that_are_shared_are_counted_once() {
        const BYTES: usize = TOP.flash_bytes();
        assert_eq!((BYTES, LEFT.flash_bytes(), PLAIN.flash_bytes()), (111, 110, 0));
    }

    #[test]
    fn callees_need_their_memory_one_at_a_time() {
        let arena = [&BOTTOM, &PLAIN, &LEFT, &RIGHT, &TOP].map(|n| n.arena_bytes);
        // What is dead at a call is no more than what the callee needs, and what needs nothing is nowhere.
        assert_eq!(arena, [20, 0, 24, 33, 40]);
        let stack = [&BOTTOM, &PLAIN, &LEFT, &RIGHT, &TOP].map(|n| n.stack_bytes);
        assert_eq!(stack, [400, 500, 450, 550, 600]);
        assert_eq!((RIGHT.flops, TOP.flops), (2 + 8 + 5, 1 + 7 + 45 + 4));
    }
}
