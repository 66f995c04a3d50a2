//! Who takes part: what each member of the committee was last seen to do, and how far finality has come.
//!
//! Figures for people, from votes that the engine has seen; nothing is decided by them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_abi::Committee;

/// What is known of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its key.
    pub key: [u8; 32],
    /// The view of its last vote; 0 when none was seen.
    pub voted_view: u64,
    /// When that was, in milliseconds since 1970; none when none was seen since this node started.
    pub voted_ms: Option<u64>,
    /// Whether its vote is in the newest certificate that this node saw.
    pub in_certificate: bool,
    /// How far its clock was ahead of this node's, in milliseconds, when it last passed something on.
    pub clock_ahead_ms: Option<i64>,
    /// When it last passed anything on directly, in milliseconds since 1970.
    pub heard_ms: Option<u64>,
}

impl MemberStatus {
    fn unseen(key: [u8; 32]) -> Self {
        Self { key, voted_view: 0, voted_ms: None, in_certificate: false, clock_ahead_ms: None, heard_ms: None }
    }
}

/// How the committee is doing, as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipationView {
    /// This node's own key.
    pub own_key: [u8; 32],
    /// The newest view that was decided.
    pub view: u64,
    /// Milliseconds since 1970 when this node started to watch.
    pub since_ms: u64,
    /// The newest certified height that was seen, committed here or not.
    pub certified_height: u64,
    /// Milliseconds from the newest block's time to the moment at which it was final here.
    pub finality_lag_ms: Option<u64>,
    /// Views that were skipped because their proposer did not make a block in time.
    pub skipped_views: u64,
    /// The members in the committee's order.
    pub members: Vec<MemberStatus>,
}

/// Collects what is seen.
#[derive(Debug)]
pub struct Participation {
    inner: Mutex<ParticipationView>,
}

impl Participation {
    /// Nothing seen yet of `committee`, by the node with key `own_key`.
    pub fn new(committee: &Committee, own_key: [u8; 32], now_ms: u64) -> Self {
        Self {
            inner: Mutex::new(ParticipationView {
                own_key,
                view: 0,
                since_ms: now_ms,
                certified_height: 0,
                finality_lag_ms: None,
                skipped_views: 0,
                members: committee.keys().iter().copied().map(MemberStatus::unseen).collect(),
            }),
        }
    }

    /// A committee's term begins; what was seen of those who go on stays.
    pub(super) fn begin(&self, committee: &Committee) {
        let mut inner = self.lock();
        let known = std::mem::take(&mut inner.members);
        let go_on = |key: &[u8; 32]| {
            let known = known.iter().find(|member| member.key == *key).cloned();
            MemberStatus { voted_view: 0, in_certificate: false, ..known.unwrap_or_else(|| MemberStatus::unseen(*key)) }
        };
        inner.members = committee.keys().iter().map(go_on).collect();
        inner.view = 0;
    }

    /// What is known now.
    pub fn view(&self) -> ParticipationView {
        self.lock().clone()
    }

    pub(super) fn voted(&self, member: u32, view: u64, now_ms: u64) {
        let mut inner = self.lock();
        if let Some(member) = inner.members.get_mut(member as usize)
            && member.voted_view <= view
        {
            member.voted_view = view;
            member.voted_ms = Some(now_ms);
        }
    }

    pub(super) fn certified(&self, view: u64, members: &[u32]) {
        let mut inner = self.lock();
        if view >= inner.view {
            inner.view = view;
            for (place, member) in (0..).zip(&mut inner.members) {
                member.in_certificate = members.contains(&place);
            }
        }
    }

    pub(super) fn skipped(&self, view: u64) {
        let mut inner = self.lock();
        if view > inner.view {
            inner.view = view;
            inner.skipped_views += 1;
        }
    }

    pub(super) fn final_height(&self, height: u64, block_ms: u64, now_ms: u64) {
        let mut inner = self.lock();
        inner.certified_height = inner.certified_height.max(height);
        inner.finality_lag_ms = Some(now_ms.saturating_sub(block_ms));
    }

    pub(super) fn tip(&self, height: u64) {
        let mut inner = self.lock();
        inner.certified_height = inner.certified_height.max(height);
    }

    pub(super) fn heard(&self, key: &[u8; 32], clock_ms: u64, now_ms: u64) {
        let mut inner = self.lock();
        if let Some(member) = inner.members.iter_mut().find(|member| member.key == *key) {
            let ahead = i128::from(clock_ms) - i128::from(now_ms);
            member.clock_ahead_ms = i64::try_from(ahead).ok();
            member.heard_ms = Some(now_ms);
        }
    }

    fn lock(&self) -> MutexGuard<'_, ParticipationView> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
