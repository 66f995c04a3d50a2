//! Who is still asked for a snapshot, one attempt after another.
//!
//! Invariants: after an attempt that came to nothing somebody is asked no more, so that there is an end to it, and one
//! source that offers what it does not give keeps the node from nobody else's. Whoever lied is not asked again. Whoever gave
//! nothing is, once, when nobody else is left: what it had may have made room for another.

use std::{collections::BTreeSet, mem};

use crate::client::Node;

/// The sources of one chain's snapshots, while one is looked for.
pub(super) struct Asked {
    nodes: Vec<Node>,
    /// Asked once more at the end.
    later: Vec<Node>,
    is_end: bool,
    lied: BTreeSet<String>,
    gave_nothing: BTreeSet<String>,
}

impl Asked {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let (later, lied, gave_nothing) = Default::default();
        Self { nodes, later, is_end: false, lied, gave_nothing }
    }

    /// Whom the next attempt asks.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The source at `url` lied.
    pub(super) fn lied(&mut self, url: String) {
        self.lied.insert(url);
    }

    /// The source at `url` did not give what was asked.
    pub(super) fn gave_nothing(&mut self, url: String) {
        self.gave_nothing.insert(url);
    }

    /// After an attempt that came to nothing: whether another is worth it, without those whom it came to nothing with.
    pub(super) fn goes_on(&mut self) -> bool {
        let (gave_nothing, before) = (mem::take(&mut self.gave_nothing), self.nodes.len());
        for node in mem::take(&mut self.nodes) {
            if self.lied.contains(node.url()) {
                continue;
            }
            let kept = if gave_nothing.contains(node.url()) { &mut self.later } else { &mut self.nodes };
            kept.push(node);
        }
        if self.nodes.is_empty() && !self.is_end {
            self.is_end = true;
            self.nodes = mem::take(&mut self.later);
            return !self.nodes.is_empty();
        }
        !self.nodes.is_empty() && self.nodes.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(names: &[&str]) -> Asked {
        Asked::new(names.iter().map(|name| Node::at(&format!("http://{name}")).expect("an address")).collect())
    }

    fn names(asked: &Asked) -> Vec<&str> {
        asked.nodes().iter().map(|node| node.url().trim_start_matches("http://")).collect()
    }

    #[test]
    fn whoever_gave_nothing_is_asked_once_more_and_whoever_lied_is_not() {
        let mut asked = asked(&["empty", "liar", "honest"]);
        asked.gave_nothing("http://empty".into());
        asked.lied("http://liar".into());
        assert!(asked.goes_on());
        assert_eq!(names(&asked), ["honest"]);
        asked.gave_nothing("http://honest".into());
        assert!(asked.goes_on());
        assert_eq!(names(&asked), ["empty", "honest"], "nobody else is left");
        asked.gave_nothing("http://empty".into());
        assert!(asked.goes_on());
        assert_eq!(names(&asked), ["honest"]);
        asked.gave_nothing("http://honest".into());
        assert!(!asked.goes_on(), "that was the end");
    }

    #[test]
    fn an_attempt_that_fails_for_nobody_is_the_last() {
        let mut asked = asked(&["one", "two"]);
        assert!(!asked.goes_on());
        let mut alone = self::asked(&["liar"]);
        alone.lied("http://liar".into());
        assert!(!alone.goes_on());
    }
}
