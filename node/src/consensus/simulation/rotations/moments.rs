//! The moments of a rotation at which somebody loses power, as a board shows them.

use chancery_abi::limits::KEY_NOTICE_BLOCKS;
use chancery_runtime::execution::registry::Stage;

use crate::consensus::Board;

/// Blocks before the new key's first height that count as the old one's last.
const LAST_HEIGHTS: u64 = 2;

/// A moment of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Moment {
    /// A stage of the ceremony begins.
    Stage(Stage),
    /// The new key is announced.
    Announced,
    /// The old key's holders begin to sign it.
    Signing,
    /// The old key's last heights.
    LastHeights,
    /// The new key's first height has come, and nobody has put it in force yet.
    FirstHeight,
    /// It is in force.
    InForce,
}

/// All of them, in their order.
pub(in super::super) const MOMENTS: [Moment; 10] = [
    Moment::Stage(Stage::Keys),
    Moment::Stage(Stage::Dealings),
    Moment::Stage(Stage::Acknowledgements),
    Moment::Stage(Stage::Logs),
    Moment::Stage(Stage::Declarations),
    Moment::Announced,
    Moment::Signing,
    Moment::LastHeights,
    Moment::FirstHeight,
    Moment::InForce,
];

/// How many of them are before the old key's holders sign, when a rotation can be given up.
pub(super) const BEFORE_SIGNING: usize = 6;

impl Moment {
    /// The one that a board shows, when the first key was made in round `first`; none where no key gives way to another.
    pub(super) fn of(board: &Board, first: u32) -> Option<Self> {
        let group = board.group.as_ref()?;
        if let Some(ceremony) = &board.ceremony {
            return Some(Self::Stage(ceremony.stage));
        }
        let Some(successor) = &board.successor else {
            return (group.round != first).then_some(Self::InForce);
        };
        Some(match successor.from_height.saturating_sub(board.height) {
            0 => Self::FirstHeight,
            left if left <= LAST_HEIGHTS => Self::LastHeights,
            left if left <= KEY_NOTICE_BLOCKS => Self::Signing,
            _ => Self::Announced,
        })
    }
}
