//! The steps of the newest blocks, which lead back from the finalised state to older roots, kept in memory as far as
//! they fit.

use std::{collections::VecDeque, sync::Arc};

use chancery_abi::Digest;

use super::{
    changes::{Layer, Step},
    format::Point,
};

/// The step of one block.
struct Block {
    root_before: Digest,
    step: Arc<Step>,
    bytes: usize,
}

/// The newest blocks' steps, without gaps up to the finalised block.
pub(super) struct History {
    blocks: VecDeque<Block>,
    bytes: usize,
    bytes_max: usize,
    blocks_max: u64,
}

impl History {
    pub(super) fn new(bytes_max: usize, blocks_max: u64) -> Self {
        Self { blocks: VecDeque::new(), bytes: 0, bytes_max, blocks_max }
    }

    /// Adds the newest block's step and forgets the oldest ones that no longer fit.
    pub(super) fn push(&mut self, root_before: Digest, step: Arc<Step>) {
        let bytes = step.size_bytes();
        self.bytes += bytes;
        self.blocks.push_back(Block { root_before, step, bytes });
        while self.bytes > self.bytes_max || self.blocks.len() as u64 > self.blocks_max {
            let Some(block) = self.blocks.pop_front() else { break };
            self.bytes -= block.bytes;
        }
    }

    /// The oldest point that the steps lead back to from `head`.
    pub(super) fn oldest(&self, head: Point) -> Point {
        match self.blocks.front() {
            Some(block) => Point { height: head.height - self.blocks.len() as u64, root: block.root_before },
            None => head,
        }
    }

    /// The root at `height`, when the steps lead back to it from `head`.
    pub(super) fn root_at(&self, height: u64, head: Point) -> Option<Digest> {
        if height == head.height {
            return Some(head.root);
        }
        let index = height.checked_sub(self.oldest(head).height)?;
        self.blocks.get(usize::try_from(index).ok()?).map(|block| block.root_before)
    }

    /// The layers that show `height` over `head`; the heights before [`oldest`](Self::oldest) have none.
    pub(super) fn layers(&self, height: u64, head: Point) -> impl Iterator<Item = Layer> + '_ {
        let skip = height.saturating_sub(self.oldest(head).height);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.blocks.iter().skip(skip).map(|block| Layer::back(block.step.clone()))
    }
}
