//! One contract: whose it is, who could put it there, and what it offers, in the words of its own schema.

use axum::response::Response;
use serde_json::Value;

use super::{View, entries, note, origin};
use crate::{
    chain::{ContractFound, ContractRef},
    portal::{
        html::{Data, Html, Table, grouped},
        trouble::Trouble,
        values::text,
        visit::{Visit, look_up},
    },
    schema_json,
};

/// `/{lang}/explorer/{chain}/contracts/{contract}`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let reference: ContractRef = visit.parameter("contract")?;
    let (found, schema) = look_up(&chain, move |chain| chain.public_fields(&reference)).await?;
    let name = chain.ledger().rules().name().to_string();
    let title = format!("{}.{}", found.record.department, found.record.name);
    let mut view = View::new(&visit, title, &name);
    let all = visit.href(format_args!("/explorer/{name}/contracts"));
    view.crumbs.push((all, visit.t("contracts")));
    let document = schema_json::document(&schema);
    view.push("identity", visit.t("identity"), identity(&visit, &name, &found, &document));
    let origin = origin::show(&visit, &chain, &found).await?;
    view.push("approval", visit.t("approval"), origin);
    let fields = entries::show(&visit, &chain, &found, schema).await?;
    view.push("fields", visit.t("public-fields"), fields);
    view.push("methods", visit.t("methods"), vec![methods(&visit, &document)]);
    view.push("events", visit.t("events"), vec![events(&visit, &document)]);
    view.push("errors", visit.t("errors"), vec![errors(&visit, &document)]);
    Ok(view.answer())
}

fn docs(visit: &Visit, docs: &Value) -> Html {
    let docs = visit.lang.of_docs(docs);
    if docs.0.is_empty() { Html::none() } else { Html::text_in(visit.lang, docs) }
}

fn identity(visit: &Visit, chain: &str, found: &ContractFound, document: &Value) -> Vec<Html> {
    let ContractFound { address, record } = found;
    let mut data = Data::default();
    data.push(visit.t("description"), docs(visit, &document["docs"]));
    data.push(visit.t("department"), Html::text(&record.department));
    data.push(visit.t("address"), Html::mono(address));
    data.push(visit.t("code-hash"), Html::mono(record.code));
    data.push(visit.t("revision"), Html::text(record.revision));
    let block = visit.href(format_args!("/explorer/{chain}/blocks/{}", record.height));
    let since =
        if record.height == 0 { Html::text(visit.t("genesis")) } else { Html::link(block, grouped(record.height)) };
    data.push(visit.t("since-height"), since);
    let version =
        format!("{} {} (SDK {})", text(&document["name"]), text(&document["version"]), text(&document["sdk"]));
    data.push(visit.t("version"), Html::text(version));
    let api = format!("/v1/chains/{chain}/contracts/{address}");
    let links =
        [Html::link(format_args!("{api}/code"), visit.t("contract-code")), Html::link(&api, visit.t("as-json"))];
    vec![data.html(), Html::list(links)]
}

/// The members of a list of the schema's document.
fn members<'v>(document: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    document[name].as_array().into_iter().flatten()
}

/// `name: type` of each field.
fn signature(fields: &Value) -> Html {
    let field = |field: &Value| Html::mono(format_args!("{}: {}", text(&field["name"]), text(&field["type"])));
    let fields: Vec<Html> = fields.as_array().into_iter().flatten().map(field).collect();
    if fields.is_empty() { Html::none() } else { Html::list(fields) }
}

fn methods(visit: &Visit, document: &Value) -> Html {
    let heads = [
        visit.t("method"),
        visit.t("method-kind"),
        visit.t("arguments"),
        visit.t("returns"),
        visit.t("access"),
        visit.t("description"),
    ];
    let mut table = Table::new("methods-table", visit.t("methods"), &heads, visit.t("methods-none"));
    table.rows = members(document, "methods")
        .map(|method| {
            vec![
                Html::mono(text(&method["name"])),
                Html::text(kind_text(visit, text(&method["kind"]))),
                signature(&method["arguments"]),
                Html::mono(text(&method["returns"])),
                Html::text(access_text(visit, text(&method["access"]))),
                docs(visit, &method["docs"]),
            ]
        })
        .collect();
    table.html()
}

fn kind_text(visit: &Visit, kind: &str) -> String {
    match kind {
        "init" => visit.t("kind-init"),
        "call" => visit.t("kind-call"),
        "query" => visit.t("kind-query"),
        "migrate" => visit.t("kind-migrate"),
        "message" => visit.t("kind-message"),
        "bounce" => visit.t("kind-bounce"),
        other => other.to_owned(),
    }
}

/// Who may call, as the schema's own words say it in English.
fn access_text(visit: &Visit, access: &str) -> String {
    let rest = |start: &str| access.strip_prefix(start);
    match access {
        "anyone" => visit.t("access-anyone"),
        "the deployer, once" => visit.t("access-deployer"),
        "messages of other chains" => visit.t("access-messages"),
        _ => match (rest("members of "), rest("holders of role "), rest("only ")) {
            (Some(field), _, _) => visit.t1("access-members", "field", field),
            (_, Some(role), _) => visit.t1("access-role", "role", role),
            (_, _, Some(field)) => visit.t1("access-only", "field", field),
            _ => access.to_owned(),
        },
    }
}

fn events(visit: &Visit, document: &Value) -> Html {
    let heads = [visit.t("event"), visit.t("fields"), visit.t("description")];
    let mut table = Table::new("events-table", visit.t("events"), &heads, visit.t("contract-events-none"));
    let row = |event: &Value| {
        vec![Html::mono(text(&event["name"])), signature(&event["fields"]), docs(visit, &event["docs"])]
    };
    table.rows = members(document, "events").map(row).collect();
    table.html()
}

fn errors(visit: &Visit, document: &Value) -> Html {
    let heads = [format!("#{}", visit.t("error-code")), visit.t("error"), visit.t("error-message")];
    let mut table = Table::new("errors-table", visit.t("errors"), &heads, visit.t("errors-none"));
    let row = |error: &Value| {
        vec![Html::text(&error["code"]), Html::mono(text(&error["name"])), docs(visit, &error["message"])]
    };
    table.rows = members(document, "errors").map(row).collect();
    table.html()
}

/// A sentence about what is not known.
pub(super) fn unknown(visit: &Visit, id: &str) -> Html {
    note(visit.t(id))
}
