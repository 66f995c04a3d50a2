//! A run: the chains are founded, points are sent between them while one fault follows another, and then all is well and
//! the lanes have to drain.

use std::time::{Duration, UNIX_EPOCH};

use chancery_abi::{
    Address, Authorisation, Call, Deploy, Genesis, Name, Outcome, Payload, Scheme, Transaction, TransactionBody,
    WIRE_VERSION,
};
use commonware_runtime::{Clock as _, deterministic};
use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::Encode as _;

use super::{
    books::{Report, Violation},
    terms::{EPOCH, MEMBERS},
    world::{MAIN, NODES, SIDES, Service, Session, World, courier, loses_a_quorum},
};
use crate::{
    chain::{PlannedDepartment, RegistryPlan},
    consensus::simulation::{
        faults::{self, Fault},
        world::contract,
    },
    fixture::{GENESIS_TIME_MS, genesis_of, ident, name},
};

/// What every courier begins with.
pub(super) const POINTS: u64 = 1_000;
/// How long each fault lasts, and how long all is well after it.
const FAULT_LASTS: Duration = Duration::from_millis(1_800);
const HEALED_FOR: Duration = Duration::from_millis(1_200);
/// How often it is looked at everything; under load a message is sent every other time, as it falls out.
const TICK: Duration = Duration::from_millis(100);
/// Time in which the lanes must drain once all is well, and for how long they must then stay empty.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
const QUIET_FOR: Duration = Duration::from_secs(3);
/// Time in which the committee of a sidechain that lives must have changed, once all is well.
const CHANGE_PATIENCE: Duration = Duration::from_secs(60);
/// The sidechain that loses its quorum does so after so many faults.
const QUORUM_LOST_AFTER: usize = 2;
/// What messages call: three in seven are taken, and with each of the others something else is wrong.
const METHODS: [&str; 7] = ["credit", "credit", "credit", "decline", "spin", "trap", "missing"];
/// Heights of the mainchain for which a message is valid: long enough, or hardly.
const VALID: [u64; 8] = [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 2];
/// Headers wait so long for their anchors where nobody waits for them.
const ANCHOR_MS: u64 = 2_000;
const YEAR_MS: u64 = 365 * 86_400_000;
/// Tries of what has to be done before anything goes wrong.
const TRIES: usize = 40;
pub(super) const GAS: u64 = 4_000_000_000;
const SEND_GAS: u64 = 500_000_000;
/// Heights for which transactions stay valid.
pub(super) const VALID_FOR: u64 = 60;
/// The variant of the registry's `Measure` that founds a chain.
const FOUND_CHAIN: u8 = 21;

pub(super) fn administrator() -> SigningKey {
    SigningKey::from([50; 32])
}

fn deployer() -> SigningKey {
    SigningKey::from([60; 32])
}

/// Those who send points.
fn sender(number: usize) -> SigningKey {
    SigningKey::from([70 + number as u8; 32])
}

const SENDERS: usize = 4;

pub(super) fn public(key: &SigningKey) -> [u8; 32] {
    VerificationKey::from(key).into()
}

/// An account's address.
pub(super) fn address(key: &SigningKey) -> Address {
    Address::of_key(Scheme::Ed25519, &public(key))
}

/// The genesis of a mainchain with these nodes and one department.
pub(super) fn genesis(nodes: &[SigningKey]) -> Genesis {
    let plan = RegistryPlan::trial(vec![PlannedDepartment {
        name: name("land"),
        title: "land".to_owned(),
        administrators: vec![address(&administrator())],
        nodes: nodes.iter().map(|node| (public(node), public(&administrator()))).collect(),
        deployers: vec![address(&deployer())],
    }]);
    let registry = RegistryPlan { epoch_blocks: EPOCH, ..plan }.setup(&name(MAIN), GENESIS_TIME_MS);
    Genesis { departments: Vec::new(), registry: Some(registry), ..genesis_of(nodes) }
}

/// A transaction of an account on a chain, with the nonce that is due there.
pub(super) fn sign(key: &SigningKey, chain: &Service, payload: Payload, gas_limit: u64, valid_for: u64) -> Transaction {
    let (rules, sender) = (chain.ledger().rules(), address(key));
    let (_, nonce) = chain.account_nonces(&sender).expect("memory is readable");
    let valid_until_height = chain.ledger().tip().height + valid_for;
    let (version, chain) = (WIRE_VERSION, rules.name().clone());
    let body = TransactionBody { version, chain, sender, nonce, gas_limit, valid_until_height, payload, sponsor: None };
    let signature = key.sign(&body.digest(rules.digest()).0).to_bytes();
    let authorisation = Authorisation::Ed25519 { public_key: public(key), signature };
    Transaction { body, authorisation, sponsor_authorisation: None }
}

pub(super) fn call(contract: Address, method: &str, input: Vec<u8>) -> Payload {
    Payload::Call(Call { contract, method: ident(method), input })
}

impl World {
    /// Runs to the end.
    pub(super) fn run(mut self) -> Result<Report, Violation> {
        let ours = |fault: &Fault| !matches!(fault, Fault::Declining | Fault::Garbage | Fault::Equivocation);
        let order: Vec<Fault> = self.choices.shuffled().into_iter().filter(ours).collect();
        let power_loss = order.iter().position(|fault| *fault == Fault::PowerLoss).unwrap_or(order.len());
        let (before, after) = (order[..power_loss].to_vec(), order[power_loss + 1..].to_vec());
        let config = deterministic::Config::default()
            .with_seed(self.seed)
            // The genesis' time and a day: a network begins after its genesis.
            .with_start_time(UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400));
        let (first, checkpoint) = deterministic::Runner::new(config).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.set_up(&mut session).await?;
            self.under_load = true;
            self.go_through(&mut session, &before).await
        });
        first?;
        self.faults.push(Fault::PowerLoss);
        self.lose_what_is_not_synced(|_| true);
        let (second, _) = deterministic::Runner::from(checkpoint).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.wait(&mut session, HEALED_FOR).await?;
            self.go_through(&mut session, &after).await?;
            self.conclude(&mut session).await
        });
        second
    }

    /// The sidechains are founded, and every chain has its courier.
    async fn set_up(&mut self, session: &mut Session) -> Result<(), Violation> {
        let main = name(MAIN);
        let registry = Address::registry(&main);
        let members: Vec<[u8; 32]> = self.genesis.committee.keys()[..MEMBERS].to_vec();
        for side in SIDES {
            let (deployers, until_ms) = (vec![address(&deployer())], GENESIS_TIME_MS + YEAR_MS);
            let measure = (FOUND_CHAIN, side, "land", &members, ANCHOR_MS, deployers, until_ms).encode();
            let propose = call(registry, "propose", [measure, "2026-1".encode()].concat());
            let act = self.have_done(session, "proposing a sidechain", &main, &administrator(), propose).await?;
            let carry_out = call(registry, "carry_out", act);
            self.have_done(session, "founding a sidechain", &main, &administrator(), carry_out).await?;
        }
        let code = contract("courier");
        for chain in [MAIN, SIDES[0], SIDES[1]] {
            let (department, contract_name, input) = (name("land"), name("courier"), POINTS.encode());
            let deploy = Payload::Deploy(Deploy { department, name: contract_name, code: code.clone(), input });
            self.have_done(session, "deploying a courier", &name(chain), &deployer(), deploy).await?;
        }
        Ok(())
    }

    /// Has a transaction done by an account, as often as it takes; what it gave.
    async fn have_done(
        &mut self,
        session: &mut Session,
        what: &'static str,
        chain: &Name,
        by: &SigningKey,
        payload: Payload,
    ) -> Result<Vec<u8>, Violation> {
        let mut last = "the chain is not there".to_owned();
        for _ in 0..TRIES {
            let Some(service) = session.chain(0, chain) else {
                self.wait(session, TICK * 5).await?;
                continue;
            };
            let transaction = sign(by, &service, payload.clone(), GAS, VALID_FOR);
            let digest = transaction.digest(service.ledger().rules().digest());
            if let Err(error) = service.submit(transaction) {
                last = error.to_string();
            }
            for _ in 0..20 {
                self.wait(session, TICK).await?;
                let receipt = service.ledger().db().receipt(&digest).expect("memory is readable");
                match receipt.map(|receipt| receipt.outcome) {
                    Some(Outcome::Done { output }) => return Ok(output),
                    Some(outcome) => {
                        last = format!("{outcome:?}");
                        break;
                    }
                    None => {}
                }
            }
        }
        Err(Violation::NotDone { what, chain: chain.clone(), last })
    }

    /// Somebody sends points from one chain to another.
    fn send(&mut self, session: &Session) {
        let chains = [MAIN, SIDES[0], SIDES[1]].map(name);
        let from = self.choices.below(chains.len());
        let to = (from + 1 + self.choices.below(chains.len() - 1)) % chains.len();
        let (place, by) = (self.choices.below(NODES), sender(self.choices.below(SENDERS)));
        let method = METHODS[self.choices.below(METHODS.len())];
        let (amount, valid_for) = (self.choices.next() % 4, VALID[self.choices.below(VALID.len())]);
        let Some(chain) = session.chain(place, &chains[from]) else { return };
        let input = (chains[to].as_str(), courier(&chains[to]), method, amount, valid_for).encode();
        let transaction = sign(&by, &chain, call(courier(&chains[from]), "send", input), SEND_GAS, VALID_FOR);
        // What is not taken was not sent.
        chain.submit(transaction).ok();
    }

    /// Lets time pass, under load where that is so, and looks at everything.
    async fn wait(&mut self, session: &mut Session, time: Duration) -> Result<(), Violation> {
        let end = session.context.current() + time;
        while session.context.current() < end {
            session.context.sleep(TICK).await;
            for place in 0..NODES {
                self.host(session, place).await?;
            }
            if self.under_load {
                self.change_committees(session);
                if self.choices.below(2) == 0 {
                    self.send(session);
                }
            }
            self.books.note(session)?;
            Self::still_run(session)?;
        }
        Ok(())
    }

    async fn go_through(&mut self, session: &mut Session, faults: &[Fault]) -> Result<(), Violation> {
        for fault in faults {
            self.lose_quorum_when_due(session);
            self.faults.push(*fault);
            let odd = self.choices.below(NODES);
            self.go_wrong(session, *fault, odd).await?;
            session.link(|_, _| Some(faults::good())).await;
            self.wait(session, HEALED_FOR).await?;
        }
        Ok(())
    }

    fn lose_quorum_when_due(&mut self, session: &mut Session) {
        let is_lost = SIDES.iter().any(|side| self.stands_still(&name(side)));
        if loses_a_quorum(self.seed) && !is_lost && self.faults.len() >= QUORUM_LOST_AFTER {
            self.lose_quorum(session);
        }
    }

    async fn go_wrong(&mut self, session: &mut Session, fault: Fault, odd: usize) -> Result<(), Violation> {
        match fault {
            Fault::Loss | Fault::Slow => session.link(|_, _| faults::under(fault)).await,
            Fault::Halves | Fault::Alone | Fault::Mute => {
                session.link(|from, to| (!faults::is_cut(fault, odd, from, to)).then(faults::good)).await;
            }
            Fault::Crash => {
                self.crash(session, odd).await;
                self.wait(session, FAULT_LASTS).await?;
                return self.start(session, odd).await;
            }
            // The run itself loses power, and the others are of one chain alone.
            Fault::PowerLoss | Fault::Declining | Fault::Garbage | Fault::Equivocation => return Ok(()),
        }
        self.wait(session, FAULT_LASTS).await
    }

    /// Nobody sends any more: until the lanes are empty and stay so.
    async fn conclude(&mut self, session: &mut Session) -> Result<Report, Violation> {
        let end = session.context.current() + CHANGE_PATIENCE;
        while self.changed(session) == 0 {
            if session.context.current() > end {
                return Err(Violation::NotChanged { faults: self.faults.clone() });
            }
            self.wait(session, TICK).await?;
        }
        self.under_load = false;
        let began = session.context.current();
        let (mut quiet_since, mut sent_before) = (None, 0);
        loop {
            let now = session.context.current();
            let (drained, sent) = self.is_drained(session);
            if !drained || sent != sent_before {
                quiet_since = None;
            }
            if drained {
                let since = *quiet_since.get_or_insert(now);
                if now >= since + QUIET_FOR {
                    let drained_ms = since.duration_since(began).unwrap_or_default().as_millis();
                    return self.judge(session, u64::try_from(drained_ms).unwrap_or(u64::MAX));
                }
            }
            if now > began + DRAIN_PATIENCE {
                let (faults, lanes) = (self.faults.clone(), Self::lanes(session));
                return Err(Violation::NotDrained { faults, lanes });
            }
            sent_before = sent;
            self.wait(session, TICK).await?;
        }
    }
}
