//! Who decides that the key is rotated, or that it is not: one department's administrator, whose own approval is enough.

use std::time::{Duration, SystemTime};

use chancery_abi::{Address, Digest, Genesis, Outcome, limits::KEY_NOTICE_BLOCKS};
use commonware_runtime::Clock as _;
use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::{Decode as _, Encode as _};

use super::super::{
    doubles::SimSide,
    world::{Clerk, Session, World, call_of},
};
use crate::{
    chain::{PlannedDepartment, RegistryPlan},
    consensus::ChainSide as _,
    fixture::{Account, deployer, genesis_with_plan, name},
};

/// How many heights ahead a beacon may be promised.
const LEAD: u64 = 2;
/// Blocks from an act's being carried out, and from an announcement, to the new key's first height, at least.
const NOTICE: u64 = 2 * LEAD + 2 * KEY_NOTICE_BLOCKS;
/// Blocks until an act is carried out, with some for what goes wrong meanwhile.
const SPARE: u64 = 15;
/// What shows no effect for so long is done again.
const AGAIN_AFTER: Duration = Duration::from_secs(4);

/// The variants of the contract's `Measure`.
const ROTATE_THRESHOLD_KEY: u8 = 26;
const GIVE_UP_ROTATION: u8 = 27;

/// What the administrator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Rotate,
    GiveUp,
}

/// The administrator, and how far its act has come.
pub(super) struct Office {
    administrator: Clerk,
    /// The act that was proposed.
    act: Option<u32>,
    /// What was handed in last and is not final yet, and when.
    handed_in: Option<(Digest, SystemTime)>,
}

fn administrator() -> Account {
    Account::new(50)
}

/// A genesis whose registry lets a key begin soon after it was announced.
pub(in super::super) fn genesis(keys: &[SigningKey]) -> Genesis {
    let key = |of: &SigningKey| VerificationKey::from(of).into();
    let operator = key(&SigningKey::from([200; 32]));
    let plan = RegistryPlan::trial(vec![PlannedDepartment {
        name: name("land"),
        title: "land".to_owned(),
        administrators: vec![administrator().address()],
        nodes: keys.iter().map(|node| (key(node), operator)).collect(),
        deployers: vec![deployer().address()],
    }]);
    genesis_with_plan(keys, &RegistryPlan { beacon_lead_blocks: LEAD, ..plan })
}

impl Office {
    pub(super) fn new() -> Self {
        Self { administrator: Clerk { account: administrator(), nonce: 0 }, act: None, handed_in: None }
    }

    /// Begins with another matter.
    pub(super) fn turn_over(&mut self) {
        (self.act, self.handed_in) = (None, None);
    }
}

/// What came of a transaction, when anyone knows.
fn outcome(session: &Session, digest: &Digest) -> Option<Outcome> {
    let receipt = |side: &SimSide| side.chain.ledger().db().receipt(digest).expect("memory is readable");
    session.sides().iter().flatten().find_map(receipt).map(|receipt| receipt.outcome)
}

impl World {
    /// Does what is next for the administrator's wish, unless what it did before is still on its way.
    pub(super) fn petition(&mut self, session: &Session, office: &mut Office, wish: Wish) {
        let now = session.context.current();
        if let Some((digest, at)) = office.handed_in {
            match outcome(session, &digest) {
                Some(Outcome::Done { output }) if office.act.is_none() => {
                    office.act = Some(u32::decode(&mut &output[..]).expect("an act's number"));
                }
                // Too late by now, so from the beginning.
                Some(_) => office.act = None,
                None if now.duration_since(at).unwrap_or_default() < AGAIN_AFTER => return,
                None => {}
            }
            office.handed_in = None;
        }
        let who = self.choices.below(self.keys.len());
        let Some((side, _)) = &session.running[who] else { return };
        let (method, input) = match office.act {
            Some(act) => ("carry_out", act.encode()),
            None => ("propose", [self.measure(wish, side), "2026-1".encode()].concat()),
        };
        // As a client does: ask for the nonce that is next.
        let (_, next) = side.chain.account_nonces(&office.administrator.account.address()).expect("memory is readable");
        office.administrator.nonce = next;
        let payload = call_of(Address::registry(&self.genesis.chain), method, input);
        let transaction = office.administrator.sign(&self.genesis, payload);
        office.handed_in = self.hand_in(session, who, transaction).map(|digest| (digest, now));
    }

    /// A first height sometimes lies later than the ceremony lasts, and sometimes the ceremony decides.
    fn measure(&mut self, wish: Wish, side: &SimSide) -> Vec<u8> {
        match wish {
            Wish::Rotate => {
                let from_height = side.final_height() + NOTICE + SPARE + self.choices.below(40) as u64;
                (ROTATE_THRESHOLD_KEY, from_height).encode()
            }
            Wish::GiveUp => GIVE_UP_ROTATION.encode(),
        }
    }
}
