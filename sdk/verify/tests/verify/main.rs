//! The verifier's tests: bundles made by hand must be accepted and say what was proven; anything else must be refused.

mod accepted;
mod attested;
mod certificates;
mod engine;
mod fixture;
mod mutations;
mod refused;
mod roots;
mod tries;
mod vectors;
