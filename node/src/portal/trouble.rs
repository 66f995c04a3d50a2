//! Why there is no page as asked for, itself shown as a page that says what to do.
//!
//! A handler answers with a bare [`Trouble`]; `dress` knows the language and makes it a page.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{lang::Lang, page::Page};
use crate::chain::ReadError;

/// Why there is no page as asked for.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// Which of the texts explains it.
    kind: &'static str,
    /// What happened exactly, in English.
    detail: String,
}

impl Trouble {
    pub(super) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    /// A path or form says something that cannot be.
    pub(super) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parameter", detail)
    }

    /// There is no page at this path.
    pub(super) fn no_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, "page", "")
    }

    /// The node cannot answer now.
    pub(super) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// The texts of a kind: what it is and what to do.
    fn texts(&self, lang: Lang) -> (String, String) {
        match self.kind {
            "page" => (lang.t("trouble-page-title"), lang.t("trouble-page-todo")),
            "chain" => (lang.t("trouble-chain-title"), lang.t("trouble-chain-todo")),
            "contract" => (lang.t("trouble-contract-title"), lang.t("trouble-contract-todo")),
            "block" => (lang.t("trouble-block-title"), lang.t("trouble-block-todo")),
            "transaction" => (lang.t("trouble-transaction-title"), lang.t("trouble-transaction-todo")),
            "dropped" => (lang.t("trouble-dropped-title"), lang.t("trouble-dropped-todo")),
            "period" => (lang.t("trouble-period-title"), lang.t("trouble-period-todo")),
            "parameter" => (lang.t("trouble-parameter-title"), lang.t("trouble-parameter-todo")),
            "method" => (lang.t("trouble-method-title"), lang.t("trouble-method-todo")),
            "busy" => (lang.t("trouble-busy-title"), lang.t("trouble-busy-todo")),
            _ => (lang.t("trouble-broken-title"), lang.t("trouble-broken-todo")),
        }
    }

    /// The page that says so.
    pub(super) fn answer(self, mut page: Page) -> Response {
        let (title, todo) = self.texts(page.lang);
        page.title = title;
        let shown = TroublePage { page, todo, detail: self.detail, status: self.status.as_u16() };
        let mut response = (self.status, shown.page.answer(&shown)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    page: Page,
    todo: String,
    detail: String,
    status: u16,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        let text = error.to_string();
        match error {
            ReadError::Unknown { code, .. } => {
                let kind = match code {
                    "unknown_contract" => "contract",
                    "unknown_block" => "block",
                    "unknown_transaction" => "transaction",
                    _ => "page",
                };
                Self::new(StatusCode::NOT_FOUND, kind, text)
            }
            ReadError::Ambiguous { .. } => Self::new(StatusCode::CONFLICT, "contract", text),
            ReadError::Busy
            | ReadError::Failed(_)
            | ReadError::NotAnchored { .. }
            | ReadError::NotAttested { .. }
            | ReadError::Behind { .. } => Self::not_ready(text),
            // The details are the operator's and stand in the log; they may name paths.
            ReadError::Storage(error) => {
                tracing::error!(%error, "a page met a failure of the store");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", "")
            }
            _ => Self::parameter(text),
        }
    }
}
