//! `chancery network`: making a network, as a trial on one machine (`plan`) or for real (`join`, `assemble`), and joining one
//! that runs (`join`, `follow`).

mod assemble;
mod break_glass;
mod files;
mod follow;
mod join;
mod plan;
mod trial;

use clap::Subcommand;

use super::{failure::Result, output::Output};

pub(super) use self::{
    files::write_durably,
    trial::{administrator_key, trial_departments},
};

/// Make a network of validators.
#[derive(Subcommand)]
pub(super) enum Network {
    /// Make a whole network on this machine, for trials: keys, genesis, a configuration and a service unit per node.
    Plan(plan::Plan),
    /// Make this department's validator key here, and a public request to take part.
    Join(join::Join),
    /// Configure a node that `join` made for a network that runs already.
    Follow(follow::Follow),
    /// Sign, as a node's operator, an order that replaces all administrators when they can no longer act.
    BreakGlass(break_glass::BreakGlass),
    /// Put the genesis together from everyone's public requests, with a configuration for each node.
    Assemble(assemble::Assemble),
}

impl Network {
    /// Runs the command.
    ///
    /// # Errors
    /// When something is there already, cannot be written, or a request does not hold.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Plan(plan) => plan.run(output),
            Self::Join(join) => join.run(output),
            Self::Follow(follow) => follow.run(output),
            Self::BreakGlass(break_glass) => break_glass.run(output),
            Self::Assemble(assemble) => assemble.run(output),
        }
    }
}
