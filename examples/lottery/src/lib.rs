//! A lottery: entries are collected, then frozen; judges who committed to secrets reveal them; the secrets together
//! decide who wins, by a draw that anyone can repeat.
//!
//! A judge who dislikes the outcome can refuse to reveal, which stops the draw and shows who did it. Where that is not
//! enough, take the draw's seed from a public beacon.
#![no_std]
use chancery_sdk::prelude::*;

/// Collects entries and draws winners among them.
///
/// zh: 公开摇号
#[contract]
pub struct Lottery {
    owner: Value<Address>,
    /// How many win.
    #[public]
    quota: Value<u64>,
    /// The entries, in the order in which they came in. They are codes; nobody's name is on the chain.
    #[public]
    entries: List<Digest>,
    entered: Set<Digest>,
    /// Who takes part in the draw, and what each committed to: the SHA-256 of a secret of 32 bytes.
    commitments: Map<Address, Digest>,
    secrets: Map<Address, [u8; 32]>,
    #[public]
    state: Value<State>,
    /// The winners, by code.
    #[public]
    winners: Set<Digest>,
}

/// How far the lottery is.
#[data]
pub enum State {
    Open,
    Frozen,
    Drawn,
}

/// The entries are frozen.
#[event]
pub struct Frozen {
    pub entries: u64,
}

/// An entry won.
#[event]
pub struct Won {
    #[index]
    pub code: Digest,
}

#[error]
pub enum LotteryError {
    #[code(1)]
    #[message(en = "this is only possible while the lottery is open", zh = "仅在登记期间可以进行此操作")]
    NotOpen,
    #[code(2)]
    #[message(
        en = "this is only possible once the entries are frozen and before the draw",
        zh = "仅在名单冻结之后、摇号之前可以进行此操作"
    )]
    NotFrozen,
    #[code(3)]
    #[message(en = "{code} has entered before", zh = "{code} 已登记")]
    EnteredBefore { code: Digest },
    #[code(4)]
    #[message(en = "this is not the secret that was committed to", zh = "与承诺不符")]
    OtherSecret,
    #[code(5)]
    #[message(en = "{judge} has not revealed its secret", zh = "{judge} 尚未公开其秘密")]
    NotRevealed { judge: Address },
    #[code(6)]
    #[message(en = "a draw needs judges who committed to a secret", zh = "摇号须有已作出承诺的评审")]
    NoJudges,
}

#[methods]
impl Lottery {
    #[init]
    pub fn init(&mut self, cx: &Cx, quota: u64) {
        self.owner.set(&cx.caller());
        self.quota.set(&quota);
        self.state.set(&State::Open);
    }

    /// Enters a code.
    #[access(only(owner))]
    pub fn enter(&mut self, code: Digest) -> Result<u64, LotteryError> {
        self.must_be_open()?;
        ensure!(self.entered.insert_new(&code), LotteryError::EnteredBefore { code });
        Ok(self.entries.push(&code))
    }

    /// Makes an account a judge, with what it committed to.
    #[access(only(owner))]
    pub fn appoint(&mut self, judge: Address, commitment: Digest) -> Result<(), LotteryError> {
        self.must_be_open()?;
        self.commitments.insert(&judge, &commitment);
        Ok(())
    }

    /// Freezes the entries. From now on nobody can be added, and nobody knows the outcome.
    #[access(only(owner))]
    pub fn freeze(&mut self, cx: &Cx) -> Result<(), LotteryError> {
        self.must_be_open()?;
        self.state.set(&State::Frozen);
        cx.emit(&Frozen { entries: self.entries.len() });
        Ok(())
    }

    /// Reveals a judge's secret.
    #[access(member(commitments))]
    pub fn reveal(&mut self, cx: &Cx, secret: [u8; 32]) -> Result<(), LotteryError> {
        self.must_be_frozen()?;
        let judge = cx.caller();
        ensure!(self.commitments.get(&judge) == Some(cx.sha256(&secret)), LotteryError::OtherSecret);
        self.secrets.insert(&judge, &secret);
        Ok(())
    }

    /// Draws the winners. Anyone may, once every judge has revealed.
    #[access(anyone)]
    pub fn draw(&mut self, cx: &Cx) -> Result<(), LotteryError> {
        self.must_be_frozen()?;
        let seed = self.seed(cx)?;
        let count = self.entries.len();
        // The beginning of a shuffle: place `drawn` gets one of those that are left.
        for drawn in 0..self.quota.get_or_default().min(count) {
            let chosen = drawn + below(cx, &seed, drawn, count - drawn);
            let (Some(winner), Some(other)) = (self.entries.get(chosen), self.entries.get(drawn)) else { break };
            self.entries.set(chosen, &other);
            self.entries.set(drawn, &winner);
            self.winners.insert(&winner);
            cx.emit(&Won { code: winner });
        }
        self.state.set(&State::Drawn);
        Ok(())
    }

    /// Whether a code won.
    #[query]
    pub fn has_won(&self, code: Digest) -> bool {
        self.winners.contains(&code)
    }

    fn must_be_open(&self) -> Result<(), LotteryError> {
        ensure!(matches!(self.state.get(), Some(State::Open)), LotteryError::NotOpen);
        Ok(())
    }

    fn must_be_frozen(&self) -> Result<(), LotteryError> {
        ensure!(matches!(self.state.get(), Some(State::Frozen)), LotteryError::NotFrozen);
        Ok(())
    }

    /// The SHA-256 of all secrets in the order of the judges' addresses.
    fn seed(&self, cx: &Cx) -> Result<Digest, LotteryError> {
        let mut secrets = Vec::new();
        for (judge, _) in self.commitments.iter() {
            let secret = self.secrets.get(&judge).ok_or(LotteryError::NotRevealed { judge })?;
            secrets.extend_from_slice(&secret);
        }
        ensure!(!secrets.is_empty(), LotteryError::NoJudges);
        Ok(cx.sha256(&secrets))
    }
}

/// A number below `bound`, each as likely as the others: of 64 bits at a time, those past the last full round are
/// thrown away.
fn below(cx: &Cx, seed: &Digest, draw: u64, bound: u64) -> u64 {
    let rest = (u64::MAX % bound + 1) % bound;
    let mut attempt = 0u64;
    loop {
        let input = [&seed.0[..], &draw.to_be_bytes(), &attempt.to_be_bytes()].concat();
        let digest = cx.sha256(&input).0;
        let number = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        if number <= u64::MAX - rest {
            return number % bound;
        }
        attempt += 1;
    }
}
