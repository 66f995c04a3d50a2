//! A contract's public fields: what they are, what stands in them, and a button beside each that has the browser check it.

use std::sync::Arc;

use askama::Template;
use chancery_abi::{
    schema::{Collection, Schema, StorageField},
    types::from_hex,
};
use serde_json::Value;

use super::note;
use crate::{
    chain::{ChainService, ContractFound, ContractRef, FieldPage},
    portal::{
        html::{Html, Table},
        trouble::Trouble,
        values::{key_text, shown},
        visit::{Visit, look_up},
    },
    schema_json::{to_hex, type_name},
};

/// Entries of one page.
const ENTRIES_SHOWN: usize = 25;

/// A button that has the browser check an entry; without script it is not shown.
#[derive(Template)]
#[template(path = "check_field.html")]
struct CheckField {
    field: String,
    /// The key as JSON; empty for a field of one value.
    key: String,
    text: String,
    label: String,
}

/// What stands in the fields of one value.
type Values = Vec<(String, Option<Value>)>;

/// The fields' table, and the entries of the one that was asked for.
pub(super) async fn show(
    visit: &Visit,
    chain: &Arc<ChainService>,
    found: &ContractFound,
    schema: Arc<Schema>,
) -> Result<Vec<Html>, Trouble> {
    let address = found.address;
    let wanted = visit.asked("field").map(str::to_owned);
    // A page of entries goes on within the field that it is of.
    let after = visit.asked("after").and_then(from_hex).filter(|_| wanted.is_some());
    let read = Arc::clone(&schema);
    let (values, page) = look_up(chain, move |chain| {
        let reference = ContractRef::Address(address);
        let singles = public(&read).filter(|field| matches!(field.collection, Collection::Value(_)));
        let value = |field: &StorageField| {
            let name = field.name.to_string();
            let value = chain.read_field(&reference, &name, None)?.value;
            Ok((name, value))
        };
        let values: Values = singles.map(value).collect::<Result<_, crate::chain::ReadError>>()?;
        let page = |field: &str| chain.list_entries(&reference, field, None, after.as_deref(), ENTRIES_SHOWN);
        // Where none is asked for, the first that has entries is shown.
        let listed = public(&read).filter(|field| !matches!(field.collection, Collection::Value(_)));
        for field in listed.map(|field| field.name.as_str()) {
            match &wanted {
                Some(wanted) if wanted != field => {}
                Some(_) => return Ok((values, Some((field.to_owned(), page(field)?)))),
                None => {
                    let found = page(field)?;
                    if !found.entries.is_empty() {
                        return Ok((values, Some((field.to_owned(), found))));
                    }
                }
            }
        }
        Ok((values, None))
    })
    .await?;
    let base = format!("/explorer/{}/contracts/{address}", chain.ledger().rules().name());
    let mut parts = vec![note(visit.t("fields-note")), fields(visit, &base, &schema, &values)];
    if let Some((field, page)) = page {
        parts.extend(listed(visit, &base, &field, page));
    }
    Ok(parts)
}

fn public(schema: &Schema) -> impl Iterator<Item = &StorageField> {
    schema.storage.values().filter(|field| field.public)
}

fn button(visit: &Visit, field: &str, key: Option<&Value>) -> Html {
    let name = key.map_or_else(|| field.to_owned(), |key| format!("{field} {}", key_text(key)));
    let key = key.map(ToString::to_string).unwrap_or_default();
    let label = visit.t1("check-this-label", "field", name);
    Html::of(&CheckField { field: field.to_owned(), key, text: visit.t("check-this"), label })
}

fn fields(visit: &Visit, base: &str, schema: &Schema, values: &Values) -> Html {
    let heads = [visit.t("field"), visit.t("holds"), visit.t("value"), visit.t("description")];
    let mut table = Table::new("fields-table", visit.t("public-fields"), &heads, visit.t("fields-none"));
    for field in public(schema) {
        let name = field.name.to_string();
        let holds = |id: &str, key: String, value: String| visit.lang.format(id, &[("key", key), ("value", value)]);
        let kind = match &field.collection {
            Collection::Value(ty) => holds("holds-value", String::new(), type_name(ty)),
            Collection::Map(key, value) => holds("holds-map", type_name(key), type_name(value)),
            Collection::Set(key) => holds("holds-set", type_name(key), String::new()),
            Collection::List(ty) => holds("holds-list", String::new(), type_name(ty)),
            Collection::Index(secondary, primary) => holds("holds-index", type_name(secondary), type_name(primary)),
        };
        let what = match values.iter().find(|(found, _)| *found == name) {
            Some((_, value)) => {
                let value = value.as_ref().map_or_else(|| Html::text(visit.t("not-there")), |v| shown(visit.lang, v));
                Html::joined([value, button(visit, &name, None)], " ")
            }
            None => {
                let href = visit.href(format_args!("{base}?field={name}#entries"));
                Html::link(href, visit.t1("entries-of", "field", &name))
            }
        };
        let docs = serde_json::json!({ "en": field.docs.en, "zh": field.docs.zh });
        let docs = visit.lang.of_docs(&docs);
        table.rows.push(vec![Html::mono(&name), Html::text(kind), what, Html::text_in(visit.lang, docs)]);
    }
    table.html()
}

fn listed(visit: &Visit, base: &str, field: &str, page: FieldPage) -> Vec<Html> {
    let heads = [visit.t("entry-key"), visit.t("value"), visit.t("check-this")];
    let values = [("field", field.to_owned()), ("height", page.height.to_string())];
    let caption = visit.lang.format("entries-as-of", &values);
    let mut table = Table::new("entries", caption, &heads, visit.t("entries-none"));
    for entry in page.entries {
        let value = match &entry.value {
            Some(value) => shown(visit.lang, value),
            None => Html::text(visit.t("entry-there")),
        };
        let key = entry.key.as_ref();
        let name = key.map_or_else(|| to_hex(&entry.slot), key_text);
        table.rows.push(vec![Html::mono(name), value, button(visit, field, key)]);
    }
    let next = page.next_after.map(|after| {
        let href = visit.href(format_args!("{base}?field={field}&after={}#entries", to_hex(&after)));
        Html::link(href, visit.t("page-next"))
    });
    [table.html()].into_iter().chain(next).collect()
}
