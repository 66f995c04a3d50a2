//! Chains among themselves: sidechains founded by one act, anchored, exchanging messages with proofs; and the registry that
//! they all go by, upgraded.

#[path = "cross_chain/carrier.rs"]
mod carrier;
#[path = "cross_chain/closing.rs"]
mod closing;
#[path = "cross_chain/departments.rs"]
mod departments;
#[path = "cross_chain/forgeries.rs"]
mod forgeries;
#[path = "cross_chain/messages.rs"]
mod messages;
#[path = "cross_chain/mirrored.rs"]
mod mirrored;
#[path = "cross_chain/storm.rs"]
mod storm;
#[path = "cross_chain/upgraded.rs"]
mod upgraded;
#[path = "cross_chain/world.rs"]
mod world;
