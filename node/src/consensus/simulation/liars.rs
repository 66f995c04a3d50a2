//! A peer that answers whoever catches up with something else than was asked for is found out by its answer, blocked,
//! and another is asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use commonware_codec::{Decode as _, Encode as _, RangeCfg};
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, deterministic};

use super::chains::{BACKFILL, Chains, QUOTA};
use crate::{consensus::ChainSide as _, fixture::GENESIS_TIME_MS};

/// The node that catches up.
const LATE: usize = 3;
/// The node that lies: of the chain's audience, and not of its committee.
const LIAR: usize = 4;

/// What a liar answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Bytes that are nothing.
    Garbage,
    /// The first block with its certificate, whatever was asked for.
    AnotherBlock,
}

// The resolver's messages: a number that an answer repeats, then 0 and what is asked for, or 1 and the answer.
const REQUEST: u8 = 0;
const RESPONSE: u8 = 1;
/// The final block of height 1: its kind, and the height.
const FIRST_BLOCK: [u8; 2] = [1, 1];

fn message(number: u64, kind: u8, body: &[u8]) -> Bytes {
    [&number.to_be_bytes()[..], &[kind], body].concat().into()
}

/// Answers everyone with lies, and counts them.
async fn lie(chains: &Chains, lie: Lie) -> Arc<AtomicU64> {
    let control = chains.oracle.control(chains.peers[LIAR].clone());
    let (mut sender, mut receiver) = control.register(BACKFILL, QUOTA).await.expect("the network runs");
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let first = match lie {
        Lie::Garbage => Bytes::from_static(&[7; 300]),
        Lie::AnotherBlock => {
            // Any honest node tells it.
            let honest = Recipients::One(chains.peers[0].clone());
            sender.send(honest, message(77, REQUEST, &FIRST_BLOCK), false);
            loop {
                let (_, answer) = receiver.recv().await.expect("the network runs");
                let answer = Bytes::from(answer);
                if answer[..8] == 77u64.to_be_bytes() && answer[8] == RESPONSE {
                    break Bytes::decode_cfg(answer.slice(9..), &RangeCfg::from(..)).expect("bytes");
                }
            }
        }
    };
    chains.context.child("liar").spawn(move |_| async move {
        while let Ok((from, question)) = receiver.recv().await {
            let question = Bytes::from(question);
            if question.get(8) != Some(&REQUEST) || (lie == Lie::AnotherBlock && question[9..] == FIRST_BLOCK) {
                continue;
            }
            let number = u64::from_be_bytes(question[..8].try_into().expect("eight bytes"));
            sender.send(Recipients::One(from), message(number, RESPONSE, &first.encode()), false);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    told
}

fn catches_up_in_spite_of(kind: Lie) {
    let start = UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400);
    let config = deterministic::Config::default().with_seed(11).with_start_time(start);
    deterministic::Runner::new(config).start(|context| async move {
        let mut chains = Chains::network(context).await;
        chains.guest = Some(LIAR);
        for place in 0..LATE {
            chains.start(0, place).await;
        }
        chains.until(0, 60).await;
        let told = lie(&chains, kind).await;
        chains.start(0, LATE).await;
        chains.until(0, 80).await;
        let digest = |place: usize| chains.running[&(0, place)].0.digest_at(60).expect("it is final");
        assert_eq!(digest(LATE), digest(0));
        assert!(told.load(Ordering::Relaxed) > 0, "nobody asked the liar, so nothing was tested");
        let blocked = chains.oracle.blocked().await.expect("the network runs");
        assert!(blocked.contains(&(chains.peers[LATE].clone(), chains.peers[LIAR].clone())), "{blocked:?}");
        assert_eq!(blocked.len(), 1, "an honest node was blocked: {blocked:?}");
    });
}

#[test]
fn who_answers_with_another_block_is_blocked_and_another_is_asked() {
    catches_up_in_spite_of(Lie::AnotherBlock);
}

#[test]
fn who_answers_with_garbage_is_blocked_and_another_is_asked() {
    catches_up_in_spite_of(Lie::Garbage);
}
