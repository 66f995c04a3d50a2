//! A borrowed state view inside the engine's store, which takes owned data only.
//!
//! This is the runtime's one use of `unsafe`: the borrow's lifetime is erased here and restored by construction. A
//! [`ViewPointer`] is made by [`ViewGuard::pointer`] and lives in a session; sessions live in the stores that
//! [`super::invoke`] makes and drops before it returns, and in executors and queries that hold the guard.
#![allow(unsafe_code, reason = "the engine's store takes 'static data, and the state is borrowed")]

use std::{marker::PhantomData, ptr::NonNull};

use crate::state::StateView;

/// Holds the borrow for as long as pointers made from it are used.
#[derive(Clone, Copy)]
pub(super) struct ViewGuard<'a> {
    view: &'a dyn StateView,
}

/// A view without its lifetime.
pub(crate) struct ViewPointer {
    view: NonNull<dyn StateView>,
    not_send: PhantomData<*const ()>,
}

impl<'a> ViewGuard<'a> {
    pub(super) fn new(view: &'a dyn StateView) -> Self {
        Self { view }
    }

    /// A pointer that the caller drops before the guard's lifetime ends.
    pub(super) fn pointer(&self) -> ViewPointer {
        let view: *const (dyn StateView + 'a) = self.view;
        // SAFETY: only the lifetime changes. `BlockExecutor` and `query` own the session that holds the pointer beside
        // the guard, and neither hands the session out, so it is gone before `'a` ends.
        let view: *const (dyn StateView + 'static) = unsafe { std::mem::transmute(view) };
        let view = NonNull::new(view.cast_mut()).expect("a reference is never null");
        ViewPointer { view, not_send: PhantomData }
    }
}

impl ViewPointer {
    pub(super) fn get(&self) -> &dyn StateView {
        // SAFETY: the guard's borrow is alive while any pointer made from it is; see `ViewGuard::pointer`.
        unsafe { self.view.as_ref() }
    }
}
