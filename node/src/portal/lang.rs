//! The two languages of the portal: which one a path or a browser asks for, and the texts in each.
//!
//! Every text that people read stands in `texts/en.ftl` and `texts/zh.ftl`, under the same ids with the same
//! placeholders; tests compare them, and look for every id that a page uses. Texts hold no markup. What is filled in is
//! escaped where a page shows it, like everything else.

use std::{fmt::Display, sync::LazyLock};

use axum::http::{HeaderMap, header};
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use serde_json::Value;

/// The English texts.
pub(super) const ENGLISH: &str = include_str!("texts/en.ftl");
/// The Chinese texts.
pub(super) const CHINESE: &str = include_str!("texts/zh.ftl");

static ENGLISH_BUNDLE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle("en", ENGLISH));
static CHINESE_BUNDLE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle("zh-CN", CHINESE));

/// A language of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    /// English.
    En,
    /// Chinese, as written in the People's Republic.
    Zh,
}

impl Lang {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// As paths begin with it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// As documents are marked with it.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Its own name for itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// The language that a path begins with.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| lang.code() == first)
    }

    /// The language that a browser prefers, English where it prefers neither (RFC 9110, `Accept-Language`).
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weight = |lang: Self| {
            let ranges = header.split(',').filter_map(|range| {
                let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
                let primary = tag.trim().split('-').next().unwrap_or_default();
                let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse::<f32>().ok());
                primary.eq_ignore_ascii_case(lang.code()).then_some(quality?)
            });
            ranges.fold(0.0, f32::max)
        };
        if weight(Self::Zh) > weight(Self::En) { Self::Zh } else { Self::En }
    }

    /// The text `id`.
    pub(super) fn t(self, id: &str) -> String {
        self.format(id, &[])
    }

    /// The text `id` with one thing filled in.
    pub(super) fn t1(self, id: &str, name: &'static str, value: impl Display) -> String {
        self.format(id, &[(name, value.to_string())])
    }

    /// The text `id` with several things filled in.
    pub(super) fn format(self, id: &str, values: &[(&'static str, String)]) -> String {
        let bundle = match self {
            Self::En => &*ENGLISH_BUNDLE,
            Self::Zh => &*CHINESE_BUNDLE,
        };
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            // A test finds every id that is missing; a reader had rather see the id than nothing.
            return id.to_owned();
        };
        let mut arguments = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            arguments.set(*name, value.as_str());
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(id, ?errors, "a text of the portal is incomplete");
        }
        text
    }

    /// The one of a schema's `{"en", "zh"}` texts in this language, or the other when it is empty; with its language.
    pub(super) fn of_docs(self, docs: &Value) -> (String, Self) {
        let text = |lang: Self| docs[lang.code()].as_str().unwrap_or_default().trim().to_owned();
        let own = text(self);
        if own.is_empty() { (text(self.other()), self.other()) } else { (own, self) }
    }
}

fn bundle(tag: &str, source: &str) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| errors);
    let mut bundle = FluentBundle::new_concurrent(vec![tag.parse().expect("a language tag")]);
    // The marks that isolate what is filled in would be copied along with digests.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource.expect("the texts are well formed")).expect("no text is there twice");
    bundle
}
