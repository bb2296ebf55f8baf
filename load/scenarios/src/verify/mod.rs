//! After the load: everything settles, every store is asked, and all answers are set beside what the clients counted.

mod compare;
mod settle;
mod unknown;

use std::time::Duration;

use tokio::{runtime::Runtime, time::Instant};

use crate::{
    flow::Flow,
    place::Place,
    plan::Plan,
    result::Verification,
    say,
    seed::Goods,
    stores::{
        journal::{JournalReader, Ledger},
        kafka::Bookmark,
        mariadb::MariaDb,
        reconcile::{self, Checked},
        stock,
    },
    tally::Unknown,
};

pub use compare::{Evidence, compare};

/// How long the projection and the outbox may take for what is left when the load has ended.
const CATCH_UP: Duration = Duration::from_secs(900);

/// What is watched from before the first request.
#[derive(Debug)]
pub(crate) struct Watch {
    journal: Option<JournalReader>,
    kafka: Option<Bookmark>,
    mariadb: Option<MariaDb>,
}

/// What the clients say at the end.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) flow: Flow,
    pub(crate) unknown: &'a [Unknown],
}

impl Watch {
    /// Takes note of where everything stands, after the seeding.
    pub(crate) fn start(
        runtime: &Runtime,
        place: &Place,
        plan: &Plan,
        goods: &Goods,
    ) -> Result<Self, String> {
        if goods.skus.is_empty() {
            return Ok(Self {
                journal: None,
                kafka: None,
                mariadb: None,
            });
        }
        let seeded = i64::try_from(plan.units).unwrap_or(i64::MAX);
        let ledger = Ledger::new(&goods.skus, seeded);
        let journal = place.redis_url.as_deref();
        let mariadb = place.database_url.as_deref();
        // A pool of connections belongs to a runtime.
        let _entered = runtime.enter();
        Ok(Self {
            journal: journal
                .map(|url| runtime.block_on(JournalReader::start(url, ledger)))
                .transpose()?,
            kafka: place
                .kafka_brokers
                .as_deref()
                .map(Bookmark::now)
                .transpose()?,
            mariadb: mariadb.map(MariaDb::connect).transpose()?,
        })
    }

    /// Version of MariaDB.
    pub(crate) fn mariadb_version(&self, runtime: &Runtime) -> Option<String> {
        runtime.block_on(self.mariadb.as_ref()?.version())
    }

    /// Lets everything settle, asks every store, and compares.
    pub(crate) fn verify(
        self,
        runtime: &Runtime,
        place: &Place,
        plan: &Plan,
        goods: &Goods,
        claim: &Claim<'_>,
        run_id: &str,
    ) -> Result<Verification, String> {
        if goods.skus.is_empty() {
            return Ok(Verification {
                ok: true,
                not_verified: vec!["the scenario moves no stock".to_owned()],
                ..Verification::default()
            });
        }
        say("verifying: waiting until everything has settled");
        let inventory = place.inventory();
        settle::holds_end(&inventory, plan, &goods.skus)?;
        let mut evidence = Evidence {
            seeded: plan.all_units(),
            open_at_end: plan.open_at_end,
            clients: claim.flow,
            ..Evidence::default()
        };
        let until = Instant::now() + CATCH_UP;
        let end = match &self.journal {
            Some(journal) => runtime.block_on(journal.last())?,
            None => None,
        };
        if let (Some(mariadb), Some(end)) = (&self.mariadb, end) {
            runtime.block_on(mariadb.has(end, until))?;
        }
        if let Some(mariadb) = &self.mariadb {
            runtime.block_on(mariadb.published(until))?;
        }
        say("verifying: asking Redis, the journal, MariaDB and Kafka");
        if let Some(journal) = self.journal {
            evidence.journal = Some(runtime.block_on(journal.finish(end))?);
        }
        let lookup = unknown::Lookup {
            runtime,
            inventory: &inventory,
            mariadb: self.mariadb.as_ref(),
            journal: evidence.journal.as_ref(),
            prefix: &goods.prefix,
        };
        let resolved = lookup.resolve(claim.unknown)?;
        evidence.clients += resolved.flow;
        evidence.notes.extend(resolved.notes);
        evidence.problems.extend(resolved.problems);
        evidence.redis = Some(stock::figures(&inventory, &goods.skus)?);
        if let Some(mariadb) = &self.mariadb {
            evidence.mariadb =
                Some(runtime.block_on(mariadb.rows(&goods.prefix, plan.all_units()))?);
        }
        if let Some(kafka) = &self.kafka {
            let events = kafka.read(&goods.skus)?;
            evidence.kafka = Some((events.flow(), events.count()));
        }
        if let (Some(redis_url), Some(database_url)) = (&place.redis_url, &place.database_url) {
            match reconcile::check(redis_url, database_url, run_id)? {
                Checked::Clean(words) => evidence.notes.push(format!("reconcile: {words}")),
                Checked::Drift(differences) => evidence.problems.extend(differences),
                Checked::Untold(why) => evidence.unverified.push(format!("reconcile: {why}")),
            }
        }
        evidence.unverified.extend(place.unknown_stores());
        Ok(compare(&evidence))
    }
}
