//! How long Redis takes to come back from MariaDB alone, and what others notice of it.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use compare::target::one_line;
use devstack::mariadb::MariaDbServer;
use inventory_core::{
    Context, Count, LimitChange, Location, OperationId, ShardId, Sku, StockKey, engine::Engine,
};

use projection::stack::{Child, Stack, binary};

/// Calls in flight while the store is filled.
const WRITERS: u32 = 64;
/// Holds in one call while the store is filled.
const HOLDS_PER_CALL: usize = 32;
const ON_HAND: u64 = 100;
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// What a rebuild took.
#[derive(Debug, Clone)]
pub(crate) struct Rebuilt {
    /// Stocks, and as many open holds.
    pub(crate) things: u32,
    /// From the start of the worker, with Redis empty, until the shard is open.
    pub(crate) seconds: f64,
    /// The largest resident memory of the worker, MiB.
    pub(crate) worker_mib: f64,
    /// What another client of Redis waits for an answer meanwhile: median, 99th percentile, longest.
    pub(crate) call_ms: [f64; 3],
    /// How often the worker said how far it was.
    pub(crate) progress: usize,
    /// Seconds that `reconcile check` took afterwards, to find no difference.
    pub(crate) check_seconds: f64,
}

/// Fills a store, loses Redis, and has it rebuilt.
///
/// # Errors
/// What did not start or answer, or a difference between the two sides afterwards.
pub(crate) async fn measure(mariadb: &MariaDbServer, things: u32) -> Result<Rebuilt, String> {
    let stack = Stack::start(mariadb, 1).await?;
    fill(&stack.engine, things).await?;
    let worker = stack.worker()?;
    stack.caught_up().await?;
    stop(&worker)?;
    projection::say(&format!("{things} stocks and as many holds are in MariaDB"));

    stack
        .redis
        .command(&["FLUSHALL"])
        .map_err(|error| error.to_string())?;
    let began = Instant::now();
    let worker = stack.worker()?;
    let over = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask(stack.engine.clone(), Arc::clone(&over)));
    let mut worker_mib = 0.0_f64;
    let mut said = Vec::new();
    while worker.metric("sync_worker_rebuilds_total")? < 1.0 {
        worker_mib = worker_mib.max(resident_mib(&worker)?);
        said.extend(worker.restoring());
        tokio::time::sleep(LOOK).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let call_ms = asking.await.map_err(|error| error.to_string())??;
    said.dedup();
    stack.caught_up().await?;
    let check_seconds = check(&stack)?;
    stop(&worker)?;
    let rebuilt = Rebuilt {
        things,
        seconds,
        worker_mib,
        call_ms,
        progress: said.len(),
        check_seconds,
    };
    projection::say(&format!("{rebuilt:?}"));
    Ok(rebuilt)
}

fn stop(worker: &Child) -> Result<(), String> {
    let ended = worker.process.terminate();
    ended.map(drop).map_err(|error| error.to_string())
}

async fn fill(engine: &Engine, things: u32) -> Result<(), String> {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let numbers: Vec<u32> = (writer..things)
                    .step_by(usize::try_from(WRITERS).unwrap_or(1))
                    .collect();
                for number in &numbers {
                    count(&engine, *number).await?;
                }
                for numbers in numbers.chunks(HOLDS_PER_CALL) {
                    hold(&engine, numbers).await?;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn count(engine: &Engine, number: u32) -> Result<(), String> {
    let count = Count {
        operation: OperationId::parse(&format!("fill-{number}"))
            .map_err(|error| error.to_string())?,
        key: StockKey {
            location: Location::default(),
            sku: Sku::parse(&format!("many-{number}")).map_err(|error| error.to_string())?,
        },
        on_hand: ON_HAND,
        expected_version: None,
        limit: LimitChange::Keep,
        reason: None,
        context: Context::default(),
    };
    let outcome = engine.count(ShardId::ZERO, &count, deadline()).await;
    outcome
        .map_err(|fault| fault.to_string())?
        .map(drop)
        .map_err(|refusal| format!("{refusal:?}"))
}

async fn hold(engine: &Engine, numbers: &[u32]) -> Result<(), String> {
    let commands = numbers
        .iter()
        .map(|number| one_line(&format!("hold-{number}"), &format!("many-{number}")))
        .collect::<Result<Vec<_>, _>>()?;
    let answers = engine.reserve_batch(ShardId::ZERO, &commands, deadline());
    for held in answers.await {
        held.map_err(|fault| fault.to_string())?
            .map_err(|refusal| format!("{refusal:?}"))?;
    }
    Ok(())
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// One call after the other, until it is over; how long they took.
async fn ask(engine: Engine, over: Arc<AtomicBool>) -> Result<[f64; 3], String> {
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let survey = engine.survey(ShardId::ZERO).await;
        survey.map_err(|fault| fault.to_string())?;
        took.push(asked.elapsed().as_secs_f64() * 1_000.0);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    took.sort_by(f64::total_cmp);
    let at = |hundredth: usize| {
        let place = took.len().saturating_sub(1).saturating_mul(hundredth) / 100;
        took.get(place).copied().unwrap_or_default()
    };
    Ok([at(50), at(99), at(100)])
}

fn resident_mib(worker: &Child) -> Result<f64, String> {
    let pid = worker.process.pid().ok_or("the worker has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.map(|kib| kib / 1_024.0)
        .ok_or_else(|| format!("no VmRSS of {pid}"))
}

fn check(stack: &Stack) -> Result<f64, String> {
    let began = Instant::now();
    let output = Command::new(binary("release", "reconcile")?)
        .args(["--redis-url", &stack.redis.url()])
        .args(["--database-url", stack.database_url()])
        .arg("check")
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(began.elapsed().as_secs_f64()),
        false => Err(format!(
            "reconcile check: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
