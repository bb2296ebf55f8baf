//! One script call: admitted, sent, settled if it was cut off, and its answer opened.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bb8_redis::bb8::Pool;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, Value};
use tokio::sync::watch;

use super::{
    ConnectError,
    address::Address,
    config::EngineConfig,
    gate::{Gate, GateState, Look},
    keys::Keys,
    lane::Lane,
    link::{Identity, Link, LinkManager},
    scripts::{Loaded, Scripts},
    seen::Seen,
};
use crate::domain::{Epoch, Fault, JournalId};

/// The pool's own timeout. Calls wait for a connection until their deadline, which is sooner.
const POOL_TIMEOUT: Duration = Duration::from_secs(60);

/// Between two tries to reach Redis.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// How long a call waits for the gate to load scripts that Redis has forgotten.
const RELOAD_PATIENCE: Duration = Duration::from_millis(100);

/// Everything that one shard needs.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    pub(crate) gate: Gate,
    pub(crate) config: EngineConfig,
    lane: Lane,
    /// The connection that waits for journal entries, while nobody waits on it.
    reader: Mutex<Option<Link>>,
    address: Address,
    pool: Pool<LinkManager>,
    cuts: Arc<AtomicU64>,
    failures: watch::Sender<String>,
}

/// Which connection a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The hot path's shared one.
    Lane,
    /// One of the pool.
    Pool,
}

/// A script's answer: its code and what follows it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) epoch: Epoch,
    values: std::vec::IntoIter<Value>,
}

impl Answer {
    /// Splits the code from what follows it.
    pub(crate) fn open(value: Value, epoch: Epoch) -> Result<Self, Fault> {
        let Value::Array(values) = value else {
            return Err(protocol("an answer is no array"));
        };
        let mut values = values.into_iter();
        let code = match values.next() {
            Some(Value::BulkString(code)) => String::from_utf8(code).unwrap_or_default(),
            Some(Value::SimpleString(code)) => code,
            _ => return Err(protocol("an answer has no code")),
        };
        Ok(Self {
            code,
            epoch,
            values,
        })
    }

    pub(crate) fn next<T: redis::FromRedisValue>(&mut self) -> Result<T, Fault> {
        let value = self
            .values
            .next()
            .ok_or_else(|| protocol("an answer is too short"))?;
        redis::from_redis_value(value).map_err(|error| protocol(&error.to_string()))
    }

    pub(crate) fn next_value(&mut self) -> Option<Value> {
        self.values.next()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.values.len() == 0
    }
}

pub(crate) fn protocol(what: &str) -> Fault {
    Fault::Protocol(what.to_owned())
}

/// What a plain command lost on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Its connection: dead already, or it died meanwhile.
    Connection,
    Nothing,
}

/// How a call that did not answer came back.
enum Failure {
    /// It may or may not have executed.
    CutOff(String),
    /// It did not execute; perhaps later.
    NotExecuted(String),
    /// It did not execute: this Redis does not know the script.
    NoScript,
    /// It did not execute: a key that it names is of another type.
    WrongType,
    /// It did not execute: the journal has an entry of a later epoch.
    Passed,
    /// A bug.
    Broken(String),
}

fn classify(error: &RedisError) -> Failure {
    let text = error.to_string();
    if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() {
        return Failure::CutOff(text);
    }
    if error.kind() == ErrorKind::Parse {
        return Failure::CutOff(text);
    }
    match error.code().unwrap_or_default() {
        "NOSCRIPT" => Failure::NoScript,
        "LOADING" | "BUSY" | "OOM" | "MISCONF" | "READONLY" | "MASTERDOWN" | "NOREPLICAS"
        | "NOAUTH" | "NOPERM" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "UNBLOCKED" => {
            Failure::NotExecuted(text)
        }
        // Inside a script the code is a part of the text. The first two are of a cluster: `admit`
        // meets them before anything is written.
        _ if text.contains("non local key in a cluster node")
            || text.contains("while the cluster is down") =>
        {
            Failure::NotExecuted(text)
        }
        _ if text.contains("WRONGTYPE") => Failure::WrongType,
        _ if text.contains("equal or smaller than the target stream top item")
            || text.contains("stream has exhausted the last possible ID") =>
        {
            Failure::Passed
        }
        _ => Failure::Broken(text),
    }
}

/// The end of a call that may have executed once (and why that is not known), or never did.
fn end(unknown: &Option<String>, why: &str) -> Fault {
    match unknown {
        Some(why) => Fault::OutcomeUnknown(why.clone()),
        None => Fault::Unavailable(why.to_owned()),
    }
}

enum Held<'a> {
    Shared(Arc<Link>),
    Pooled(bb8_redis::bb8::PooledConnection<'a, LinkManager>),
}

impl std::ops::Deref for Held<'_> {
    type Target = Link;

    fn deref(&self) -> &Link {
        match self {
            Self::Shared(link) => link,
            Self::Pooled(pooled) => &pooled.link,
        }
    }
}

impl Shard {
    pub(crate) fn new(keys: Keys, config: EngineConfig) -> Result<Self, ConnectError> {
        let address = Address::parse(&config.redis_url, config.tls.clone())?;
        let cuts = Arc::new(AtomicU64::new(0));
        let failures = watch::Sender::default();
        let manager = LinkManager::new(address.clone(), Arc::clone(&cuts), failures.clone());
        let pool = Pool::builder()
            .max_size(config.pool_size)
            .test_on_check_out(true)
            .retry_connection(false)
            .connection_timeout(POOL_TIMEOUT)
            .build_unchecked(manager);
        Ok(Self {
            keys,
            scripts: Scripts::assemble(),
            gate: Gate::new(),
            lane: Lane::new(address.clone()),
            reader: Mutex::default(),
            address,
            config,
            pool,
            cuts,
            failures,
        })
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Option<Link>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn open_reader(&self) -> RedisResult<Link> {
        Link::open(&self.address).await
    }

    /// Sends a script that only reads past the gate, as text: there is nothing to slip through.
    pub(crate) async fn ask(
        &self,
        script: &Loaded,
        build: impl FnOnce(&mut Cmd),
    ) -> Result<Answer, Fault> {
        let mut command = redis::cmd("EVAL");
        command.arg(&script.text);
        build(&mut command);
        Answer::open(self.query(&command).await?, Epoch::default())
    }

    /// Sends a script past the gate, once: it compares by itself what it must find.
    pub(crate) async fn tell(
        &self,
        script: &Loaded,
        build: impl FnOnce(&mut Cmd),
    ) -> Result<Answer, Fault> {
        let mut command = redis::cmd("EVAL");
        command.arg(&script.text);
        build(&mut command);
        Answer::open(self.send_once(&command).await?, Epoch::default())
    }

    /// A call over the link was cut off: it is not used again, and the pool tries the others.
    fn cut(&self, link: &Link) {
        link.mark_broken();
        self.cuts.fetch_add(1, Ordering::Relaxed);
    }

    /// A look at the gate, over the shared connection.
    pub(crate) async fn look(&self) -> RedisResult<Look> {
        let link = self.lane.link().await?;
        let look = self
            .gate
            .look(&link, &self.keys, &self.scripts, &self.config);
        match tokio::time::timeout(self.config.call_timeout, look).await {
            Ok(Ok(look)) => Ok(look),
            Ok(Err(error)) => {
                if matches!(classify(&error), Failure::CutOff(_)) {
                    self.cut(&link);
                }
                Err(error)
            }
            Err(_) => {
                self.cut(&link);
                Err(RedisError::from(std::io::Error::from(
                    std::io::ErrorKind::TimedOut,
                )))
            }
        }
    }

    async fn link(&self, route: Route, deadline: Instant) -> Result<Held<'_>, String> {
        let link = async {
            match route {
                Route::Lane => {
                    let link = self.lane.link().await;
                    link.map(Held::Shared).map_err(|error| error.to_string())
                }
                Route::Pool => {
                    let mut failures = self.failures.subscribe();
                    tokio::select! {
                        biased;
                        link = self.pool.get() => {
                            link.map(Held::Pooled).map_err(|error| error.to_string())
                        }
                        _ = failures.changed() => Err(failures.borrow().clone()),
                    }
                }
            }
        };
        match tokio::time::timeout_at(deadline.into(), link).await {
            Ok(link) => link,
            Err(_) => Err("no connection in time".to_owned()),
        }
    }

    /// How long one try of a call may take that must be done by `deadline`.
    fn patience(&self, deadline: Instant) -> Duration {
        let left = deadline.saturating_duration_since(Instant::now());
        self.config.call_timeout.min(left)
    }

    /// Sends a plain command that only reads, for figures that decide nothing. Repeated once where
    /// the connection turns out to be dead, as after a restart of Redis.
    pub(crate) async fn query(&self, command: &Cmd) -> Result<Value, Fault> {
        match self.send(command).await {
            Err((_, Lost::Connection)) => self.send(command).await,
            answer => answer,
        }
        .map_err(|(fault, _)| fault)
    }

    /// Sends a command once.
    pub(crate) async fn send_once(&self, command: &Cmd) -> Result<Value, Fault> {
        self.send(command).await.map_err(|(fault, _)| fault)
    }

    async fn send(&self, command: &Cmd) -> Result<Value, (Fault, Lost)> {
        let deadline = Instant::now()
            .checked_add(self.config.call_timeout)
            .unwrap_or_else(Instant::now);
        let link = self.link(Route::Pool, deadline).await;
        let link = link.map_err(|why| (Fault::Unavailable(why), Lost::Nothing))?;
        let answer = tokio::time::timeout(self.config.call_timeout, link.send(command)).await;
        let (why, lost) = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => match classify(&error) {
                Failure::CutOff(why) => {
                    self.cut(&link);
                    (why, Lost::Connection)
                }
                Failure::NotExecuted(_)
                | Failure::NoScript
                | Failure::WrongType
                | Failure::Passed
                | Failure::Broken(_) => (error.to_string(), Lost::Nothing),
            },
            Err(_) => {
                self.cut(&link);
                ("no answer in time".to_owned(), Lost::Nothing)
            }
        };
        Err((Fault::Unavailable(why), lost))
    }

    /// Calls a script that is idempotent. `build` adds numkeys, KEYS and ARGV for the epoch that
    /// the call is admitted under.
    ///
    /// A call that was cut off is settled (the old connection is killed on the server) and
    /// repeated, until the deadline.
    pub(crate) async fn call(
        &self,
        route: Route,
        script: &Loaded,
        deadline: Instant,
        build: impl Fn(&mut Cmd, Epoch),
    ) -> Result<Answer, Fault> {
        let mut cut_off: Option<Identity> = None;
        let mut unknown: Option<String> = None;
        loop {
            let epoch = match (self.gate.state(), &unknown) {
                (GateState::Open(epoch), _) => epoch,
                (GateState::Fenced(why), None) => return Err(Fault::Fenced(why)),
                (GateState::Fenced(_), Some(why)) => self.opened(deadline, why).await?,
            };
            let link = match self.link(route, deadline).await {
                Ok(link) => link,
                Err(why) => {
                    self.pause(deadline, &unknown, &why).await?;
                    continue;
                }
            };
            if let Some(identity) = &cut_off {
                let settle = link.settle(identity);
                if !matches!(
                    tokio::time::timeout(self.patience(deadline), settle).await,
                    Ok(Ok(()))
                ) {
                    self.cut(&link);
                    self.pause(deadline, &unknown, "it cannot be settled")
                        .await?;
                    continue;
                }
                cut_off = None;
            }
            let mut command = redis::cmd("EVALSHA");
            command.arg(&script.hash);
            build(&mut command, epoch);
            let highest = self.gate.seen().highest();
            let patience = self.patience(deadline);
            if patience.is_zero() {
                return Err(end(&unknown, "no time is left"));
            }
            let failure = match tokio::time::timeout(patience, link.send(&command)).await {
                Ok(Ok(value)) => match self.open_answer(value, epoch, highest) {
                    // The life of Redis that follows knows what became of the call: ask again there.
                    Err(Fault::Fenced(_)) if unknown.is_some() => continue,
                    answer => return answer,
                },
                Ok(Err(error)) => classify(&error),
                Err(_) => Failure::CutOff("no answer in time".to_owned()),
            };
            match failure {
                Failure::CutOff(why) => {
                    tracing::warn!(script = script.name, why, "call cut off; settling it");
                    self.cut(&link);
                    cut_off = Some(link.identity().clone());
                    unknown = Some(why.clone());
                    drop(link);
                    self.pause(deadline, &unknown, &why).await?;
                }
                Failure::NotExecuted(why) if unknown.is_some() => {
                    self.pause(deadline, &unknown, &why).await?;
                }
                Failure::NotExecuted(why) => return Err(Fault::Unavailable(why)),
                Failure::NoScript => {
                    self.gate
                        .fence(epoch, "Redis does not know the scripts: it was restarted");
                    drop(link);
                    // Forgotten scripts alone (SCRIPT FLUSH) are mended within a moment.
                    let soon = Instant::now()
                        .checked_add(RELOAD_PATIENCE)
                        .unwrap_or(deadline);
                    let wait_until = if unknown.is_some() {
                        deadline
                    } else {
                        soon.min(deadline)
                    };
                    let why = unknown.clone().unwrap_or_default();
                    let opened = self.opened(wait_until, &why).await;
                    opened.map_err(|fault| {
                        if unknown.is_some() {
                            fault
                        } else {
                            self.fenced()
                        }
                    })?;
                }
                Failure::Passed => {
                    let why = "the journal has an entry that this epoch cannot follow";
                    self.gate.fence(epoch, why);
                    return Err(self.fenced());
                }
                Failure::WrongType => {
                    return Err(Fault::Corrupt {
                        key: "an index of the shard".to_owned(),
                    });
                }
                Failure::Broken(why) => {
                    tracing::error!(script = script.name, why, "script failed");
                    return Err(Fault::Protocol(why));
                }
            }
        }
    }

    /// Calls a script that only reads and that also answers from a fenced shard.
    pub(crate) async fn read(
        &self,
        route: Route,
        script: &Loaded,
        deadline: Instant,
        build: impl Fn(&mut Cmd, Option<Epoch>),
    ) -> Result<Answer, Fault> {
        let epoch = self.gate.epoch();
        let (mut by_text, mut again) = (false, true);
        loop {
            let link = self.link(route, deadline).await;
            let link = link.map_err(Fault::Unavailable)?;
            // A script without writes may be sent as text: there is nothing to slip through.
            let mut command = redis::cmd(if by_text { "EVAL" } else { "EVALSHA" });
            command.arg(if by_text { &script.text } else { &script.hash });
            build(&mut command, epoch);
            let patience = self.patience(deadline);
            let error = match tokio::time::timeout(patience, link.send(&command)).await {
                Ok(Ok(value)) => {
                    return self.open_answer(value, epoch.unwrap_or_default(), None);
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.cut(&link);
                    return Err(Fault::Unavailable("no answer in time".to_owned()));
                }
            };
            match classify(&error) {
                Failure::NoScript if !by_text => by_text = true,
                Failure::CutOff(why) => {
                    self.cut(&link);
                    if !again {
                        return Err(Fault::Unavailable(why));
                    }
                    again = false;
                }
                Failure::NotExecuted(why) => return Err(Fault::Unavailable(why)),
                Failure::WrongType => {
                    return Err(Fault::Corrupt {
                        key: "an index of the shard".to_owned(),
                    });
                }
                Failure::NoScript | Failure::Passed | Failure::Broken(_) => {
                    return Err(Fault::Protocol(error.to_string()));
                }
            }
        }
    }

    /// Notes what an answer acknowledged: journal place `n` (none if negative), so many changes.
    pub(crate) fn acknowledged(&self, epoch: Epoch, n: i64, changes: u32) {
        if let Ok(n) = u64::try_from(n) {
            self.gate
                .seen()
                .acknowledge(JournalId { epoch, n }, changes);
        }
    }

    pub(crate) fn fenced(&self) -> Fault {
        match self.gate.state() {
            GateState::Fenced(why) => Fault::Fenced(why),
            GateState::Open(_) => Fault::Fenced("the shard was just opened again".to_owned()),
        }
    }

    fn open_answer(
        &self,
        value: Value,
        epoch: Epoch,
        highest: Option<JournalId>,
    ) -> Result<Answer, Fault> {
        let answer = Answer::open(value, epoch)?;
        if answer.code == "FENCED" {
            self.gate
                .fence(epoch, "another life of Redis answers, or another epoch");
            return Err(self.fenced());
        }
        if let Some(Value::Int(n)) = answer.values.as_slice().first()
            && let Ok(n) = u64::try_from(*n)
        {
            let id = JournalId { epoch, n };
            if !Seen::plausible(id, highest) {
                self.gate.seen().repeat(id);
                self.gate
                    .fence(epoch, "the journal went back: entries are lost");
                return Err(self.fenced());
            }
        }
        Ok(answer)
    }

    /// Waits until the gate opens again.
    async fn opened(&self, deadline: Instant, why: &str) -> Result<Epoch, Fault> {
        let mut states = self.gate.subscribe();
        let opened = states.wait_for(|state| matches!(state, GateState::Open(_)));
        match tokio::time::timeout_at(deadline.into(), opened).await {
            Ok(Ok(state)) => match &*state {
                GateState::Open(epoch) => Ok(*epoch),
                GateState::Fenced(_) => Err(Fault::OutcomeUnknown(why.to_owned())),
            },
            Ok(Err(_)) | Err(_) => Err(Fault::OutcomeUnknown(why.to_owned())),
        }
    }

    /// Before the next try; or the end, when the deadline would pass.
    async fn pause(
        &self,
        deadline: Instant,
        unknown: &Option<String>,
        why: &str,
    ) -> Result<(), Fault> {
        // A call that never went out has nothing to settle: say so at once.
        if unknown.is_none() {
            return Err(end(unknown, why));
        }
        let next = Instant::now()
            .checked_add(RETRY_PAUSE)
            .filter(|next| *next < deadline);
        let Some(next) = next else {
            return Err(end(unknown, why));
        };
        tokio::time::sleep_until(next.into()).await;
        Ok(())
    }
}
