//! The explorer: chains, blocks, transactions, contracts, lanes and nodes, as this node has them.
//!
//! All of its pages are sections of names, values and tables, made by one template.

pub(super) mod block;
pub(super) mod chain;
pub(super) mod chains;
pub(super) mod contract;
pub(super) mod contracts;
mod entries;
pub(super) mod lanes;
pub(super) mod nodes;
mod origin;
mod search;
pub(super) mod transaction;
mod words;

use askama::Template;
use axum::response::Response;

use super::{html::Html, page::Page, visit::Visit};

/// A part of an explorer page, with its heading.
pub(super) struct Section {
    pub(super) id: String,
    pub(super) heading: String,
    pub(super) parts: Vec<Html>,
}

/// A page of the explorer.
#[derive(Template)]
#[template(path = "explorer.html")]
pub(super) struct View {
    page: Page,
    /// The pages above this one: address and name.
    crumbs: Vec<(String, String)>,
    /// The chain; empty on the page of all chains.
    chain: String,
    /// What the script keeps up to date; empty where nothing is.
    live: &'static str,
    /// What was searched for.
    query: String,
    sections: Vec<Section>,
}

impl View {
    /// A page about something of `chain`.
    fn new(visit: &Visit, title: String, chain: &str) -> Self {
        let mut crumbs = vec![(visit.href("/explorer"), visit.t("nav-explorer"))];
        if !chain.is_empty() {
            crumbs.push((visit.href(format_args!("/explorer/{chain}")), visit.t1("chain-named", "chain", chain)));
        }
        let page = visit.page(title, "explorer");
        Self { page, crumbs, chain: chain.to_owned(), live: "", query: String::new(), sections: Vec::new() }
    }

    /// One more section.
    fn push(&mut self, id: impl Into<String>, heading: String, parts: Vec<Html>) {
        let parts: Vec<Html> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.sections.push(Section { id: id.into(), heading, parts });
    }

    fn answer(&self) -> Response {
        self.page.answer(self)
    }
}

/// A paragraph that explains.
#[derive(Template)]
#[template(path = "note.html")]
struct Note {
    class: &'static str,
    text: String,
}

/// A paragraph that explains.
fn note(text: String) -> Html {
    Html::of(&Note { class: "note", text })
}

/// A paragraph that warns.
fn warning(text: String) -> Html {
    Html::of(&Note { class: "warn", text })
}
