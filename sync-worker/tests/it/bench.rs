//! A shop and a worker, and `reconcile` as people run it: a process of its own beside them.

use std::process::Stdio;

use inventory_core::engine::{ProjectionMode, ShardClock};
use serde_json::Value;

use crate::{
    site::{Working, shop, work},
    support::*,
};

/// A shop on the clock of its Redis, which is the one that the CLI goes by, and a worker.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) working: Working,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output, as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Kind, id and what of every difference.
    #[track_caller]
    pub(crate) fn drift(&self) -> Vec<(String, String, String)> {
        let json = self.json();
        let text = |drift: &Value, name: &str| drift[name].as_str().unwrap().to_owned();
        let drift = json["drift"].as_array().unwrap().iter();
        drift
            .map(|d| (text(d, "kind"), text(d, "id"), text(d, "what")))
            .collect()
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The audit's lines in the log.
    fn audit(&self) -> Vec<&str> {
        let lines = self.err.lines();
        lines.filter(|line| line.contains("INFO audit:")).collect()
    }

    /// The audit has one line: who ran this command, and what came of it.
    #[track_caller]
    pub(crate) fn audited(self, command: &str, outcome: &str) -> Self {
        let [line] = self.audit()[..] else {
            panic!("not one line of the audit: {self:?}");
        };
        for part in [
            r#" who="reconcile:tester" action="reconcile" "#,
            &format!(r#" on="{command}" outcome="{outcome}""#),
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn unaudited(self) -> Self {
        assert_eq!(self.audit(), [""; 0], "{self:?}");
        self
    }
}

pub(crate) async fn bench() -> Bench {
    let mut world = shop().await;
    world.clock = ShardClock::Redis;
    world.engine = engine_on(&world.redis, ProjectionMode::Required, ShardClock::Redis).await;
    let working = work(&world).await;
    world.opened().await;
    working.follows().await;
    Bench { world, working }
}

/// Runs `reconcile` on a shop.
pub(crate) async fn reconcile(world: &World, args: &[&str]) -> Ran {
    reconcile_on(&world.redis.url(), &world.url, args).await
}

pub(crate) async fn reconcile_on(redis: &str, mariadb: &str, args: &[&str]) -> Ran {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(args)
        .env("SYNC_REDIS_URL", redis)
        .env("SYNC_DATABASE_URL", mariadb)
        .env("USER", "tester")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), output)
        .await
        .expect("reconcile ends")
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Bench {
    /// Three stocks, an open hold, a confirmed one and a released one; all projected.
    pub(crate) async fn stocked() -> Self {
        let bench = bench().await;
        let world = &bench.world;
        for (operation, stock, on_hand) in [
            ("op-a", "a", 100),
            ("op-b", "b", 50),
            ("op-c", "seoul|c", 10),
        ] {
            world.put(operation, stock, on_hand).await;
        }
        world.reserve("open", &[("a", 3), ("seoul|c", 1)]).await;
        world.reserve("sold", &[("a", 2)]).await;
        world.reserve("back", &[("b", 5)]).await;
        let engine = &world.engine;
        engine
            .confirm(S, &confirm("sold"), soon())
            .await
            .unwrap()
            .unwrap();
        engine
            .release(S, &release("back"), soon())
            .await
            .unwrap()
            .unwrap();
        world.at_rest().await;
        bench
    }

    /// Runs `reconcile --json`.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        reconcile(&self.world, &[&["--json"], args].concat()).await
    }

    #[track_caller]
    pub(crate) fn redis(&self, args: &[&str]) {
        let reply = self.world.raw(args);
        assert!(
            !matches!(reply, devstack::redis::Reply::Error(_)),
            "{reply:?}"
        );
    }

    /// A figure of a stock in Redis.
    pub(crate) fn figure(&self, stock: &str, name: &str) -> i64 {
        let fields = self.world.hash(&format!("stock:{stock}"));
        let field = fields.iter().find(|(field, _)| field == name);
        field.unwrap().1.parse().unwrap()
    }

    /// Clean, and all invariants hold.
    pub(crate) async fn is_clean(&self) {
        self.run(&["check"]).await.ends(0).unaudited();
        let ran = self.run(&["verify-invariants"]).await.ends(0);
        ran.unaudited();
    }
}
