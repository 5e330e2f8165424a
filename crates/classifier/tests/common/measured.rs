//! What a piece of work asks of the allocator. Native only: in wasm there is one for the test's machinery as well.

use allocation_counter::AllocationInfo;

/// What `work` makes, and what this thread allocated meanwhile.
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut made = None;
    let info = allocation_counter::measure(|| made = Some(work()));
    (made.expect("it ran"), info)
}
