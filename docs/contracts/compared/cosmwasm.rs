//! The counter of docs/contracts/compared.md with cosmwasm's SDK. This line is not counted there.
use cosmwasm_schema::{cw_serde, QueryResponses};
use cosmwasm_std::{
    entry_point, to_json_binary, Addr, Binary, Deps, DepsMut, Empty, Env, Event, MessageInfo, Response, StdError,
    StdResult,
};
use cw_storage_plus::Item;

const OWNER: Item<Addr> = Item::new("owner");
const COUNT: Item<u64> = Item::new("count");

#[cw_serde]
pub enum ExecuteMsg {
    Add { step: u64 },
    Reset {},
}

#[cw_serde]
#[derive(QueryResponses)]
pub enum QueryMsg {
    #[returns(u64)]
    Value {},
}

#[derive(thiserror::Error, Debug)]
pub enum CounterError {
    #[error("{0}")]
    Std(#[from] StdError),
    #[error("the counter is full")]
    Full,
    #[error("only its owner may reset it")]
    NotOwner,
}

#[entry_point]
pub fn instantiate(deps: DepsMut, _env: Env, info: MessageInfo, _msg: Empty) -> StdResult<Response> {
    OWNER.save(deps.storage, &info.sender)?;
    COUNT.save(deps.storage, &0)?;
    Ok(Response::new())
}

#[entry_point]
pub fn execute(deps: DepsMut, _env: Env, info: MessageInfo, msg: ExecuteMsg) -> Result<Response, CounterError> {
    match msg {
        ExecuteMsg::Add { step } => {
            let count = COUNT.load(deps.storage)?.checked_add(step).ok_or(CounterError::Full)?;
            COUNT.save(deps.storage, &count)?;
            let event = Event::new("counted").add_attribute("by", info.sender).add_attribute("count", count.to_string());
            Ok(Response::new().add_event(event).set_data(to_json_binary(&count)?))
        }
        ExecuteMsg::Reset {} => {
            if info.sender != OWNER.load(deps.storage)? {
                return Err(CounterError::NotOwner);
            }
            COUNT.save(deps.storage, &0)?;
            Ok(Response::new())
        }
    }
}

#[entry_point]
pub fn query(deps: Deps, _env: Env, msg: QueryMsg) -> StdResult<Binary> {
    match msg {
        QueryMsg::Value {} => to_json_binary(&COUNT.load(deps.storage)?),
    }
}
