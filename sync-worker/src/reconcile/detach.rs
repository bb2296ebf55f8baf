//! `reconcile detach`: the projection is gone for good, or shall be.

use clap::Args;
use inventory_core::{ShardId, Text};
use serde_json::json;

use super::{
    exit::{Exit, Trouble},
    output::Output,
    stores::engine,
};
use crate::config::Stores;

#[derive(Debug, Clone, Args)]
pub(super) struct DetachArgs {
    /// Why.
    #[arg(long, default_value = "detached by hand", value_parser = Text::parse)]
    reason: Text,
}

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    args: &DetachArgs,
    out: Output,
) -> Result<Exit, Trouble> {
    let engine = engine(stores, who).await?;
    engine
        .detach(ShardId::ZERO, who.as_str(), args.reason.as_str())
        .await?;
    if out.json {
        out.report(&json!({"outcome": "detached"}))?;
    } else {
        out.line(
            "detached: servers with --projection auto or none open the shard by themselves after a \
             loss, once they were started anew; a sync-worker that still runs attaches it again",
        )?;
    }
    Ok(Exit::Fine)
}
