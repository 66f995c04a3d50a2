//! An execution's gas by the stack of source functions, in the folded form that flame graphs are drawn from.
//!
//! Invariant: the lines' gas adds up to the profile's, which is the gas used. A function that the compiler inlined has a
//! frame of its own, by the debug information; without that, a function is the module's, by its name or number.

use std::collections::BTreeMap;

use chancery_abi::Digest;
use chancery_runtime::execution::trace::{Place, Profile};

use super::source_map::{SourceFrame, SourceMap};

/// Gas by stack: the frames from the outermost inwards.
pub type Stacks = BTreeMap<Vec<String>, u64>;

/// The profile by stacks of source functions. `name` names contracts.
pub fn stacks<'m>(
    profile: &Profile,
    sources: impl Fn(&Digest) -> Option<&'m SourceMap>,
    name: impl Fn(&chancery_abi::Address) -> String,
) -> Stacks {
    let mut stacks = Stacks::new();
    // The frames that lead to each node, its own included.
    let mut leading: Vec<Vec<String>> = Vec::with_capacity(profile.nodes.len());
    for node in &profile.nodes {
        let mut frames = node.parent.map_or_else(Vec::new, |parent| leading[parent].clone());
        let own = match &node.place {
            Place::Whole => String::from("all"),
            Place::Chain(what) => (*what).to_owned(),
            Place::Contract { contract, method } => format!("{}.{method}", name(contract)),
            Place::Function { code, function } => {
                sources(code).map_or_else(|| format!("function {function}"), |map| map.function(*function))
            }
            Place::Host(function) => format!("host: {function}"),
        };
        frames.push(plain(&own));
        if node.gas > 0 {
            *stacks.entry(frames.clone()).or_default() += node.gas;
        }
        let map = match &node.place {
            Place::Function { code, .. } => sources(code),
            _ => None,
        };
        let resolved =
            map.map_or_else(BTreeMap::new, |map| map.resolve(node.charges.iter().map(|charge| charge.offset)));
        for charge in &node.charges {
            let mut stack = frames.clone();
            if let Some(inlined) = resolved.get(&charge.offset) {
                // The outermost is the function itself.
                stack.extend(inlined.iter().rev().skip(1).map(|frame: &SourceFrame| plain(&frame.function)));
            }
            *stacks.entry(stack).or_default() += charge.gas;
        }
        leading.push(frames);
    }
    stacks.retain(|_, gas| *gas > 0);
    stacks
}

/// The stacks as lines of frames and gas, as tools for flame graphs read them.
pub fn folded(stacks: &Stacks) -> Vec<String> {
    stacks.iter().map(|(frames, gas)| format!("{} {gas}", frames.join(";"))).collect()
}

/// A frame's name without what separates frames.
fn plain(name: &str) -> String {
    name.replace(';', ",")
}
