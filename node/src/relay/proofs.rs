//! What leads from what one chain knows to another chain's state, as far as this node can show it.

use chancery_abi::{
    Address, codec,
    lane::{Anchored, LaneProof, slots},
};
use chancery_runtime::{execution::lanes, state::StateError, storage::StateBackend};

use super::{Chain, Relay, other::Other};
use crate::chain::ChainError;

/// The nodes that prove an entry, and its value.
type Proven = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// Proves one of the runtime's own entries as of a height; none when that cannot be proven any more or not yet.
pub(super) fn prove<B: StateBackend + 'static>(
    chain: &Chain<B>,
    height: u64,
    slot: &[u8],
) -> Result<Option<Proven>, ChainError> {
    prove_of(chain, height, &Address::system(), slot)
}

/// As [`prove`], of any contract's.
pub(super) fn prove_of<B: StateBackend + 'static>(
    chain: &Chain<B>,
    height: u64,
    contract: &Address,
    slot: &[u8],
) -> Result<Option<Proven>, ChainError> {
    match chain.ledger().state()?.prove(height, contract, slot) {
        Ok(proof) => Ok(Some((proof.value, proof.nodes))),
        Err(StateError::NotProvable { .. } | StateError::TooMuchChanged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether proofs of a chain's state at a height take nothing but what is in memory.
pub(super) fn is_at_hand<B: StateBackend + 'static>(chain: &Chain<B>, height: u64) -> Result<bool, ChainError> {
    Ok(chain.ledger().state()?.remembered() <= height)
}

/// What leads to a chain's state, and the height whose state it is.
pub(super) struct Way {
    pub(super) proof: LaneProof,
    pub(super) height: u64,
}

impl<B: StateBackend + 'static> Relay<B> {
    /// What leads from what `to` knows to the newest state of `of` that it can take; none where there is nothing yet, and
    /// then `to` is asked to look at the mainchain again.
    pub(super) fn way(&self, to: &Chain<B>, of: &Other<B>) -> Result<Option<Way>, ChainError> {
        let (main, of_name) = (&self.mainchain, of.name());
        // Of a chain that is elsewhere, what is known is of one height.
        let viewed = match of {
            Other::Here(_) => None,
            Other::Elsewhere(_) => Some(self.viewed_height(of_name, to)),
        };
        if to.ledger().rules().genesis().mainchain.is_none() {
            let Some(state) = main.anchor_state(of_name)? else { return Ok(None) };
            let height = viewed.unwrap_or(state.newest.height);
            return Ok((height > 0).then_some(Way { proof: LaneProof::Anchored { height }, height }));
        }
        let seen = to.newest_seen()?;
        let Some(header) = main.ledger().db().header(seen)? else { return Ok(None) };
        if of.is_mainchain() {
            return Ok(Some(Way { proof: LaneProof::Mainchain { header }, height: seen }));
        }
        // The newest record that the mainchain had when `to` saw it.
        let Some((Some(value), _)) = prove(main, seen, &slots::anchor(of_name))? else { return Ok(None) };
        let state: Result<chancery_abi::lane::AnchorState, _> = codec::decode(&value, value.len());
        let Ok(state) = state else { return Ok(None) };
        let height = viewed.unwrap_or(state.newest.height);
        if height == 0 || height > state.newest.height {
            return Ok(None);
        }
        let Some((Some(value), nodes)) = prove(main, seen, &slots::anchored(of_name, height))? else { return Ok(None) };
        let Ok(record) = codec::decode::<Anchored>(&value, value.len()) else { return Ok(None) };
        Ok(Some(Way { proof: LaneProof::Through { header, record, nodes }, height }))
    }

    /// Whether `to` would know more of `of` if it looked at the mainchain again, and the height to look at.
    pub(super) fn news(&self, to: &Chain<B>, of: &Other<B>) -> Result<Option<u64>, ChainError> {
        if to.ledger().rules().genesis().mainchain.is_none() {
            return Ok(None);
        }
        let (seen, tip) = (to.newest_seen()?, self.mainchain.ledger().tip().height);
        if seen >= tip {
            return Ok(None);
        }
        if of.is_mainchain() {
            return Ok(Some(tip));
        }
        let rules = self.mainchain.ledger().rules();
        let state = self.mainchain.read_state(|view| lanes::anchors::state_of(rules, view, of.name()))?;
        Ok(state.map(|state| state.newest.mainchain_height).filter(|height| *height > seen))
    }
}
