//! What a page is asked for: its language, the parameters of its path and those after the `?`, and the node.

use std::{fmt::Display, str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{StatusCode, Uri, request::Parts},
};

use super::{lang::Lang, page::Page, trouble::Trouble};
use crate::{
    api::Api,
    chain::{ChainService, ReadError},
};

/// Characters of a parameter; longer ones name nothing.
const PARAMETER_CHARACTERS_MAX: usize = 1_024;

/// A request for a page.
pub(super) struct Visit {
    pub(super) lang: Lang,
    pub(super) api: Arc<Api>,
    /// The path after the language, with what follows the `?`.
    place: String,
    parameters: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Visit {
    /// The path's parameter `name`.
    pub(super) fn parameter<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, Trouble> {
        let text = self.parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        text.parse().map_err(|error| Trouble::parameter(format!("{name} {text:?}: {error}")))
    }

    /// What stands after the `?` under `name`; nothing when it is empty.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty())
    }

    /// The same, read as a `T`.
    pub(super) fn asked_as<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, Trouble> {
        let parse = |text: &str| text.parse().map_err(|error| Trouble::parameter(format!("{name} {text:?}: {error}")));
        self.asked(name).map(parse).transpose()
    }

    /// The chain that the path names.
    pub(super) fn chain(&self) -> Result<Arc<ChainService>, Trouble> {
        let name: String = self.parameter("chain")?;
        let unknown = || Trouble::new(StatusCode::NOT_FOUND, "chain", format!("this node has no chain {name:?}"));
        self.api.chains.get(&name).ok_or_else(unknown)
    }

    /// The mainchain of this node; none while the node stops.
    pub(super) fn mainchain(&self) -> Option<Arc<ChainService>> {
        mainchain_of(&self.api)
    }

    /// What a page of this visit begins with.
    pub(super) fn page(&self, title: String, kind: &'static str) -> Page {
        Page::new(&self.api, self.lang, title, kind, self.place.clone())
    }

    /// The text `id`.
    pub(super) fn t(&self, id: &str) -> String {
        self.lang.t(id)
    }

    /// The text `id` with one thing filled in.
    pub(super) fn t1(&self, id: &str, name: &'static str, value: impl Display) -> String {
        self.lang.t1(id, name, value)
    }

    /// A path of the portal in this visit's language.
    pub(super) fn href(&self, path: impl Display) -> String {
        format!("/{}{path}", self.lang.code())
    }
}

/// The mainchain among a node's chains.
pub(super) fn mainchain_of(api: &Api) -> Option<Arc<ChainService>> {
    api.chains.all().into_iter().find(|chain| chain.ledger().rules().genesis().mainchain.is_none())
}

/// The path after the language, with what follows the `?`.
pub(super) fn place_of(uri: &Uri) -> String {
    let whole = uri.path_and_query().map_or("/", |whole| whole.as_str());
    match Lang::of_path(uri.path()) {
        Some(lang) => whole.strip_prefix(&format!("/{}", lang.code())).unwrap_or("/").to_owned(),
        None => "/".into(),
    }
}

/// Reads from a chain where it may block.
pub(super) async fn look_up<R: Send + 'static>(
    chain: &Arc<ChainService>,
    work: impl FnOnce(&ChainService) -> Result<R, ReadError> + Send + 'static,
) -> Result<R, Trouble> {
    Ok(chain.look_up(work).await?)
}

impl FromRequestParts<Arc<Api>> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Trouble> {
        let raw = RawPathParams::from_request_parts(parts, api).await;
        let raw = raw.map_err(|error| Trouble::parameter(error.body_text()))?;
        let parameters: Vec<_> = raw.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(query) = query.map_err(|error| Trouble::parameter(error.body_text()))?;
        let mut all = parameters.iter().chain(&query);
        if let Some((key, _)) = all.find(|(_, value)| value.chars().count() > PARAMETER_CHARACTERS_MAX) {
            return Err(Trouble::parameter(format!("{key} has more than {PARAMETER_CHARACTERS_MAX} characters")));
        }
        // Handlers stand only under a language; the other paths of the portal ask for no visit.
        let lang = Lang::of_path(parts.uri.path()).unwrap_or(Lang::En);
        Ok(Self { lang, api: Arc::clone(api), place: place_of(&parts.uri), parameters, query })
    }
}
