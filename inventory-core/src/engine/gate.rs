//! The recovery gate: decides whether this process may write to the shard, and under which epoch.
//!
//! Every writing script compares the life of Redis that it runs in with the one that was blessed; a
//! mismatch answers FENCED and leads here, as do NOSCRIPT (a restart forgets scripts) and an
//! implausible journal id. The gate looks at INFO and meta, then admits, blesses or keeps waiting.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use redis::{RedisResult, Value};
use tokio::sync::watch;

use super::{
    config::{Durability, EngineConfig, ProjectionMode},
    keys::Keys,
    link::Link,
    scripts::Scripts,
    seen::{Loss, Seen},
    settings,
};
use crate::domain::{Epoch, JournalId};

/// What the gate says to those who ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GateState {
    /// Calls go out under this epoch.
    Open(Epoch),
    /// Calls are refused, and why.
    Fenced(String),
}

/// What a look at the shard came to.
#[derive(Debug)]
pub(crate) enum Look {
    /// Admitted.
    Open,
    /// Not yet, and why. Look again later.
    Wait(String),
    /// Version or settings are refused.
    Refused(Vec<String>),
}

#[derive(Debug)]
pub(crate) struct Gate {
    state: watch::Sender<GateState>,
    seen: Mutex<Seen>,
    durability: Mutex<String>,
    /// Whether Redis was once seen as durable as asked, and never weaker since.
    durable: AtomicBool,
}

/// The fields of meta that matter here.
#[derive(Debug, Default)]
struct Meta {
    epoch: Option<u64>,
    epoch_text: String,
    replid: String,
    run_id: String,
    state: String,
    lineage: Option<String>,
    projection: bool,
    shards: String,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(GateState::Fenced("not connected yet".to_owned())),
            seen: Mutex::default(),
            durability: Mutex::default(),
            durable: AtomicBool::new(false),
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> GateState {
        self.state.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<GateState> {
        self.state.subscribe()
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        match &*self.state.borrow() {
            GateState::Open(epoch) => Some(*epoch),
            GateState::Fenced(_) => None,
        }
    }

    pub(crate) fn durability(&self) -> String {
        self.durability
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Refuses calls from now on, if they are still admitted under `epoch`.
    pub(crate) fn fence(&self, epoch: Epoch, why: &str) {
        let fenced = self.state.send_if_modified(|state| {
            let stands = *state == GateState::Open(epoch);
            if stands {
                *state = GateState::Fenced(why.to_owned());
            }
            stands
        });
        if fenced {
            let mut seen = self.seen();
            seen.fences = seen.fences.saturating_add(1);
            tracing::warn!(%epoch, why, "shard fenced");
        }
    }

    fn wait(&self, why: String) -> Look {
        self.state.send_if_modified(|state| {
            let news = GateState::Fenced(why.clone());
            let changed = *state != news;
            *state = news;
            changed
        });
        Look::Wait(why)
    }

    fn admit(&self, epoch: Epoch) -> Look {
        self.state.send_if_modified(|state| {
            let news = GateState::Open(epoch);
            let changed = *state != news;
            *state = news;
            changed
        });
        Look::Open
    }

    /// Looks at the shard and does what the mode allows.
    pub(crate) async fn look(
        &self,
        link: &Link,
        keys: &Keys,
        scripts: &Scripts,
        config: &EngineConfig,
    ) -> RedisResult<Look> {
        let settings =
            match settings::read(link, config.durability, config.durability_unverified).await {
                Ok(settings) => settings,
                Err(error) if is_not_permitted(&error) => {
                    return Ok(Look::Refused(vec![format!(
                        "Redis does not permit CONFIG GET ({error}), so its durability cannot be \
                         checked. Say --durability-unverified to go on without."
                    )]));
                }
                Err(error) => return Err(error),
            };
        settings.durability.clone_into(
            &mut self
                .durability
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if settings.loading {
            return Ok(self.wait("Redis is loading its data".to_owned()));
        }
        if !settings.master {
            return Ok(self.wait("this Redis is a replica".to_owned()));
        }
        if !settings.problems.is_empty() {
            self.durable.store(false, Ordering::Relaxed);
            self.wait(settings.problems.join("; "));
            return Ok(Look::Refused(settings.problems));
        }
        if settings.rewriting
            && config.durability > Durability::None
            && !self.durable.load(Ordering::Relaxed)
        {
            return Ok(self.wait(
                "Redis is writing its append-only file anew; if that was turned on only now, \
                 nothing is durable until it is written"
                    .to_owned(),
            ));
        }
        self.durable.store(true, Ordering::Relaxed);
        let meta = read_meta(link, keys).await?;
        if !matches!(meta.shards.as_str(), "" | "1") {
            return Ok(Look::Refused(vec![format!(
                "this store has {} shards, only 1 is supported",
                meta.shards
            )]));
        }
        if meta.projection {
            self.seen().projection = true;
        }
        if meta.state == "RECOVERING" {
            return Ok(self.wait("the shard is being restored".to_owned()));
        }
        let alive = meta.state == "OPEN"
            && meta.replid == settings.replid
            && meta.run_id == settings.run_id;
        // Before the journal's end is read: calls under way go on raising it.
        let highest = self.seen().highest();
        let last = last_id(link, keys, "+").await?;
        if alive && let Some(epoch) = meta.epoch.map(Epoch) {
            let behind = highest.is_some_and(|h| {
                h.epoch > epoch || (h.epoch == epoch && last.is_none_or(|last| last < h))
            }) || last.is_some_and(|last| last.epoch > epoch || last.n == u64::MAX);
            if !behind {
                return self.enter(link, keys, scripts, epoch, meta.lineage).await;
            }
        }
        match self.may_bless(&meta, config.projection) {
            Ok(why) => {
                self.bless(link, keys, scripts, config, &meta, &settings, why)
                    .await
            }
            Err(why) => {
                // What a projection has comes back: then it is counted when the shard opens again.
                if meta.epoch.is_none() && !self.awaits_projection(config.projection) {
                    self.report_emptied();
                }
                Ok(self.wait(why))
            }
        }
    }

    /// A store that is gone and that this process may not begin anew: say once how much was lost.
    fn report_emptied(&self) {
        let loss = self.seen().emptied();
        if loss != Loss::default() {
            tracing::error!(
                lost_entries = loss.entries,
                lost_changes = loss.changes,
                "the store was emptied; this process had seen so much of it"
            );
        }
    }

    /// Whether only a projection's worker may open the shard.
    fn awaits_projection(&self, mode: ProjectionMode) -> bool {
        match mode {
            ProjectionMode::None => false,
            ProjectionMode::Required => true,
            ProjectionMode::Auto => self.seen().projection,
        }
    }

    fn may_bless(&self, meta: &Meta, mode: ProjectionMode) -> Result<&'static str, String> {
        let awaits_projection = self.awaits_projection(mode);
        let seen = self.seen();
        let empty = meta.epoch.is_none();
        let why = match (empty, seen.populated) {
            (true, false) => "first start",
            (true, true) => "the store was emptied",
            (false, _) => "another life of Redis, or a rolled back one",
        };
        match mode {
            ProjectionMode::None => Ok(why),
            ProjectionMode::Required => Err(format!(
                "{why}: waiting for sync-worker to compare and open the shard"
            )),
            ProjectionMode::Auto if awaits_projection => Err(format!(
                "{why}: a projection is attached; waiting for sync-worker to open the shard"
            )),
            ProjectionMode::Auto if empty && seen.populated => Err(format!(
                "{why}: this process saw it populated and will not start it anew. Restore it, or \
                 restart the server to begin with an empty one"
            )),
            ProjectionMode::Auto => Ok(why),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of look, split for reading"
    )]
    async fn bless(
        &self,
        link: &Link,
        keys: &Keys,
        scripts: &Scripts,
        config: &EngineConfig,
        meta: &Meta,
        settings: &settings::Settings,
        why: &str,
    ) -> RedisResult<Look> {
        let remembered = self.seen().highest_epoch();
        let mut command = redis::cmd("EVAL");
        command
            .arg(&scripts.bless.text)
            .arg(2)
            .arg(&keys.meta)
            .arg(&keys.journal)
            .arg(config.clock.argument())
            .arg(&meta.epoch_text)
            .arg(&meta.replid)
            .arg(&meta.state)
            .arg(&settings.run_id)
            .arg(&settings.replid)
            .arg(new_lineage())
            .arg(remembered.0)
            .arg(&config.who)
            .arg(why)
            .arg(&["", "", ""]);
        let answer: Vec<Value> = redis::from_redis_value(link.send(&command).await?)?;
        let mut answer = answer.into_iter();
        let code: String = redis::from_redis_value(answer.next().unwrap_or(Value::Nil))?;
        if code != "BLESSED" {
            return Ok(self.wait(format!("blessing: {code}; looking again")));
        }
        let epoch = Epoch(redis::from_redis_value(
            answer.next().unwrap_or(Value::Nil),
        )?);
        let lineage: String = redis::from_redis_value(answer.next().unwrap_or(Value::Nil))?;
        tracing::info!(%epoch, lineage, why, "shard blessed");
        self.enter(link, keys, scripts, epoch, Some(lineage)).await
    }

    /// Takes part in `epoch`: loads the scripts, counts what this process knows to be lost.
    async fn enter(
        &self,
        link: &Link,
        keys: &Keys,
        scripts: &Scripts,
        epoch: Epoch,
        lineage: Option<String>,
    ) -> RedisResult<Look> {
        if self.epoch() == Some(epoch) {
            return Ok(Look::Open);
        }
        for script in scripts.all() {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(&script.text);
            link.send(&load).await?;
        }
        let highest = self.seen().highest();
        let last = match highest {
            Some(highest) if highest.epoch < epoch => {
                last_of_epoch(link, keys, highest.epoch).await?
            }
            _ => None,
        };
        let loss = {
            let mut seen = self.seen();
            seen.populated = true;
            if seen.lineage.is_some() && seen.lineage != lineage {
                tracing::error!(?lineage, before = ?seen.lineage, "another lineage answers");
            }
            seen.lineage = lineage;
            seen.enter(JournalId { epoch, n: 0 }, last)
        };
        if loss != Loss::default() {
            tracing::error!(
                %epoch,
                lost_entries = loss.entries,
                lost_changes = loss.changes,
                "Redis lost acknowledged changes that this process had seen"
            );
        }
        tracing::info!(%epoch, "shard open");
        Ok(self.admit(epoch))
    }
}

fn is_not_permitted(error: &redis::RedisError) -> bool {
    let text = error.to_string();
    error.code() == Some("NOPERM") || text.contains("unknown command")
}

async fn read_meta(link: &Link, keys: &Keys) -> RedisResult<Meta> {
    let mut command = redis::cmd("HMGET");
    command.arg(&keys.meta).arg(&[
        "epoch",
        "replid",
        "runId",
        "state",
        "lineage",
        "projection",
        "shards",
    ]);
    let fields: Vec<Option<String>> = redis::from_redis_value(link.send(&command).await?)?;
    let mut fields = fields.into_iter();
    let mut next = || fields.next().flatten();
    let epoch = next();
    Ok(Meta {
        epoch: epoch.as_deref().and_then(|epoch| epoch.parse().ok()),
        epoch_text: epoch.unwrap_or_default(),
        replid: next().unwrap_or_default(),
        run_id: next().unwrap_or_default(),
        state: next().unwrap_or_default(),
        lineage: next(),
        projection: next().is_some_and(|projection| !projection.is_empty()),
        shards: next().unwrap_or_default(),
    })
}

type Entries = Vec<(String, Vec<(String, Vec<u8>)>)>;

async fn last_id(link: &Link, keys: &Keys, up_to: &str) -> RedisResult<Option<JournalId>> {
    let mut command = redis::cmd("XREVRANGE");
    command
        .arg(&keys.journal)
        .arg(up_to)
        .arg("-")
        .arg("COUNT")
        .arg(1);
    let entries: Entries = redis::from_redis_value(link.send(&command).await?)?;
    Ok(entries.first().and_then(|(id, _)| id.parse().ok()))
}

/// The last entry of an epoch that is over, as the history that followed knows it: the last that the
/// journal kept, or the one that the next blessing names, if a restore put back what came after.
async fn last_of_epoch(link: &Link, keys: &Keys, epoch: Epoch) -> RedisResult<Option<JournalId>> {
    let end = format!("{epoch}-18446744073709551615");
    let kept = last_id(link, keys, &end).await?;
    let mut command = redis::cmd("XRANGE");
    command
        .arg(&keys.journal)
        .arg(end)
        .arg("+")
        .arg("COUNT")
        .arg(1);
    let entries: Entries = redis::from_redis_value(link.send(&command).await?)?;
    let named = entries.first().and_then(|(_, fields)| {
        let (_, value) = fields.iter().find(|(name, _)| name == "!")?;
        let mut parts = std::str::from_utf8(value).ok()?.split('\t');
        parts.nth(2)?.parse().ok()
    });
    let of_epoch = |id: &JournalId| id.epoch == epoch;
    Ok(kept.filter(of_epoch).max(named.filter(of_epoch)))
}

/// 32 hex digits that no other shard has.
pub(crate) fn new_lineage() -> String {
    use std::hash::{BuildHasher, RandomState};
    let draw = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", draw(), draw())
}
