//! Chancery's integration tests. Each file is one subject.

mod architecture;
mod canary;
mod collections;
mod counter;
mod crash;
mod cross_chain;
mod departments;
mod determinism;
mod evidence;
mod examples;
mod finality;
mod guide;
mod handles;
mod hostile;
mod identity;
mod instances;
mod lean;
mod membership;
mod own_process;
mod paging;
#[path = "../contracts/plate-lottery/tests/lottery.rs"]
mod plate_lottery_tests;
mod quota;
mod registry;
mod registry_artifact;
mod registry_rules;
mod services;
mod sidechain_committee;
mod sidechains;
mod snapshot;
mod source_lines;
mod trace;
mod upgrades;
mod verifier_artifact;
mod waste_sorting;
