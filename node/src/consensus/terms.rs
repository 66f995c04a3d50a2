//! Committees' terms of office: which committee certifies which heights, as far as the newest final block says.
//!
//! A term ends at a height that the chain decides some blocks before, so that every node knows of it when it comes.
//! What a block that is executed and not final says of its own end is kept beside it, for the few blocks until that is
//! final or turns out otherwise.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::store::Term;

/// Heights of one term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The term's number, from 0.
    pub epoch: u64,
    /// Its first height; 0, the genesis, in the first term.
    pub first: u64,
    /// Its last height; [`u64::MAX`] while that is not decided.
    pub last: u64,
}

#[derive(Debug)]
struct Inner {
    /// All terms so far, by their numbers.
    terms: Vec<Term>,
    /// The present term's last height, where the final state has decided it.
    settled: Option<u64>,
    /// The same, where a block says so that is not final.
    expected: Option<u64>,
}

/// A chain's terms, which grow with it.
#[derive(Debug)]
pub struct Terms {
    inner: RwLock<Inner>,
    epoch: watch::Sender<u64>,
}

impl Terms {
    /// The terms so far, by their numbers from 0, and the last height of the present one where that is decided.
    ///
    /// # Panics
    /// When there are none.
    pub fn new(terms: Vec<Term>, settled: Option<u64>) -> Self {
        let present = terms.last().expect("a chain has its first term").epoch;
        Self { inner: RwLock::new(Inner { terms, settled, expected: None }), epoch: watch::Sender::new(present) }
    }

    /// The term of the committee that certifies the next block.
    pub fn present(&self) -> Term {
        self.read().terms.last().cloned().expect("a chain has its first term")
    }

    /// A term that has begun.
    pub fn of(&self, epoch: u64) -> Option<Term> {
        self.read().terms.get(usize::try_from(epoch).ok()?).cloned()
    }

    /// The heights of a term that has begun or is about to.
    pub fn span(&self, epoch: u64) -> Option<Span> {
        let inner = self.read();
        let present = inner.present();
        if epoch == present.epoch + 1 {
            return inner.following();
        }
        let place = usize::try_from(epoch).ok()?;
        let first = inner.terms.get(place)?.first_height;
        let last = inner.terms.get(place + 1).map_or(present.last, |next| next.first_height - 1);
        Some(Span { epoch, first, last })
    }

    /// The term that `height` is in.
    pub fn containing(&self, height: u64) -> Span {
        let inner = self.read();
        if let Some(following) = inner.following().filter(|span| height >= span.first) {
            return following;
        }
        let place = inner.terms.partition_point(|term| term.first_height <= height).saturating_sub(1);
        let last = inner.terms.get(place + 1).map_or(inner.present().last, |next| next.first_height - 1);
        Span { epoch: inner.terms[place].epoch, first: inner.terms[place].first_height, last }
    }

    /// Changes with the present term.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    /// A block is final. It ends its term where `next` has the one that follows, and `settled` is the last height of the
    /// term after it, where that is decided.
    pub fn committed(&self, height: u64, next: Option<Term>, settled: Option<u64>) {
        let mut inner = self.write();
        let begun = next.map(|term| {
            let epoch = term.epoch;
            inner.terms.push(term);
            epoch
        });
        inner.settled = settled;
        // What a block said that has not become final no longer counts.
        inner.expected = inner.expected.filter(|last| *last > height);
        drop(inner);
        if let Some(epoch) = begun {
            self.epoch.send_replace(epoch);
        }
    }

    /// A block that is executed and not final is the last of its term.
    pub fn expect_end(&self, epoch: u64, height: u64) {
        let mut inner = self.write();
        if inner.present().epoch == epoch {
            inner.expected = Some(height);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // Every change is made in one step, so a poisoned lock still holds a whole one.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn present(&self) -> Span {
        let term = self.terms.last().expect("a chain has its first term");
        let last = self.settled.or(self.expected).unwrap_or(u64::MAX);
        Span { epoch: term.epoch, first: term.first_height, last }
    }

    /// The term after the present one, once the end of that is decided.
    fn following(&self) -> Option<Span> {
        let present = self.present();
        (present.last != u64::MAX).then_some(Span {
            epoch: present.epoch + 1,
            first: present.last.saturating_add(1),
            last: u64::MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use chancery_abi::Committee;

    use super::*;

    fn term(epoch: u64, first_height: u64) -> Term {
        Term { epoch, first_height, committee: Committee::new(vec![[epoch as u8 + 1; 32]]).expect("a committee") }
    }

    #[test]
    fn heights_are_in_one_term_each_and_a_term_ends_where_it_is_decided() {
        let terms = Terms::new(vec![term(0, 0)], None);
        assert_eq!(terms.containing(7), Span { epoch: 0, first: 0, last: u64::MAX });
        assert_eq!(terms.span(1), None);
        terms.committed(40, None, Some(99));
        assert_eq!(terms.containing(99), Span { epoch: 0, first: 0, last: 99 });
        assert_eq!(terms.containing(100), Span { epoch: 1, first: 100, last: u64::MAX });
        assert_eq!((terms.present().epoch, terms.of(1)), (0, None), "it has not begun");
        let mut epochs = terms.follow();
        terms.committed(99, Some(term(1, 100)), None);
        assert!(epochs.has_changed().expect("it lives") && *epochs.borrow_and_update() == 1);
        assert_eq!((terms.span(0), terms.span(2)), (Some(Span { epoch: 0, first: 0, last: 99 }), None));
        assert_eq!(terms.containing(100), Span { epoch: 1, first: 100, last: u64::MAX });
        terms.committed(199, Some(term(2, 200)), None);
        for (height, epoch) in [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2), (9_999, 2)] {
            let span = terms.containing(height);
            assert_eq!(span.epoch, epoch, "{height}");
            assert_eq!(terms.span(epoch), Some(span));
        }
    }

    #[test]
    fn what_a_block_says_that_does_not_become_final_is_forgotten() {
        let terms = Terms::new(vec![term(0, 0)], None);
        terms.expect_end(1, 5);
        assert_eq!(terms.containing(7).last, u64::MAX, "it is of another term");
        terms.expect_end(0, 9);
        assert_eq!(terms.containing(9).last, 9);
        terms.committed(8, None, None);
        assert_eq!(terms.containing(9).last, 9);
        terms.committed(9, None, None);
        assert_eq!(terms.containing(10).epoch, 0);
    }
}
