//! The contracts of a chain, by page.

use axum::response::Response;
use chancery_abi::Address;

use super::{View, chain::contracts_table};
use crate::portal::{
    html::Html,
    trouble::Trouble,
    visit::{Visit, look_up},
};

/// Contracts of one page.
const CONTRACTS_SHOWN: usize = 50;

/// `/{lang}/explorer/{chain}/contracts`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let after = visit.asked_as::<Address>("after")?;
    let listed = look_up(&chain, move |chain| Ok(chain.list_contracts(after, CONTRACTS_SHOWN)?)).await?;
    let name = chain.ledger().rules().name().to_string();
    let mut view = View::new(&visit, visit.t("contracts"), &name);
    let mut parts = vec![contracts_table(&visit, &name, &listed.contracts).html()];
    if let Some(last) = listed.contracts.last().filter(|_| listed.more) {
        let href = visit.href(format_args!("/explorer/{name}/contracts?after={}", last.address));
        parts.push(Html::link(href, visit.t("page-next")));
    }
    view.push("all", visit.t1("contracts-on", "chain", &name), parts);
    Ok(view.answer())
}
