//! Who put a contract there, and by what right: as far as the blocks and the registry's public fields say, and no further.

use std::sync::Arc;

use chancery_abi::{Address, Digest, Payload, Transaction};

use super::{contract::unknown, note};
use crate::{
    chain::{ChainService, ContractFound, ReadError},
    portal::{
        html::{Html, Table, short},
        registry::{DeployRight, Registry},
        trouble::Trouble,
        visit::{Visit, look_up},
    },
};

/// What is known of how a contract came about.
struct Origin {
    /// The transaction that put its present code there, with its sender.
    transaction: Option<(Digest, Address)>,
    /// Who may deploy for the department on this chain now; none where there is no registry.
    rights: Option<Vec<DeployRight>>,
}

/// What is known of how a contract came about, in words.
pub(super) async fn show(
    visit: &Visit,
    chain: &Arc<ChainService>,
    found: &ContractFound,
) -> Result<Vec<Html>, Trouble> {
    let (name, height) = (chain.ledger().rules().name().to_string(), found.record.height);
    let contract = found.clone();
    let origin = look_up(chain, move |chain| find(chain, &contract)).await?;
    let mut parts = Vec::new();
    match &origin.transaction {
        Some((digest, sender)) => {
            let href = visit.href(format_args!("/explorer/{name}/transactions/{digest}"));
            let act = Html::text(visit.t1("approval-deployed", "account", sender));
            parts.push(Html::list([Html::joined([act, Html::mono_link(href, short(&digest.to_string()))], " ")]));
        }
        None if height == 0 => parts.push(note(visit.t("approval-genesis"))),
        None => parts.push(unknown(visit, "approval-transaction-unknown")),
    }
    match &origin.rights {
        None => parts.push(unknown(visit, "approval-no-registry")),
        Some(rights) => {
            parts.push(rights_table(visit, rights, origin.transaction.as_ref().map(|(_, sender)| sender)));
            parts.push(note(visit.t("approval-note")));
        }
    }
    Ok(parts)
}

fn find(chain: &ChainService, found: &ContractFound) -> Result<Origin, ReadError> {
    let ContractFound { address, record } = found;
    let rules = chain.ledger().rules();
    let transactions = chain.ledger().db().transactions(record.height)?.unwrap_or_default();
    let made = |transaction: &&Transaction| match &transaction.body.payload {
        Payload::Deploy(deploy) => deploy.department == record.department && deploy.name == record.name,
        Payload::Upgrade(upgrade) => upgrade.contract == *address,
        _ => false,
    };
    // Of several in one block the last one that was done counts, whose code is the one on record.
    let code_of = |transaction: &Transaction| match &transaction.body.payload {
        Payload::Deploy(deploy) => Digest::of(&deploy.code),
        Payload::Upgrade(upgrade) => Digest::of(&upgrade.code),
        _ => Digest::default(),
    };
    let mut candidates = transactions.iter().filter(made).filter(|transaction| code_of(transaction) == record.code);
    let transaction = candidates.next_back();
    let transaction = transaction.map(|found| (found.digest(rules.digest()), found.body.sender));
    let rights = match Registry::of(chain) {
        Some(registry) => Some(registry.deployers(rules.name(), &record.department)?),
        None => None,
    };
    Ok(Origin { transaction, rights })
}

fn rights_table(visit: &Visit, rights: &[DeployRight], sender: Option<&Address>) -> Html {
    let heads = [visit.t("account"), visit.t("right-until"), visit.t("right-act"), visit.t("right-approved")];
    let mut table = Table::new("rights", visit.t("rights"), &heads, visit.t("rights-none"));
    let sender = sender.map(ToString::to_string);
    for right in rights {
        let mut account = vec![Html::mono(&right.account)];
        if sender.as_deref() == Some(right.account.as_str()) {
            account.push(Html::text(visit.t("right-used")));
        }
        let (act, departments) = match &right.act {
            Some(act) => {
                let values = [("number", act.number.to_string()), ("reference", act.reference.clone())];
                let departments = act.departments.iter().map(Html::text);
                (Html::text(visit.lang.format("right-act-of", &values)), Html::joined(departments, ", "))
            }
            None => (Html::text(visit.t("right-genesis")), Html::none()),
        };
        table.rows.push(vec![Html::joined(account, " "), Html::time(visit.lang, right.until_ms), act, departments]);
    }
    table.html()
}
