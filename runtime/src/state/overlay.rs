//! Executed blocks that are not final yet, each over its parent, down to the finalised state.
//!
//! An overlay never changes once made. Its parent is forgotten when it becomes final, because the store then holds all
//! that lies below; so a chain of overlays is as long as there are blocks not final, and one more.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use chancery_abi::Digest;

use super::{
    changes::{Layer, Layers, Step},
    error::StateError,
    format::Point,
    node::lock,
};

/// How many executed blocks may lie over the finalised state.
pub const OVERLAYS_MAX: usize = 256;

/// An executed block that is not final yet: what it changes, and what that makes of the trie.
pub struct Overlay {
    pub(super) point: Point,
    pub(super) base: Point,
    pub(super) step: Arc<Step>,
    parent: Mutex<Option<Arc<Overlay>>>,
}

impl Overlay {
    pub(super) fn new(base: Point, root: Digest, step: Step, parent: Option<&Arc<Overlay>>) -> Self {
        let point = Point { height: base.height + 1, root };
        Self { point, base, step: Arc::new(step), parent: Mutex::new(parent.cloned()) }
    }

    /// The block's height.
    pub fn height(&self) -> u64 {
        self.point.height
    }

    /// The state's root after the block.
    pub fn root(&self) -> Digest {
        self.point.root
    }

    /// How many entries differ from the parent's state.
    pub fn changed(&self) -> usize {
        self.step.entries.len()
    }

    /// Forgets the parent, because this block is final.
    pub(super) fn cut(&self) {
        *lock(&self.parent) = None;
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("point", &self.point).field("changed", &self.changed()).finish_non_exhaustive()
    }
}

/// The layers from `tip` down to `head`, the tip's first.
pub(super) fn layers(tip: Option<&Arc<Overlay>>, head: Point) -> Result<Layers, StateError> {
    let mut layers = Layers::new();
    let mut next = tip.cloned();
    let mut reached = head;
    while let Some(overlay) = next {
        reached = overlay.point;
        if overlay.point.height <= head.height {
            break;
        }
        if layers.len() == OVERLAYS_MAX {
            return Err(StateError::TooManyOverlays { limit: OVERLAYS_MAX });
        }
        layers.push(Layer::forward(overlay.step.clone()));
        reached = overlay.base;
        next = lock(&overlay.parent).clone();
    }
    if reached != head {
        return Err(StateError::Conflict {
            height: head.height,
            root: head.root,
            found_height: reached.height,
            found_root: reached.root,
        });
    }
    Ok(layers)
}
