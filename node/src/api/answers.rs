//! What every route may answer beyond what its handler says, written into the OpenAPI document in one place: refusals at
//! the door, time, failures of the node, and how problems and bytes are sent.

use axum::http::StatusCode;
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Type,
    path::{Operation, PathItem},
    schema::{KnownFormat, SchemaFormat},
};

use super::{
    guard::{Access, Class},
    routes,
};

const PROBLEM: &str = "application/problem+json";
const OCTETS: &str = "application/octet-stream";

/// Completes the document that the handlers make.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, class, _) in routes() {
        let Some(item) = document.paths.paths.get_mut(path) else { continue };
        for operation in operations(item) {
            answer_for(operation, path, class);
        }
    }
    document.paths.paths.values_mut().flat_map(operations).for_each(|operation| {
        describe_answers(operation);
        tell_when_to_ask_again(operation);
    });
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [item.get.as_mut(), item.post.as_mut()].into_iter().flatten()
}

fn answer_for(operation: &mut Operation, path: &str, class: Class) {
    let mut may = |status: &str, description: &str| {
        let answers = &mut operation.responses.responses;
        if !answers.contains_key(status) {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            let answer = ResponseBuilder::new().description(description).content(PROBLEM, problem);
            answers.insert(status.to_owned(), answer.build().into());
        }
    };
    if path.contains('{') {
        may("400", "A parameter is wrong");
    }
    match class.access {
        Access::Open => {}
        Access::Certified => may("403", "Not public on this node: a client certificate is needed"),
        Access::Submission => may("403", "This node takes transactions only with a client certificate"),
    }
    may("429", "Too many requests of one client, or a quota is used up");
    may("500", "This node failed");
    may("503", "Not now: too much to do, too slow, or the node is stopping");
}

/// Problems and bytes have media types of their own, and every answer has a description.
fn describe_answers(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        // The standard wants some words.
        if answer.description.is_empty() {
            let status = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
            answer.description = status.and_then(|status| status.canonical_reason()).unwrap_or_default().to_owned();
        }
        if status.starts_with(['4', '5'])
            && let Some(content) = answer.content.swap_remove("application/json")
        {
            answer.content.insert(PROBLEM.to_owned(), content);
        }
        if let Some(RefOr::T(content)) = answer.content.get_mut(OCTETS) {
            *content = octets();
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(RefOr::T(content)) = body.content.get_mut(OCTETS)
    {
        *content = octets();
    }
}

fn octets() -> Content {
    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
    Content::new(Some(ObjectBuilder::new().schema_type(Type::String).format(Some(binary))))
}

fn tell_when_to_ask_again(operation: &mut Operation) {
    for status in ["429", "503"] {
        let Some(RefOr::T(answer)) = operation.responses.responses.get_mut(status) else { continue };
        let header = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
        let header = header.description(Some("Seconds after which it is worth asking again")).build();
        answer.headers.insert("Retry-After".to_owned(), header.into());
    }
}
