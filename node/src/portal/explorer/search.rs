//! Finding what was typed: a height, a digest or address of 64 digits, or a contract's name.

use std::sync::Arc;

use chancery_abi::{Address, Digest};

use crate::{
    chain::{ChainService, ContractRef, ReadError},
    portal::{
        trouble::Trouble,
        visit::{Visit, look_up},
    },
};

/// A page of the portal and what is there.
type Hit = (String, String);

/// Where what was typed leads to, on all chains of this node.
pub(super) async fn find(visit: &Visit, query: &str) -> Result<Vec<Hit>, Trouble> {
    let query = query.trim().to_owned();
    let mut hits = Vec::new();
    for chain in visit.api.chains.all() {
        let name = chain.ledger().rules().name().to_string();
        let at = |rest: String| visit.href(format_args!("/explorer/{name}{rest}"));
        if query == name {
            hits.push((at(String::new()), visit.t1("chain-named", "chain", &name)));
        }
        for place in places(&chain, query.clone()).await? {
            hits.push(match place {
                Place::Block(height) => {
                    let values = [("height", height.to_string()), ("chain", name.clone())];
                    (at(format!("/blocks/{height}")), visit.lang.format("block-of", &values))
                }
                Place::Transaction(digest) => {
                    let title = visit.t1("transaction-of", "chain", &name);
                    (at(format!("/transactions/{digest}")), title)
                }
                Place::Contract(address, contract) => {
                    let values = [("contract", contract), ("chain", name.clone())];
                    (at(format!("/contracts/{address}")), visit.lang.format("contract-of", &values))
                }
            });
        }
    }
    Ok(hits)
}

enum Place {
    Block(u64),
    Transaction(Digest),
    Contract(Address, String),
}

async fn places(chain: &Arc<ChainService>, query: String) -> Result<Vec<Place>, Trouble> {
    look_up(chain, move |chain| {
        let (db, mut places) = (chain.ledger().db(), Vec::new());
        if let Ok(height) = query.parse::<u64>()
            && (1..=chain.ledger().tip().height).contains(&height)
        {
            places.push(Place::Block(height));
        }
        if let Ok(digest) = query.to_ascii_lowercase().parse::<Digest>() {
            if db.transaction_place(&digest)?.is_some() {
                places.push(Place::Transaction(digest));
            }
            places.extend(db.header_height(&digest)?.map(Place::Block));
        }
        // `chain/contract` is how the command line writes it.
        let own = format!("{}/", chain.ledger().rules().name());
        let reference = query.strip_prefix(&own).unwrap_or(&query).parse::<ContractRef>();
        places.extend(reference.ok().map(|reference| contracts(chain, &reference)).transpose()?.unwrap_or_default());
        Ok(places)
    })
    .await
}

fn contracts(chain: &ChainService, reference: &ContractRef) -> Result<Vec<Place>, ReadError> {
    let place = |found: crate::chain::ContractFound| {
        Place::Contract(found.address, format!("{}.{}", found.record.department, found.record.name))
    };
    match chain.find_contract(reference) {
        Ok(found) => Ok(vec![place(found)]),
        Err(ReadError::Ambiguous { name, .. }) => {
            let named = chain.ledger().db().contracts_named(&name)?;
            let find = |(_, address)| chain.find_contract(&ContractRef::Address(address)).map(place);
            named.into_iter().map(find).collect()
        }
        Err(ReadError::Unknown { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
