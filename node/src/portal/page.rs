//! What all pages have: title, language, navigation, and the way they are answered.

use std::{borrow::Borrow, fmt::Display};

use askama::Template;
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::{lang::Lang, visit::mainchain_of};
use crate::api::Api;

/// What a page begins and ends with.
pub(super) struct Page {
    pub(super) lang: Lang,
    pub(super) title: String,
    /// Which page it is, for scripts.
    pub(super) kind: &'static str,
    /// The path after the language, with what follows the `?`.
    place: String,
    /// The mainchain's name; empty while the node has none.
    pub(super) mainchain: String,
    /// What the operator calls the portal.
    pub(super) name: String,
    /// What is wrong with the node's chains, as they say it, in English.
    pub(super) problems: Vec<String>,
}

/// An entry of the navigation.
pub(super) struct NavItem {
    pub(super) href: String,
    pub(super) text: String,
    pub(super) is_current: bool,
}

impl Page {
    pub(super) fn new(api: &Api, lang: Lang, title: String, kind: &'static str, place: String) -> Self {
        let mainchain = mainchain_of(api).map(|chain| chain.ledger().rules().name().to_string());
        let problems = api.chains.all().iter().filter_map(|chain| chain.part().problem).collect();
        let name = api.portal.config.name.clone();
        Self { lang, title, kind, place, mainchain: mainchain.unwrap_or_default(), name, problems }
    }

    /// The text `id`.
    pub(super) fn t(&self, id: &str) -> String {
        self.lang.t(id)
    }

    /// The text `id` with one thing filled in.
    pub(super) fn t1(&self, id: &str, name: &'static str, value: impl Display) -> String {
        self.lang.t1(id, name, value)
    }

    /// A path of the portal in this language.
    pub(super) fn href(&self, path: &str) -> String {
        format!("/{}{path}", self.lang.code())
    }

    /// This page in a language.
    pub(super) fn in_language(&self, lang: impl Borrow<Lang>) -> String {
        format!("/{}{}", lang.borrow().code(), self.place)
    }

    /// The other language.
    pub(super) fn other(&self) -> Lang {
        self.lang.other()
    }

    /// The navigation.
    pub(super) fn nav(&self) -> Vec<NavItem> {
        let path = self.place.split('?').next().unwrap_or_default();
        let entry = |at: &'static str, text: String| {
            let within = path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            NavItem { href: self.href(at), text, is_current: if at == "/" { path == "/" } else { within } }
        };
        vec![
            entry("/", self.t("nav-home")),
            entry("/check", self.t("nav-check")),
            entry("/lottery", self.t("nav-lottery")),
            entry("/waste", self.t("nav-waste")),
            entry("/explorer", self.t("nav-explorer")),
            entry("/trust", self.t("nav-trust")),
        ]
    }

    /// Answers with a page.
    pub(super) fn answer(&self, template: &impl Template) -> Response {
        match template.render() {
            Ok(text) => {
                let mut response = text.into_response();
                let kind = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                super::trouble::Trouble::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "broken", error.to_string())
                    .into_response()
            }
        }
    }
}
