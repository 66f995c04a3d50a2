//! `/beacons`: what became known of a height.

use axum::Json;

use super::{Problem, target::Target, views::KnownBeaconView};

/// The beacon of a height, as contracts are given it. The header that brought it has the signature.
#[utoipa::path(get, path = "/v1/chains/{chain}/beacons/{height}", operation_id = "beacons_one", tag = "blocks",
    params(("chain" = String, Path, description = "The chain's name"), ("height" = u64, Path, description = "From 1")),
    responses((status = 200, body = KnownBeaconView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn one(target: Target) -> Result<Json<KnownBeaconView>, Problem> {
    let height: u64 = target.parameter("height")?;
    let view = target.look_up(move |chain| {
        let value = chain.beacon(height)?.ok_or_else(|| chain.unknown_beacon(height))?;
        Ok(KnownBeaconView { height, value: value.to_string() })
    });
    Ok(Json(view.await?))
}
