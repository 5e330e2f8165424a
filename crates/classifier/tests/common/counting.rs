//! An allocator that counts what each thread asks of it.
//!
//! A test file that uses it declares `#[global_allocator] static ALLOCATOR: Counting = Counting;`.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub(crate) struct Counting;

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { n_allocations: 0, n_bytes: 0, peak_bytes: 0 }) };
}

/// What one thread has asked for. What it frees for another thread may make the bytes negative.
#[derive(Debug, Clone, Copy)]
struct Counts {
    n_allocations: usize,
    n_bytes: isize,
    peak_bytes: isize,
}

fn count(n_allocations: usize, n_bytes: isize) {
    // While a thread ends there is nothing left to count with, nor anything to count.
    let _ = COUNTS.try_with(|counts| {
        let mut now = counts.get();
        now.n_allocations += n_allocations;
        now.n_bytes += n_bytes;
        now.peak_bytes = now.peak_bytes.max(now.n_bytes);
        counts.set(now);
    });
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `work` asked for memory.
pub(crate) fn n_allocations<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNTS.get().n_allocations;
    let result = work();
    (result, COUNTS.get().n_allocations - before)
}

/// How much memory `work` held at most, beyond what there was before.
pub(crate) fn peak_bytes<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let mut before = COUNTS.get();
    before.peak_bytes = before.n_bytes;
    COUNTS.set(before);
    let result = work();
    (result, (COUNTS.get().peak_bytes - before.n_bytes) as usize)
}
