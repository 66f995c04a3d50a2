//! A contract that asks the chain what the registry knows: who holds a role, and what a height's beacon is.
#![no_std]

use chancery_sdk::prelude::*;

/// An office whose clerks draw lots.
///
/// zh: 抽签窗口
#[contract]
pub struct Clerks {
    /// What was drawn for each height.
    /// zh: 各高度的抽签结果
    #[public]
    drawn: Map<u64, Digest>,
}

#[methods]
impl Clerks {
    /// Draws with the beacon of a height.
    /// zh: 以某高度的信标抽签
    #[access(role(chief_clerk))]
    pub fn draw(&mut self, cx: &Cx, height: u64) -> Option<Digest> {
        let beacon = cx.beacon(height)?;
        self.drawn.insert(&height, &beacon);
        Some(beacon)
    }

    /// Forgets what was drawn for a height.
    /// zh: 删除某高度的抽签结果
    #[access(role(chief_clerk))]
    pub fn forget(&mut self, height: u64) {
        self.drawn.remove(&height);
    }

    /// The beacon of a height.
    /// zh: 查询某高度的信标
    #[query]
    pub fn beacon(&self, cx: &Cx, height: u64) -> Option<Digest> {
        cx.beacon(height)
    }
}
