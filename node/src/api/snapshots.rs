//! `/snapshots`: what others begin from. Nothing here needs to be trusted: whoever downloads checks every piece.

use axum::{Json, response::Response};

use super::{
    Problem,
    target::{Target, octets},
    views::SnapshotsView,
};
use crate::snapshot::{Folder, SnapshotError};

/// The heights of the state snapshots that this node keeps.
#[utoipa::path(get, path = "/v1/chains/{chain}/snapshots", operation_id = "snapshots_list", tag = "snapshots",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = SnapshotsView), (status = 404, body = Problem)))]
pub(super) async fn list(target: Target) -> Result<Json<SnapshotsView>, Problem> {
    let heights = target.look_up(|chain| Ok(chain.snapshots().map(|kept| kept.heights()).unwrap_or_default())).await?;
    Ok(Json(SnapshotsView { heights }))
}

/// A snapshot's manifest: what leads from the trust anchor to the state's root, and from there to the chunks.
#[utoipa::path(get, path = "/v1/chains/{chain}/snapshots/{height}/manifest", operation_id = "snapshots_manifest",
    tag = "snapshots", params(("chain" = String, Path, description = "The chain's name"),
        ("height" = u64, Path, description = "The snapshot's height")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn manifest(target: Target) -> Result<Response, Problem> {
    read(&target, |folder| folder.manifest_bytes()).await
}

/// A chunk of a snapshot's state.
#[utoipa::path(get, path = "/v1/chains/{chain}/snapshots/{height}/chunks/{number}", operation_id = "snapshots_chunk",
    tag = "snapshots", params(("chain" = String, Path, description = "The chain's name"),
        ("height" = u64, Path, description = "The snapshot's height"),
        ("number" = usize, Path, description = "The chunk's number, from 0")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn chunk(target: Target) -> Result<Response, Problem> {
    let number: usize = target.parameter("number")?;
    read(&target, move |folder| folder.chunk_bytes(number)).await
}

async fn read(
    target: &Target,
    read: impl FnOnce(&Folder) -> Result<Vec<u8>, SnapshotError> + Send + 'static,
) -> Result<Response, Problem> {
    let height: u64 = target.parameter("height")?;
    let found = target.look_up(move |chain| {
        let folder = chain.snapshots().and_then(|kept| kept.folder(height));
        // One that was pruned in this moment is as good as none.
        Ok(folder.and_then(|folder| read(&folder).ok()))
    });
    match found.await? {
        Some(bytes) => Ok(octets(bytes)),
        None => Err(Problem::new(404, "unknown_snapshot", format_args!("there is none of this at height {height}"))),
    }
}
