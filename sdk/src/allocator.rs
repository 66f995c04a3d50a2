//! The memory of a call, and the end of a panic.
//!
//! An instance serves one call and is thrown away with its memory, so the allocator only moves a mark upwards. It takes
//! back the newest allocation alone, which is enough for temporary keys and for a growing vector. It deliberately
//! keeps no list of what was freed before.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::Cell,
    ptr::{self, null_mut},
};

const PAGE_BYTES: usize = 64 * 1024;

struct Bump {
    /// The address of the first free byte; 0 before the first allocation.
    next: Cell<usize>,
    /// The address behind the memory there is.
    end: Cell<usize>,
}

// SAFETY: the sandbox has no threads, so nothing is ever shared between two.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

unsafe extern "C" {
    /// The linker puts this symbol behind the stack and the static data.
    static __heap_base: u8;
}

impl Bump {
    /// Moves the mark to `next`, growing the memory as needed: whether there is so much.
    fn advance(&self, next: usize) -> bool {
        let end = self.end.get();
        if next > end {
            let pages = (next - end).div_ceil(PAGE_BYTES);
            if wasm32::memory_grow(0, pages) == usize::MAX {
                return false;
            }
            self.end.set(end + pages * PAGE_BYTES);
        }
        self.next.set(next);
        true
    }

    /// Whether the allocation of `size` bytes at `place` is the newest.
    fn is_newest(&self, place: *mut u8, size: usize) -> bool {
        place.addr() + size == self.next.get()
    }
}

// SAFETY: `next` only ever moves down to the beginning of the newest allocation when that one is given back, so no two
// live allocations overlap; each begins at a multiple of its alignment and ends within the memory.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.next.get() == 0 {
            self.next.set((&raw const __heap_base).addr());
            self.end.set(wasm32::memory_size(0) * PAGE_BYTES);
        }
        let mask = layout.align() - 1;
        let Some(start) = self.next.get().checked_add(mask).map(|start| start & !mask) else { return null_mut() };
        match start.checked_add(layout.size()) {
            Some(next) if self.advance(next) => ptr::with_exposed_provenance_mut(start),
            _ => null_mut(),
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if self.is_newest(place, layout.size()) {
            self.next.set(place.addr());
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_newest(place, layout.size()) {
            return match place.addr().checked_add(size) {
                Some(next) if self.advance(next) => place,
                _ => null_mut(),
            };
        }
        if size <= layout.size() {
            return place;
        }
        // SAFETY: the alignment is that of a layout that exists, and the caller promises that the size fits it.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: the old allocation has `layout.size()` bytes, the new one more, and they do not overlap.
            unsafe { ptr::copy_nonoverlapping(place, moved, layout.size()) };
        }
        moved
    }
}

/// A panic ends the call; its text would cost the contract more bytes than its own code.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
