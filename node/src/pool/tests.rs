//! The pool's rules one by one, and all of them at once over random histories.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ROOM: SelectLimits = SelectLimits { count: usize::MAX, bytes: usize::MAX };

fn config() -> PoolConfig {
    PoolConfig {
        count_max: 8,
        bytes_max: 800,
        account_count_max: 5,
        account_bytes_max: 500,
        nonce_window: 6,
        stay_heights_max: 10,
    }
}

fn account(number: u8) -> Address {
    Address([number; 32])
}

fn waiting(sender: u8, nonce: u64) -> Waiting<()> {
    let digest = Digest::of(&[&[sender][..], &nonce.to_le_bytes()].concat());
    Waiting { digest, sender: account(sender), nonce, size_bytes: 10, valid_until_height: 100, item: () }
}

fn pool_of(entries: &[(u8, u64)]) -> Pool<()> {
    let mut pool = Pool::new(config());
    for (sender, nonce) in entries {
        pool.insert(waiting(*sender, *nonce), 0, 0).expect("room");
    }
    pool
}

fn order_of(pool: &Pool<()>) -> Vec<(u8, u64)> {
    pool.select(ROOM, &BTreeMap::new()).iter().map(|waiting| (waiting.sender.0[0], waiting.nonce)).collect()
}

#[test]
fn accounts_take_turns_and_a_gap_waits() {
    let pool = pool_of(&[(1, 0), (1, 1), (1, 2), (2, 0), (3, 1)]);
    assert_eq!(order_of(&pool), [(1, 0), (2, 0), (1, 1), (1, 2)], "account 3's nonce 0 is missing");
    assert_eq!(pool.next_nonce(&account(1), 0), 3);
    assert_eq!(pool.next_nonce(&account(3), 0), 0);
    assert_eq!(pool.next_nonce(&account(9), 7), 7);
}

#[test]
fn a_filled_gap_releases_what_waited_and_who_was_served_goes_to_the_back() {
    let mut pool = pool_of(&[(1, 0), (1, 1), (2, 1)]);
    pool.insert(waiting(2, 0), 0, 0).expect("room");
    assert_eq!(order_of(&pool), [(1, 0), (2, 0), (1, 1), (2, 1)]);
    let dropped = pool.committed(1, &[(account(1), 1)]);
    assert_eq!(dropped, [Dropped { digest: waiting(1, 0).digest, reason: DropReason::NonceUsed }]);
    assert_eq!(order_of(&pool), [(2, 0), (1, 1), (2, 1)]);
}

#[test]
fn used_far_and_taken_nonces_are_refused() {
    let mut pool = pool_of(&[(1, 0)]);
    let mut other = waiting(1, 0);
    other.digest = Digest([9; 32]);
    assert_eq!(pool.insert(other, 0, 0), Err(PoolRefusal::DuplicateNonce { nonce: 0 }));
    assert_eq!(pool.insert(waiting(1, 0), 0, 0), Err(PoolRefusal::Known));
    let gap = Refusal::NonceGap { expected: 0, found: 6 };
    assert_eq!(pool.insert(waiting(1, 6), 0, 0), Err(gap.into()));
    let used = Refusal::NonceUsed { expected: 4, found: 3 };
    assert_eq!(pool.insert(waiting(2, 3), 4, 0), Err(used.into()));
    pool.assert_consistent();
}

#[test]
fn an_account_has_a_cap_in_number_and_in_bytes() {
    let mut pool = pool_of(&[(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);
    assert_eq!(pool.insert(waiting(1, 5), 0, 0), Err(PoolRefusal::AccountFull { count: 5, bytes: 50 }));
    let heavy = Waiting { size_bytes: 501, ..waiting(2, 0) };
    assert_eq!(pool.insert(heavy, 0, 0), Err(PoolRefusal::AccountFull { count: 0, bytes: 0 }));
}

#[test]
fn a_full_pool_takes_from_the_largest_share_for_a_smaller_one_and_never_the_other_way() {
    let mut pool = pool_of(&[(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (2, 2)]);
    let dropped = pool.insert(waiting(3, 0), 0, 0).expect("a newcomer gets in");
    assert_eq!(dropped, [Dropped { digest: waiting(1, 4).digest, reason: DropReason::Evicted }]);
    assert_eq!(pool.insert(waiting(1, 4), 0, 0), Err(PoolRefusal::Full), "the largest cannot push out anyone");
    assert_eq!(pool.insert(waiting(2, 3), 0, 0), Err(PoolRefusal::Full), "4 for account 2 would leave 3 for account 1");
    pool.insert(waiting(3, 1), 0, 0).expect("still the smaller share");
    pool.assert_consistent();
    assert_eq!(pool.len(), 8);
}

#[test]
fn a_pool_that_is_full_of_bytes_takes_as_many_as_it_needs_from_one_account() {
    let mut pool = Pool::new(config());
    for (sender, nonce, size_bytes) in [(1, 0, 100), (1, 1, 150), (1, 2, 200), (2, 0, 300)] {
        pool.insert(Waiting { size_bytes, ..waiting(sender, nonce) }, 0, 0).expect("room");
    }
    let newcomer = Waiting { size_bytes: 240, ..waiting(3, 0) };
    let dropped = pool.insert(newcomer.clone(), 0, 0).expect("room is made");
    assert_eq!(dropped, [Dropped { digest: waiting(1, 2).digest, reason: DropReason::Evicted }]);
    let too_much = Waiting { size_bytes: 260, ..waiting(4, 0) };
    assert_eq!(pool.insert(too_much, 0, 0), Err(PoolRefusal::Full));
    pool.assert_consistent();
}

#[test]
fn what_is_too_old_leaves_even_when_it_is_still_valid() {
    let mut pool = Pool::new(config());
    pool.insert(Waiting { valid_until_height: 3, ..waiting(1, 0) }, 0, 0).expect("room");
    pool.insert(waiting(2, 1), 0, 0).expect("room");
    assert!(pool.committed(2, &[]).is_empty(), "the block at height 3 may have it");
    let expired = |sender, nonce| Dropped { digest: waiting(sender, nonce).digest, reason: DropReason::Expired };
    assert_eq!(pool.committed(3, &[]), [expired(1, 0)]);
    assert_eq!(pool.committed(10, &[]), [expired(2, 1)]);
    assert!(pool.is_empty() && !pool.has_ready());
    let late = Waiting { valid_until_height: 11, ..waiting(1, 0) };
    let refusal = Refusal::Expired { valid_until: 11, height: 12 };
    assert_eq!(pool.insert(late, 0, 11), Err(refusal.into()));
}

#[test]
fn a_selection_keeps_to_its_limits_and_never_jumps_a_nonce() {
    let mut pool = pool_of(&[(2, 0), (2, 1)]);
    pool.insert(Waiting { size_bytes: 90, ..waiting(1, 0) }, 0, 0).expect("room");
    pool.insert(waiting(1, 1), 0, 0).expect("room");
    let selected = |limits| {
        let selected = pool.select(limits, &BTreeMap::new());
        selected.iter().map(|waiting| (waiting.sender.0[0], waiting.nonce)).collect::<Vec<_>>()
    };
    assert_eq!(selected(SelectLimits { count: 1, bytes: 1_000 }), [(2, 0)]);
    assert_eq!(selected(SelectLimits { count: 9, bytes: 95 }), [(2, 0), (2, 1)], "account 1's first has no room");
}

#[test]
fn a_refused_transaction_leaves_and_what_follows_waits() {
    let mut pool = pool_of(&[(1, 0), (1, 1)]);
    assert!(pool.refuse(&waiting(1, 0).digest, Refusal::BadSignature).is_some());
    assert!(pool.refuse(&waiting(1, 0).digest, Refusal::BadSignature).is_none());
    assert_eq!((pool.len(), pool.has_ready()), (1, false));
    pool.assert_consistent();
}

#[derive(Clone, Debug)]
enum Step {
    Insert { sender: u8, nonce: u64, size_bytes: usize, valid_for: u64 },
    Block { served: usize },
    Refuse { sender: u8, nonce: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..5u8, 0..9u64, 1..300usize, 0..20u64)
            .prop_map(|(sender, nonce, size_bytes, valid_for)| Step::Insert { sender, nonce, size_bytes, valid_for }),
        2 => (0..6usize).prop_map(|served| Step::Block { served }),
        1 => (0..5u8, 0..9u64).prop_map(|(sender, nonce)| Step::Refuse { sender, nonce }),
    ]
}

proptest! {
    #[test]
    fn any_history_keeps_every_invariant(steps in prop::collection::vec(step(), 1..120)) {
        let mut pool = Pool::new(config());
        let (mut height, mut nonces) = (0u64, [0u64; 5]);
        for step in steps {
            match step {
                Step::Insert { sender, nonce, size_bytes, valid_for } => {
                    let before = (pool.len(), pool.size_bytes());
                    let entry = Waiting { size_bytes, valid_until_height: height + valid_for, ..waiting(sender, nonce) };
                    match pool.insert(entry.clone(), nonces[sender as usize], height) {
                        Ok(dropped) => {
                            prop_assert!(pool.contains(&entry.digest));
                            prop_assert_eq!(pool.len(), before.0 + 1 - dropped.len());
                        }
                        Err(_) => prop_assert_eq!((pool.len(), pool.size_bytes()), before, "a refusal changes nothing"),
                    }
                }
                Step::Block { served } => {
                    let block = pool.select(SelectLimits { count: served, bytes: usize::MAX }, &BTreeMap::new());
                    height += 1;
                    for waiting in &block {
                        let due = &mut nonces[waiting.sender.0[0] as usize];
                        prop_assert_eq!(waiting.nonce, *due, "a block's nonces have no gap");
                        prop_assert!(waiting.valid_until_height >= height, "nothing expired is selected");
                        *due += 1;
                    }
                    let served: Vec<_> = block.iter()
                        .map(|waiting| (waiting.sender, nonces[waiting.sender.0[0] as usize])).collect();
                    pool.committed(height, &served);
                    for waiting in &block {
                        prop_assert!(!pool.contains(&waiting.digest));
                    }
                }
                Step::Refuse { sender, nonce } => {
                    pool.refuse(&waiting(sender, nonce).digest, Refusal::BadSignature);
                }
            }
            pool.assert_consistent();
        }
    }

    /// Whoever floods, an account with one transaction due is served within one round over all accounts.
    #[test]
    fn a_flood_does_not_delay_others_by_more_than_a_round(flooders in 1..4u8) {
        let mut pool = Pool::new(config());
        for sender in 0..flooders {
            for nonce in 0..5 {
                drop(pool.insert(waiting(sender, nonce), 0, 0));
            }
        }
        pool.insert(waiting(9, 0), 0, 0).expect("a newcomer always gets in");
        let position = order_of(&pool).iter().position(|place| *place == (9, 0));
        prop_assert!(position.is_some_and(|position| position <= usize::from(flooders)));
    }
}
