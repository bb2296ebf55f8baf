//! `reconcile bless --force`: for the day MariaDB is gone for good. Opens a fenced shard over what
//! Redis has, in an epoch that no MariaDB ever issued.

use clap::Args;
use inventory_core::{
    Epoch, ShardId, Text,
    engine::{Issued, MetaState, Survey},
};
use serde_json::json;

use super::{
    exit::{Exit, Trouble},
    output::Output,
    stores::engine,
};
use crate::{config::Stores, database, limits::OPS_PROBE_TIMEOUT};

#[derive(Debug, Clone, Args)]
pub(super) struct BlessArgs {
    /// Yes: nobody compares what Redis has with what MariaDB had, and what was lost stays lost.
    #[arg(long)]
    force: bool,
    /// Why: the journal has it.
    #[arg(long, default_value = "opened by hand, without MariaDB", value_parser = Text::parse)]
    reason: Text,
}

const SHARD: ShardId = ShardId::ZERO;

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    args: &BlessArgs,
    out: Output,
) -> Result<Exit, Trouble> {
    if !args.force {
        return Err(Trouble::Usage(
            "sync-worker opens the shard when it has compared both sides. Where MariaDB is gone for \
             good, `reconcile bless --force` opens it over what Redis has"
                .to_owned(),
        ));
    }
    mariadb_is_gone(stores).await?;
    let engine = engine(stores, who).await?;
    let survey = engine.survey(SHARD).await?;
    if survey.alive() {
        return say("open", survey.meta.as_ref().map(|meta| meta.epoch), out);
    }
    openable(&survey)?;
    let known = survey.meta.as_ref().map_or(0, |meta| meta.epoch.0);
    let journal = survey.last.map_or(0, |last| last.epoch.0);
    let epoch = Epoch(known.max(journal).max(survey.now.0).saturating_add(1));
    let issued = Issued {
        epoch,
        // Stays as it is: `detach` takes it off.
        projection: String::new(),
        lineage: None,
        previous: None,
        who: who.as_str().to_owned(),
        why: args.reason.as_str().to_owned(),
    };
    engine.bless_issued(SHARD, &survey, &issued).await?;
    say("blessed", Some(epoch), out)
}

/// While MariaDB answers, it knows better.
async fn mariadb_is_gone(stores: &Stores) -> Result<(), Trouble> {
    let pool = database::pool(&stores.database_url)?;
    let probe = sqlx::query("SELECT lineage FROM journal_cursor").fetch_optional(&pool);
    match tokio::time::timeout(OPS_PROBE_TIMEOUT, probe).await {
        Ok(Ok(Some(_))) => Err(Trouble::Unclear(
            "MariaDB is there and has a projection: start sync-worker, which compares both sides \
             and opens the shard, or decide with `reconcile rebuild`"
                .to_owned(),
        )),
        // There and empty, or without the database or its tables.
        Ok(Ok(None)) => Ok(()),
        Ok(Err(error)) if matches!(database::number(&error), Some(1049 | 1146)) => Ok(()),
        // It answers somebody else, perhaps.
        Ok(Err(error)) if error.as_database_error().is_some() => Err(error.into()),
        // Away.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn openable(survey: &Survey) -> Result<(), Trouble> {
    let why = if !survey.master {
        "this Redis is a replica: bless its master"
    } else if survey.loading {
        "Redis is loading its data: bless it when it is done"
    } else if survey
        .meta
        .as_ref()
        .is_some_and(|meta| meta.state == MetaState::Recovering)
    {
        "Redis is half restored: what it has is no state that ever was. Finish the rebuild, or put \
         back a copy of Redis's data"
    } else {
        return Ok(());
    };
    Err(Trouble::Unclear(why.to_owned()))
}

fn say(outcome: &str, epoch: Option<Epoch>, out: Output) -> Result<Exit, Trouble> {
    let epoch = epoch.unwrap_or_default();
    if out.json {
        out.report(&json!({"outcome": outcome, "epoch": epoch.0}))?;
    } else {
        out.line(&format!("{outcome}: the shard is in epoch {epoch}"))?;
    }
    Ok(Exit::Fine)
}
