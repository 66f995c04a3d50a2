//! `/blocks`: headers by page, and single blocks.

use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    PAGE_MAX, Problem,
    target::{Parameters, Target},
    views::{BlockView, CertificateView, HeaderView, HeadersView},
};
/// Which page of headers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only heights below this one; the newest without.
    before: Option<u64>,
    /// At most so many, up to 100; 20 without.
    limit: Option<usize>,
}

/// Headers, the newest first.
#[utoipa::path(get, path = "/v1/chains/{chain}/blocks", operation_id = "blocks_list", tag = "blocks",
    params(("chain" = String, Path, description = "The chain's name"), Page),
    responses((status = 200, body = HeadersView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn list(target: Target, Parameters(page): Parameters<Page>) -> Result<Json<HeadersView>, Problem> {
    let limit = page.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid(format_args!("limit {limit}: 1 to {PAGE_MAX} are possible")));
    }
    let view = target.look_up(move |chain| {
        let ledger = chain.ledger();
        let (first, newest) = (chain.first_kept_height()?, ledger.tip().height);
        let mut height = page.before.map_or(newest, |before| before.saturating_sub(1).min(newest));
        let mut blocks = Vec::with_capacity(limit);
        while height >= first && blocks.len() < limit {
            let header = ledger.db().expect_part(ledger.db().header(height)?, "header", height)?;
            blocks.push(HeaderView::new(&header, &header.digest(ledger.rules().digest())));
            height -= 1;
        }
        Ok(HeadersView { blocks, next_before: (height >= first).then_some(height + 1) })
    });
    Ok(Json(view.await?))
}

/// A block: its header, the votes for it and its transactions' digests.
#[utoipa::path(get, path = "/v1/chains/{chain}/blocks/{height}", operation_id = "blocks_one", tag = "blocks",
    params(("chain" = String, Path, description = "The chain's name"), ("height" = u64, Path, description = "From 1")),
    responses((status = 200, body = BlockView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn one(target: Target) -> Result<Json<BlockView>, Problem> {
    let height: u64 = target.parameter("height")?;
    let view = target.look_up(move |chain| {
        let (db, rules) = (chain.ledger().db(), chain.ledger().rules());
        // Above the tip may be blocks that are final and not executed here yet.
        chain.expect_kept(height)?;
        let header = db.expect_part(db.header(height)?, "header", height)?;
        let finality = db.expect_part(db.finality(height)?, "certificate at or after the block", height)?;
        let certified_height = height + finality.descendants.len() as u64;
        let receipts = db.expect_part(db.receipts(height)?, "receipts", height)?;
        Ok(BlockView {
            header: HeaderView::new(&header, &header.digest(rules.digest())),
            certificate: CertificateView::new(certified_height, &finality.certificate),
            transactions: receipts.iter().map(|receipt| receipt.transaction.to_string()).collect(),
        })
    });
    Ok(Json(view.await?))
}
