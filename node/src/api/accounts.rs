//! `/accounts`: the nonces that a sender needs.

use axum::Json;
use chancery_abi::Address;

use super::{Problem, target::Target, views::AccountView};

/// An account's nonces. Every address is an account, used or not.
#[utoipa::path(get, path = "/v1/chains/{chain}/accounts/{address}", operation_id = "accounts_one", tag = "accounts",
    params(("chain" = String, Path, description = "The chain's name"), ("address" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, body = AccountView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn one(target: Target) -> Result<Json<AccountView>, Problem> {
    let address: Address = target.parameter("address")?;
    let (nonce, next_nonce) = target.look_up(move |chain| Ok(chain.account_nonces(&address)?)).await?;
    Ok(Json(AccountView { address: address.to_string(), nonce, next_nonce }))
}
