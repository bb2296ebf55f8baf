//! What an acknowledgement is worth when the machine dies.
//!
//! A killed Redis loses nothing: the page cache outlives it. So Redis runs under strace, which says
//! how much of the append-only file was written when the last fdatasync began that also ended; the
//! rest is cut off before Redis starts again, as a loss of power might.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use devstack::process::ServerProcess;
use inventory_core::{
    engine::{Durability, Engine, EngineConfig, ProjectionMode},
    *,
};
use tempfile::TempDir;

use crate::{ledger::entries, support::*};

const CALLERS: usize = 32;
/// Redis flushes each second, and puts that off by another one while the disk is busy.
const EVERYSEC_WINDOW: Duration = Duration::from_secs(2);
/// What a busy machine adds to that: Redis that does not get its turn does not flush either.
const SLACK: Duration = Duration::from_secs(10);
/// Kills until one leaves something to lose: a flush may end between the look and the kill.
const KILLS_MAX: usize = 5;
/// Bytes that must not be on the disk when the machine dies.
const TO_LOSE: u64 = 20_000;

/// A Redis in two lives on one socket: under strace, and after the loss.
struct Machine {
    dir: TempDir,
    appendfsync: &'static str,
}

/// What the trace says about the append-only file.
#[derive(Debug, Default)]
struct Synced {
    written: u64,
    durable: u64,
    /// Replies that were sent while something was written and not yet flushed.
    early_replies: usize,
    replies: usize,
}

impl Machine {
    fn new(appendfsync: &'static str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("inventory-")
            .tempdir()
            .unwrap();
        Self { dir, appendfsync }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.path("redis.sock").display())
    }

    fn arguments(&self) -> Vec<String> {
        let socket = self.path("redis.sock").display().to_string();
        let dir = self.dir.path().display().to_string();
        [
            "--port",
            "0",
            "--unixsocket",
            &socket,
            "--dir",
            &dir,
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            self.appendfsync,
            "--auto-aof-rewrite-percentage",
            "0",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn start_traced(&self) -> ServerProcess {
        let traced = "trace=write,writev,fsync,fdatasync";
        let trace = self.path("trace").display().to_string();
        // -y names files, --seccomp-bpf stops Redis at the traced calls only.
        ServerProcess::builder("strace")
            .args([
                "-f",
                "-qq",
                "-y",
                "-s",
                "0",
                "--seccomp-bpf",
                "-e",
                traced,
                "-o",
                &trace,
            ])
            .arg("redis-server")
            .args(self.arguments())
            .start()
            .expect("these tests need strace: apt-get install strace")
    }

    fn start(&self) -> ServerProcess {
        ServerProcess::builder("redis-server")
            .args(self.arguments())
            .start()
            .unwrap()
    }

    /// The trace so far.
    fn synced(&self) -> Synced {
        let trace = fs::read(self.path("trace")).unwrap_or_default();
        let trace = String::from_utf8_lossy(&trace);
        // The last line may still be in the making.
        let trace = trace.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let mut synced = Synced::default();
        // By thread: the call that has not ended yet, and what was written when it began.
        let mut begun: HashMap<&str, (&str, u64)> = HashMap::new();
        for line in trace.lines() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            if call.contains("<unfinished ...>") {
                begun.insert(thread, (call, synced.written));
                continue;
            }
            let (began, written) = match call.starts_with("<... ") {
                true => begun.remove(thread).unwrap(),
                false => (call, synced.written),
            };
            // A call that the kill cut short has the result "?".
            let result = call.rsplit_once("= ");
            let Some(result) = result.and_then(|(_, r)| r.trim().parse::<u64>().ok()) else {
                continue;
            };
            let is_aof = began.contains(".incr.aof>");
            if is_aof && began.starts_with("write") {
                synced.written += result;
            } else if is_aof && result == 0 {
                synced.durable = synced.durable.max(written);
            } else if began.contains("socket:[") || began.contains("UNIX") {
                synced.replies += 1;
                synced.early_replies += usize::from(synced.written > synced.durable);
            }
        }
        synced
    }

    fn aof(&self) -> PathBuf {
        self.path("appendonlydir/appendonly.aof.1.incr.aof")
    }

    /// Cuts off what was not flushed. Returns how many bytes that were.
    fn lose_power(&self, synced: &Synced) -> u64 {
        let aof = OpenOptions::new().write(true).open(self.aof()).unwrap();
        let length = aof.metadata().unwrap().len();
        assert!(
            length >= synced.written,
            "the trace saw writes that never were"
        );
        aof.set_len(synced.durable).unwrap();
        length - synced.durable
    }
}

fn kill9(pid: &str) {
    let killed = Command::new("kill").args(["-9", pid]).status().unwrap();
    assert!(killed.success());
}

/// A store under load, killed and cut. Gives what was acknowledged, and when, and what is missing.
struct Crash {
    acknowledged: HashMap<String, Instant>,
    missing: Vec<String>,
    killed_at: Instant,
    cut_bytes: u64,
    synced: Synced,
    engine: Engine,
    before: Epoch,
    // In this order: Redis ends before its folder goes.
    _second_life: ServerProcess,
    _machine: Machine,
}

async fn crash(
    appendfsync: &'static str,
    durability: Durability,
    is_time: impl Fn(&Machine, usize) -> bool,
) -> Crash {
    let machine = Machine::new(appendfsync);
    let traced = machine.start_traced();
    let config = EngineConfig {
        durability,
        projection: ProjectionMode::None,
        // On a busy machine too, nothing but the kill cuts a call off.
        call_timeout: Duration::from_secs(15),
        ..EngineConfig::new(&machine.url())
    };
    let engine = connect(config).await;
    let first = count("first", "sku-1", 1_000_000);
    engine.count(S, &first, soon()).await.unwrap().unwrap();
    let before = engine.gate(S).unwrap();
    eventually("the first entries are on the disk", async || {
        let synced = machine.synced();
        synced.written > 0 && synced.durable == synced.written
    })
    .await;
    let pid = redis_pid(&machine.url()).await;

    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (engine, stop) = (engine.clone(), Arc::clone(&stop));
        let acknowledged = Arc::clone(&acknowledged);
        callers.spawn(async move {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                let id = format!("caller-{caller}-{turn}");
                let command = reserve(&id, &[("sku-1", 1)]);
                if let Ok(held) = engine.reserve(S, &command, within(15_000)).await {
                    held.unwrap();
                    acknowledged.lock().unwrap().insert(id, Instant::now());
                }
                turn += 1;
            }
        });
    }
    eventually("it is time to die", async || {
        let so_far = acknowledged.lock().unwrap().len();
        is_time(&machine, so_far)
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let killed_at = Instant::now();
    kill9(&pid);
    traced.wait_for_exit(Duration::from_secs(60)).unwrap();
    let synced = machine.synced();
    let cut_bytes = machine.lose_power(&synced);

    let second_life = machine.start();
    callers.join_all().await;
    in_epoch_after(&engine, before).await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let mut missing = Vec::new();
    for id in acknowledged.keys() {
        let read = engine.reservation(S, &rid(id), soon()).await.unwrap();
        if read.is_none() {
            missing.push(id.clone());
        }
    }
    check_after(&engine, before).await;
    Crash {
        acknowledged,
        missing,
        killed_at,
        cut_bytes,
        synced,
        engine,
        before,
        _second_life: second_life,
        _machine: machine,
    }
}

async fn redis_pid(url: &str) -> String {
    let client = redis::Client::open(url).unwrap();
    let patience = Some(Duration::from_secs(60));
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(patience)
        .set_response_timeout(patience);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connection.await.unwrap();
    let info: String = redis::cmd("INFO")
        .arg("server")
        .query_async(&mut connection)
        .await
        .unwrap();
    let pid = info.lines().find_map(|l| l.strip_prefix("process_id:"));
    pid.unwrap().trim().to_owned()
}

/// The second epoch follows the last entry that is left of the first.
async fn check_after(engine: &Engine, before: Epoch) {
    let all = entries(engine).await;
    let (first, second): (Vec<_>, Vec<_>) = all.iter().partition(|e| e.id.epoch == before);
    let places = first.iter().map(|entry| entry.id.n);
    assert!(places.eq(0..u64::try_from(first.len()).unwrap()));
    let EntryBody::Bless { previous, .. } = &second[0].body else {
        panic!("{:?}", second[0]);
    };
    assert_eq!(*previous, first.last().map(|entry| entry.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_always_nothing_acknowledged_is_lost_with_the_machine() {
    let crash = crash("always", Durability::Always, |_, acked| acked >= 500).await;
    assert!(crash.acknowledged.len() >= 500);
    assert_eq!(crash.missing, Vec::<String>::new());
    // One write answers at most all that wait.
    assert!(crash.synced.replies * CALLERS >= crash.acknowledged.len());
    assert_eq!(crash.synced.early_replies, 0, "a reply before its fsync");
    let status = crash.engine.status(S, soon()).await.unwrap();
    assert_eq!(status.lost_entries, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_everysec_only_the_last_moments_are_lost_and_they_are_counted() {
    // Something must be there to lose.
    let is_time = |machine: &Machine, acked: usize| {
        let synced = machine.synced();
        acked >= 500 && synced.written > synced.durable + TO_LOSE
    };
    let mut kills = 0;
    let crash = loop {
        let crash = crash("everysec", Durability::Everysec, is_time).await;
        kills += 1;
        if crash.cut_bytes >= TO_LOSE {
            break crash;
        }
        assert!(kills < KILLS_MAX, "only {} bytes", crash.cut_bytes);
    };
    assert!(!crash.missing.is_empty());
    for id in &crash.missing {
        let age = crash.killed_at.duration_since(crash.acknowledged[id]);
        assert!(age < EVERYSEC_WINDOW + SLACK, "{id} was lost after {age:?}");
    }
    let status = crash.engine.status(S, soon()).await.unwrap();
    let missing = u64::try_from(crash.missing.len()).unwrap();
    assert_eq!(status.lost_entries, missing);
    assert!(crash.engine.gate(S).unwrap() > crash.before);
    // What was lost can be had again, under the same id.
    let again = reserve(&crash.missing[0], &[("sku-1", 1)]);
    let again = crash.engine.reserve(S, &again, soon()).await.unwrap();
    assert!(!again.unwrap().replayed);
}
