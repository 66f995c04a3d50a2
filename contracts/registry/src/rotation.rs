//! Rotating the threshold key: a new one takes the place of the present one, from a height that everybody knows long before.
//!
//! An act asks for it. The committee that holds the key makes another in a ceremony of its own; once all but f declare the
//! same one it is announced, with its first height. Contracts may have promised draws by beacons of heights to come, each at
//! most [`lead_blocks`](crate::ThresholdKeys::lead_blocks) ahead, and from the announcement on none that lies beyond that
//! height; so the first height lies twice as far ahead, once for what was promised and once for word of it to reach all
//! chains, and no draw is ever between two keys. Shortly before, the holders of the present key sign the new one (`endorse`), so
//! that whoever trusts the old can follow. When the last beacon of the old key is known, the new one is in force and the old is
//! erased; before that the new one makes nothing.
//!
//! Invariants: one rotation at a time, and no change of the mainchain's committee meanwhile; no height has two keys. Until the
//! holders sign an act can give the rotation up, and everything is as before; and again from the first height on, for as long as
//! the old key's last beacon is missing, so that an old key which died holds nothing up for ever.

use chancery_sdk::prelude::*;

use crate::{
    Ceremony, Group, Registry, RegistryError,
    ceremonies::check_node,
    events::{GroupInForce, KeyAnnounced, RotationGivenUp},
    nodes::faults,
};

/// How many heights ahead a new key may begin.
const AHEAD_MAX: u64 = 10_000_000;
/// Blocks before the first height in which the old key's holders sign the new one. Nodes hold to the same.
const KEY_NOTICE_BLOCKS: u64 = 32;
/// Blocks between the announcement and the first height, whatever the lead: the old key's holders sign in the last of them.
const NOTICE_BLOCKS: u64 = 2 * KEY_NOTICE_BLOCKS;
/// The beacon of so many blocks ago must be known for a rotation to begin.
const BEACONS_LATE: u64 = 64;

/// A threshold key and the heights that it speaks for. The runtime reads it, so its fields never change.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpan {
    /// A compressed point of BLS12-381's G2.
    pub key: [u8; 96],
    /// The first height.
    pub from_height: u64,
    /// The last one; nothing while it serves.
    pub to_height: Option<u64>,
    /// Whether its holders are too few to bear one that lies.
    pub untrusted: bool,
    /// The round of the ceremony that made it.
    pub round: u32,
}

/// All threshold keys by height. The runtime reads it by its key, so its first fields never change.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdKeys {
    /// How many heights ahead a contract may promise to use a beacon.
    pub lead_blocks: u64,
    /// The keys, in order.
    pub spans: Vec<KeySpan>,
}

/// A rotation that an act asked for.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The act.
    pub act: u32,
    /// The first height of the new key, if the ceremony is over in time; else it is later.
    pub from_height: u64,
}

#[methods]
impl Registry {
    /// Puts up the present key's signature over the announced one. The nodes see to it that it holds; whoever uses it looks
    /// again.
    /// zh: 提交现行门限密钥对新密钥的签名
    #[access(anyone)]
    pub fn endorse(&mut self, cx: &Cx, node: [u8; 32], round: u32, signature: [u8; 48]) -> Result<(), RegistryError> {
        let successor = self.successor.get().filter(|successor| successor.round == round);
        let holders = self.group.get().map(|group| group.members).unwrap_or_default();
        let successor = successor.ok_or(RegistryError::NoRotation)?;
        check_node(cx, &node, &holders)?;
        let height = successor.from_height.saturating_sub(KEY_NOTICE_BLOCKS);
        ensure!(cx.height() >= height, RegistryError::RotationWaits { height });
        ensure!(!self.endorsements.contains(&(round, node)), RegistryError::ContributedAlready);
        self.endorsements.insert(&(round, node), &signature);
        Ok(())
    }

    /// Puts the announced key in force: its first height has come, and the old key's last beacon is known.
    /// zh: 使新门限密钥生效
    #[access(anyone)]
    pub fn complete_rotation(&mut self, cx: &Cx, node: [u8; 32]) -> Result<(), RegistryError> {
        let successor = self.successor.get().ok_or(RegistryError::NoRotation)?;
        check_node(cx, &node, &successor.members)?;
        let height = successor.from_height;
        ensure!(cx.height() >= height && is_last_known(cx, height), RegistryError::RotationWaits { height });
        // One of f + 1 that signed at least is honest and has looked at what it put up.
        let holders = self.group.get().map(|group| group.members).unwrap_or_default();
        let signed = holders.iter().filter(|holder| self.endorsements.contains(&(successor.round, **holder))).count();
        ensure!(signed > faults(holders.len()), RegistryError::RotationWaits { height });
        let (round, from_height, holders) = (successor.round, successor.from_height, successor.holders);
        self.group.set(&successor);
        self.groups.insert(&round, &successor);
        self.successor.remove();
        self.rotation.remove();
        if let Some(ceremony) = self.announced.take() {
            self.concluded.set(&ceremony);
        }
        cx.emit(&GroupInForce { round, from_height, holders });
        Ok(())
    }

    /// All threshold keys by height, and how far ahead contracts may promise to use a beacon.
    /// zh: 查询各高度的门限密钥
    #[query]
    pub fn threshold_keys(&self) -> Option<ThresholdKeys> {
        self.keys.get()
    }

    /// The rotation under way, and the key that it announced.
    /// zh: 查询进行中的密钥轮换
    #[query]
    pub fn rotation_status(&self) -> Option<(Rotation, Option<Group>)> {
        self.rotation.get().map(|rotation| (rotation, self.successor.get()))
    }

    pub(crate) fn check_rotate_threshold_key(&self, cx: &Cx, from_height: u64) -> Result<(), RegistryError> {
        let group = self.group.get().ok_or(RegistryError::NoThresholdKey)?;
        // So few never rotate a key: growth makes a new one.
        ensure!(!group.untrusted, RegistryError::NoThresholdKey);
        ensure!(self.rotation.get().is_none(), RegistryError::RotationUnderWay);
        let membership = self.memberships.get(&cx.chain().as_str().to_owned());
        if let Some(next) = membership.and_then(|membership| membership.next)
            && next.from_height > cx.height()
        {
            return Err(RegistryError::CommitteePending { height: next.from_height });
        }
        let is_settled = self.ceremony.get().is_none() && self.holding_next(cx).is_none();
        ensure!(is_settled, RegistryError::CeremonyUnderWay);
        let earliest = cx.height() + self.rotation_notice();
        ensure!(from_height >= earliest, RegistryError::ShortNotice { earliest });
        ensure!(from_height - cx.height() <= AHEAD_MAX, RegistryError::TooFarAhead { limit: AHEAD_MAX });
        // A key that makes no beacons any more cannot end its time.
        let late = cx.height().saturating_sub(BEACONS_LATE);
        ensure!(late <= group.from_height || cx.beacon(late).is_some(), RegistryError::BeaconsLate);
        Ok(())
    }

    pub(crate) fn rotate_threshold_key(&mut self, act: u32, from_height: u64) {
        self.rotation.set(&Rotation { act, from_height });
    }

    pub(crate) fn check_give_up_rotation(&self, cx: &Cx) -> Result<(), RegistryError> {
        ensure!(self.rotation.get().is_some(), RegistryError::NoRotation);
        let Some(successor) = self.successor.get() else { return Ok(()) };
        let (height, from) = (cx.height(), successor.from_height);
        let may = height < from.saturating_sub(KEY_NOTICE_BLOCKS) || height >= from && !is_last_known(cx, from);
        ensure!(may, RegistryError::HeightOver { height });
        Ok(())
    }

    pub(crate) fn give_up_rotation(&mut self, cx: &Cx) {
        self.rotation.remove();
        if self.ceremony.get().is_some_and(|ceremony| self.is_rotation(&ceremony)) {
            self.ceremony.remove();
        }
        self.announced.remove();
        if self.successor.take().is_some() {
            self.change_spans(|spans| {
                spans.pop();
                if let Some(last) = spans.last_mut() {
                    last.to_height = None;
                }
            });
        }
        cx.emit(&RotationGivenUp {});
    }

    /// Refuses a change of the mainchain's committee while its key is rotated.
    pub(crate) fn check_no_rotation(&self, cx: &Cx, chain: &str) -> Result<(), RegistryError> {
        let free = chain != cx.chain().as_str() || self.rotation.get().is_none();
        ensure!(free, RegistryError::RotationUnderWay);
        Ok(())
    }

    /// Whether a ceremony is due, or under way, that makes a key to come after one which is in force.
    pub(crate) fn rotates(&self) -> bool {
        self.rotation.get().is_some() && self.successor.get().is_none()
    }

    /// Whether a ceremony makes a key to come after one which is in force: anything else would hand that one on.
    pub(crate) fn is_rotation(&self, ceremony: &Ceremony) -> bool {
        ceremony.previous.is_none() && self.group.get().is_some_and(|group| !group.untrusted)
    }

    /// Announces the key that came out of a rotation's ceremony.
    pub(crate) fn announce(&mut self, cx: &Cx, group: Group, ceremony: &Ceremony) {
        let Some(Rotation { from_height, .. }) = self.rotation.get() else { return };
        let from_height = from_height.max(cx.height() + self.rotation_notice());
        let successor = Group { from_height, ..group };
        self.begin_span(&successor);
        let round = successor.round;
        self.successor.set(&successor);
        self.announced.set(ceremony);
        cx.emit(&KeyAnnounced { round, from_height });
    }

    /// Has a key speak from its first height on, and the one before until then.
    pub(crate) fn begin_span(&mut self, group: &Group) {
        let Group { round, key, from_height, untrusted, .. } = group.clone();
        self.change_spans(|spans| {
            if let Some(last) = spans.last_mut() {
                last.to_height = Some(from_height.saturating_sub(1));
            }
            spans.push(KeySpan { key, from_height, to_height: None, untrusted, round });
        });
    }

    fn change_spans(&mut self, change: impl FnOnce(&mut Vec<KeySpan>)) {
        if let Some(mut keys) = self.keys.get() {
            change(&mut keys.spans);
            self.keys.set(&keys);
        }
    }

    fn rotation_notice(&self) -> u64 {
        let lead = self.keys.get().map_or(0, |keys| keys.lead_blocks);
        2 * lead + NOTICE_BLOCKS
    }
}

/// Whether the last beacon before a height is known, the last of the key whose time ends there.
fn is_last_known(cx: &Cx, height: u64) -> bool {
    cx.beacon(height.saturating_sub(1)).is_some()
}
