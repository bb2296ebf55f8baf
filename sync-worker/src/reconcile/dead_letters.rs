//! `reconcile dead-letters`: changes that MariaDB refused, until somebody applies or drops them.

use clap::Subcommand;
use inventory_core::{ShardId, Text, engine::RawEntry};
use serde_json::{Value, json};
use service_kit::relay::Waker;
use sqlx::MySqlPool;

use super::{
    check::moment,
    exit::{Exit, Trouble},
    output::{Output, Table},
};
use crate::{
    config::Stores,
    database,
    limits::PAGE_MAX,
    project::{
        Events,
        dead_letter::{Closed, DeadLetter, DeadLetterStatus, discard, list, replay},
    },
};

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// Those that are open, or all.
    List {
        /// Those that were replayed or discarded, too.
        #[arg(long)]
        all: bool,
    },
    /// Try one again; its figures and records are written only where nothing newer has come. If the
    /// worker wrote events when it put the change aside, those of the change are written now.
    Replay {
        /// Its number.
        id: u64,
        /// Write no events: nobody publishes them any more, or they are what cannot be written.
        #[arg(long)]
        no_events: bool,
    },
    /// Drop one: its change stays out of MariaDB.
    Discard {
        /// Its number.
        id: u64,
    },
}

const SHARD: ShardId = ShardId::ZERO;

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    command: &DeadLettersCommand,
    out: Output,
) -> Result<Exit, Trouble> {
    let pool = database::pool(&stores.database_url)?;
    let (id, closed, done) = match *command {
        DeadLettersCommand::List { all } => return show(&pool, all, out).await,
        DeadLettersCommand::Replay { id, no_events } => {
            // The relay of the worker finds them by itself.
            let events = (!no_events).then(|| Events::new(Waker::default()));
            let closed = replay(&pool, SHARD, id, who.as_str(), events.as_ref()).await?;
            (id, closed, "replayed")
        }
        DeadLettersCommand::Discard { id } => {
            let closed = discard(&pool, SHARD, id, who.as_str()).await?;
            (id, closed, "discarded")
        }
    };
    let (outcome, detail) = match closed {
        Closed::Done => (done, None),
        Closed::Unknown => ("unknown", Some("there is no such dead letter".to_owned())),
        Closed::Before(status) => {
            let before = status.as_str().to_ascii_lowercase();
            ("closed", Some(format!("it was {before} before")))
        }
        Closed::Refused(reason) => ("refused", Some(reason)),
    };
    if out.json {
        out.report(&json!({"outcome": outcome, "id": id, "detail": detail}))?;
    } else {
        let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
        out.line(&format!("dead letter {id} {outcome}{detail}"))?;
    }
    Ok(Exit::found(outcome != done))
}

async fn show(pool: &MySqlPool, all: bool, out: Output) -> Result<Exit, Trouble> {
    let status = (!all).then_some(DeadLetterStatus::Open);
    let (mut letters, mut after) = (Vec::new(), 0);
    loop {
        let page = list(pool, SHARD, status, after, PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        letters.extend(page);
    }
    if out.json {
        let letters: Vec<_> = letters.iter().map(letter_json).collect();
        out.report(&json!({"deadLetters": letters}))?;
    } else if letters.is_empty() {
        out.line("no dead letters")?;
    } else {
        let mut table = Table::new(&["id", "entry", "item", "status", "at", "tries", "reason"]);
        for letter in &letters {
            table.row(vec![
                letter.id.to_string(),
                letter.entry.to_string(),
                letter
                    .item
                    .map_or_else(|| "-".to_owned(), |item| item.to_string()),
                letter.status.as_str().to_owned(),
                moment(&letter.created_at),
                letter.tries.to_string(),
                letter.reason.clone(),
            ]);
        }
        out.table(&table)?;
    }
    let open = letters
        .iter()
        .any(|letter| letter.status == DeadLetterStatus::Open);
    Ok(Exit::found(open))
}

fn letter_json(letter: &DeadLetter) -> Value {
    let entry = RawEntry::from_payload(&letter.payload)
        .ok()
        .and_then(|raw| raw.parse().ok());
    json!({
        "id": letter.id,
        "journalId": letter.entry.to_string(),
        "item": letter.item,
        "status": letter.status.as_str(),
        "reason": letter.reason,
        "tries": letter.tries,
        "events": letter.events,
        "createdAt": moment(&letter.created_at),
        "closedAt": letter.closed_at.as_deref().map(moment),
        "closedBy": letter.closed_by,
        "entryAt": entry.map(|entry| crate::time::rfc3339(entry.at)),
    })
}
