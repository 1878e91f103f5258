//! A workspace in a `static`, for `#[jit(workspace = "static")]`.

use super::Arena;
use imp::Cell;

/// A workspace that calls borrow one at a time. A call that finds it taken, by another thread or by the call that an
/// interrupt has stopped, uses one on its stack.
///
/// On cores without an atomic swap (Cortex-M0, RISC-V without `A`) nobody can tell whether it is taken, so every call uses
/// its stack, and no static memory is spent.
pub struct Shared<const BYTES: usize>(Cell<BYTES>);

impl<const BYTES: usize> Shared<BYTES> {
    /// All zeros, so that a static lies in `.bss`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Shared(Cell::new())
    }

    /// Calls `kernel` with a workspace.
    #[inline(always)]
    pub fn with<R>(&self, kernel: impl FnOnce(&mut Arena<BYTES>) -> R) -> R {
        match self.0.take() {
            Some(mut taken) => kernel(taken.arena()),
            None => on_stack(kernel),
        }
    }
}

impl<const BYTES: usize> core::fmt::Debug for Shared<BYTES> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").field("bytes", &BYTES).finish_non_exhaustive()
    }
}

/// Apart, so that a call that has the static does not reserve this much of its stack.
#[cold]
#[inline(never)]
fn on_stack<const BYTES: usize, R>(kernel: impl FnOnce(&mut Arena<BYTES>) -> R) -> R {
    kernel(&mut Arena::new())
}

#[cfg(target_has_atomic = "8")]
mod imp {
    use core::cell::UnsafeCell;
    use core::sync::atomic::{AtomicBool, Ordering};

    use super::Arena;

    pub(super) struct Cell<const BYTES: usize> {
        taken: AtomicBool,
        arena: UnsafeCell<Arena<BYTES>>,
    }

    // SAFETY: the arena is reached only through `Taken`, of which there is at most one at any time.
    unsafe impl<const BYTES: usize> Sync for Cell<BYTES> {}

    pub(super) struct Taken<'a, const BYTES: usize>(&'a Cell<BYTES>);

    impl<const BYTES: usize> Cell<BYTES> {
        pub(super) const fn new() -> Self {
            Cell { taken: AtomicBool::new(false), arena: UnsafeCell::new(Arena::new()) }
        }

        #[inline(always)]
        pub(super) fn take(&self) -> Option<Taken<'_, BYTES>> {
            // Of all who swap while it is false, one reads false. `Acquire` and the `Release` below order the uses.
            // Who reads true must not even make a `Taken`, since dropping it would free what another holds.
            (!self.taken.swap(true, Ordering::Acquire)).then(|| Taken(self))
        }
    }

    impl<const BYTES: usize> Taken<'_, BYTES> {
        #[inline(always)]
        pub(super) fn arena(&mut self) -> &mut Arena<BYTES> {
            // SAFETY: this is the only `Taken` of its cell, and it is borrowed exclusively.
            unsafe { &mut *self.0.arena.get() }
        }
    }

    impl<const BYTES: usize> Drop for Taken<'_, BYTES> {
        #[inline(always)]
        fn drop(&mut self) {
            self.0.taken.store(false, Ordering::Release);
        }
    }
}

#[cfg(not(target_has_atomic = "8"))]
mod imp {
    use super::Arena;

    pub(super) struct Cell<const BYTES: usize>;

    /// There is none.
    pub(super) enum Taken {}

    impl<const BYTES: usize> Cell<BYTES> {
        pub(super) const fn new() -> Self {
            Cell
        }

        #[inline(always)]
        pub(super) fn take(&self) -> Option<Taken> {
            None
        }
    }

    impl Taken {
        pub(super) fn arena<const BYTES: usize>(&mut self) -> &mut Arena<BYTES> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address<const BYTES: usize>(arena: &mut Arena<BYTES>) -> usize {
        core::ptr::from_mut(arena).addr()
    }

    #[test]
    fn a_call_within_a_call_gets_memory_of_its_own() {
        static SHARED: Shared<64> = Shared::new();
        let (outer, inner) = SHARED.with(|a| (address(a), SHARED.with(address)));
        assert_ne!(outer, inner);
        assert_eq!(SHARED.with(address), outer, "the static is free again");
        let taken_twice = SHARED.with(|_| (SHARED.with(address), SHARED.with(address)));
        assert!(taken_twice.0 != outer && taken_twice.1 != outer, "a call that finds it taken leaves it taken");
    }

    #[test]
    fn threads_never_share() {
        static SHARED: Shared<8> = Shared::new();
        let count = |_| {
            for _ in 0..200 {
                SHARED.with(|arena| {
                    let (words,) = arena.views::<(crate::rt::Wr<u32, 0, 1>,)>();
                    words[0] = 0;
                    for _ in 0..20 {
                        words[0] = core::hint::black_box(words[0] + 1);
                    }
                    assert_eq!(words[0], 20);
                });
            }
        };
        std::thread::scope(|s| (0..3).for_each(|n| drop(s.spawn(move || count(n)))));
    }
}
