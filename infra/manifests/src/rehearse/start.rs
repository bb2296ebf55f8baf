//! Starts the servers of an image as its user, on a file system that cannot be written to, and stops them.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use devstack::{process::ServerProcess, server, wait};

use super::{RehearseError, record::Record, tree::Tree};
use crate::dockerfile::Stage;

/// Nobody listens there: stores that are away.
const DATABASE: &str = "mysql://nobody:nothing@127.0.0.1:1/away";
const REDIS: &str = "redis://127.0.0.1:1";
const AWAY: &str = "127.0.0.1:1";

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(45);
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that answers `/healthz` also without its stores.
struct Server {
    name: &'static str,
    args: &'static [&'static str],
    /// The variable that says where it listens.
    listen: &'static str,
    env: &'static [(&'static str, &'static str)],
    /// What a volume would be mounted at.
    volume: Option<&'static str>,
}

const SERVERS: [Server; 7] = [
    Server {
        name: "sync-worker",
        args: &["run"],
        listen: "SYNC_OPS_LISTEN",
        env: &[
            ("SYNC_REDIS_URL", REDIS),
            ("SYNC_DATABASE_URL", DATABASE),
            ("SYNC_KAFKA_BROKERS", AWAY),
        ],
        volume: None,
    },
    Server {
        name: "auth-service",
        args: &[],
        listen: "AUTH_LISTEN",
        env: &[
            ("AUTH_REDIS_URL", REDIS),
            ("AUTH_DATABASE_URL", DATABASE),
            ("AUTH_KAFKA_BROKERS", AWAY),
            ("AUTH_KEYS_DIR", "/var/lib/auth/keys"),
        ],
        volume: Some("/var/lib/auth"),
    },
    Server {
        name: "user-service",
        args: &[],
        listen: "USER_LISTEN",
        env: &[
            ("USER_DATABASE_URL", DATABASE),
            ("USER_KAFKA_BROKERS", AWAY),
        ],
        volume: None,
    },
    Server {
        name: "catalog-service",
        args: &[],
        listen: "CATALOG_LISTEN",
        env: &[
            ("CATALOG_DATABASE_URL", DATABASE),
            ("CATALOG_KAFKA_BROKERS", AWAY),
        ],
        volume: None,
    },
    Server {
        name: "order-service",
        args: &[],
        listen: "ORDER_LISTEN",
        env: &[
            ("ORDER_DATABASE_URL", DATABASE),
            ("ORDER_KAFKA_BROKERS", AWAY),
            ("ORDER_CLIENT_SECRET", "of-a-rehearsal-only"),
        ],
        volume: None,
    },
    Server {
        name: "payment-service",
        args: &[],
        listen: "PAYMENT_LISTEN",
        env: &[
            ("PAYMENT_DATABASE_URL", DATABASE),
            ("PAYMENT_KAFKA_BROKERS", AWAY),
            ("PAYMENT_CLIENT_SECRET", "of-a-rehearsal-only"),
            ("PAYMENT_TOSS_URL", "http://127.0.0.1:1"),
            ("PAYMENT_TOSS_SECRET_KEY", "of-a-rehearsal-only"),
        ],
        volume: None,
    },
    Server {
        name: "toss-sandbox",
        args: &["--state", "/var/lib/sandbox/books.json"],
        listen: "SANDBOX_LISTEN",
        env: &[
            ("SANDBOX_SECRET_KEY", "of-a-rehearsal-only"),
            ("SANDBOX_WEBHOOK_URL", "http://127.0.0.1:1/"),
        ],
        volume: Some("/var/lib/sandbox"),
    },
];

pub(super) fn all(stage: &Stage, tree: &Tree, record: &mut Record) -> Result<(), RehearseError> {
    let user = stage.user().ok_or_else(|| RehearseError::Program {
        program: "the image".to_owned(),
        reason: "runs as root: it has no USER".to_owned(),
    })?;
    for server in &SERVERS {
        if has(tree, server.name) {
            one(server, user, tree, record)?;
        }
    }
    if has(tree, "inventory-server") {
        engine(user, tree, record)?;
    }
    Ok(())
}

fn has(tree: &Tree, program: &str) -> bool {
    tree.inside(Path::new("/usr/local/bin").join(program).as_path())
        .is_file()
}

/// inventory-server wants a Redis before it listens: one of this machine, for as long as it runs.
fn engine(user: &str, tree: &Tree, record: &mut Record) -> Result<(), RehearseError> {
    let folder = tempfile::tempdir().map_err(|error| RehearseError::Program {
        program: "redis-server".to_owned(),
        reason: error.to_string(),
    })?;
    let (port, redis_port) = (server::free_port()?, server::free_port()?);
    let redis = ServerProcess::builder("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args([
            "--appendfsync",
            "everysec",
            "--port",
            &redis_port.to_string(),
        ])
        .dir(folder.path())
        .start()?;
    redis.wait_for_line(
        |line| line.contains("Ready to accept connections"),
        READY_TIMEOUT,
    )?;
    let listen = format!("127.0.0.1:{port}");
    let url = format!("redis://127.0.0.1:{redis_port}");
    let env = [
        ("INVENTORY_LISTEN", listen.as_str()),
        ("INVENTORY_REDIS_URL", url.as_str()),
    ];
    let script = script(tree, user, "inventory-server", &[], &env, None);
    observe("inventory-server", port, &script, tree, record)
}

fn one(server: &Server, user: &str, tree: &Tree, record: &mut Record) -> Result<(), RehearseError> {
    let port = server::free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let mut env = vec![(server.listen, listen.as_str())];
    env.extend(server.env);
    let script = script(tree, user, server.name, server.args, &env, server.volume);
    observe(server.name, port, &script, tree, record)
}

/// One process from here to the program, so that it is the one that gets the signal.
fn script(
    tree: &Tree,
    user: &str,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
    volume: Option<&str>,
) -> String {
    let root = tree.path().display();
    let mut script = format!("set -e; mount --bind '{root}' '{root}'\n");
    if let Some(volume) = volume {
        let (uid, gid) = user.split_once(':').unwrap_or((user, user));
        script +=
            &format!("mount -t tmpfs -o mode=0700,uid={uid},gid={gid} tmpfs '{root}{volume}'\n");
    }
    script += &format!("mount --bind /dev '{root}/dev'; mount -t proc proc '{root}/proc'\n");
    script += &format!("mount -o remount,bind,ro '{root}'\n");
    let env: String = env
        .iter()
        .map(|(name, value)| format!(" {name}='{value}'"))
        .collect();
    let args = args.join(" ");
    script
        + &format!(
            "exec chroot --userspec={user} --groups= '{root}' /usr/bin/env -i PATH=/usr/bin{env} \
             /usr/local/bin/{program} {args}"
        )
}

fn observe(
    name: &str,
    port: u16,
    script: &str,
    tree: &Tree,
    record: &mut Record,
) -> Result<(), RehearseError> {
    let fails = |reason: String| RehearseError::Program {
        program: name.to_owned(),
        reason,
    };
    let started = Instant::now();
    let server = ServerProcess::builder("unshare")
        .args(["--mount", "sh", "-c", script])
        .start()?;
    let healthy = format!("/usr/local/bin/healthy {port} /healthz");
    let answers = || {
        let mut ask = Command::new("chroot");
        ask.arg(tree.path()).args(["sh", "-c", &healthy]);
        let asked = devstack::command::finish(&mut ask, ASK_TIMEOUT);
        asked.is_ok_and(|asked| asked.status.success())
    };
    wait::until(READY_TIMEOUT, "it answers /healthz", || {
        !server.is_running() || answers()
    })
    .map_err(|error| fails(format!("{error}\n{}", server.log())))?;
    let ready = started.elapsed();
    if !server.is_running() {
        return Err(fails(format!("it ended\n{}", server.log())));
    }
    let stopping = Instant::now();
    let pid = server.pid().unwrap_or_default().to_string();
    super::tree::finished(
        Command::new("kill").args(["-TERM", &pid]),
        "kill",
        ASK_TIMEOUT,
    )?;
    let status = server.wait_for_exit(DRAIN_TIMEOUT)?;
    if !status.success() {
        return Err(fails(format!(
            "ends with {status} after SIGTERM\n{}",
            server.log()
        )));
    }
    record.program(name, ready, stopping.elapsed());
    Ok(())
}
