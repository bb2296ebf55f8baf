//! What the sandbox is started with.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use service_kit::{
    config::{self, Auth, NoConfig, Secret},
    telemetry::LogFormat,
    tls::{Tls, TlsFlags},
};

/// Longest time an answer may be held back, in ms.
const HOLD_MS_MAX: u64 = 600_000;

#[derive(Debug, Parser)]
#[command(
    name = "toss-sandbox",
    version,
    about = "Speaks the REST API of Toss Payments on this machine; moves no money"
)]
struct Flags {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8091")]
    listen: String,
    /// The secret key that clients must log in with; without it any key will do.
    #[arg(long)]
    secret_key: Option<String>,
    /// File that keeps the books, so that they outlive a restart.
    #[arg(long)]
    state: Option<PathBuf>,
    #[arg(
        long,
        help = "Where to send PAYMENT_STATUS_CHANGED, such as http://127.0.0.1:8087/api/payments/webhook"
    )]
    webhook_url: Option<String>,
    /// How long answers are held back that are not to arrive, in ms: longer than a client waits.
    #[arg(long, default_value = "10000")]
    hold_ms: String,
    /// How long a slow- payment takes, in ms.
    #[arg(long, default_value = "2000")]
    slow_ms: String,
    /// From the change of a payment to its webhook, in ms.
    #[arg(long, default_value = "500")]
    webhook_delay_ms: String,
    #[command(flatten)]
    tls: TlsFlags,
    /// json or text
    #[arg(long, default_value = "text")]
    log: String,
    /// A level, or a list of TARGET=LEVEL.
    #[arg(long, default_value = "info")]
    log_level: String,
}

/// What the sandbox was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; loopback only.
    pub listen: SocketAddr,
    /// The only key that is let in, if there is one.
    pub secret_key: Option<Secret>,
    /// The file of the books.
    pub state: Option<PathBuf>,
    /// Where webhooks go.
    pub webhook_url: Option<String>,
    /// How long an answer is held back that is not to arrive.
    pub hold: Duration,
    /// How long a slow payment takes.
    pub slow: Duration,
    /// From a change to its webhook.
    pub webhook_delay: Duration,
    /// What listeners serve, and whom outgoing connections trust.
    pub tls: Tls,
    /// How logs are written.
    pub log: LogFormat,
    /// What is logged.
    pub log_level: String,
}

impl Config {
    /// Reads the command line (the first argument is the program's name) and `SANDBOX_*`.
    ///
    /// # Errors
    /// [`NoConfig`].
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, NoConfig> {
        let (flags, mut problems) = config::parse::<Flags>("SANDBOX", args)?;
        let config = Self {
            listen: problems.listen("listen", &flags.listen, Auth::None),
            secret_key: flags.secret_key.map(Secret::from),
            state: flags.state,
            webhook_url: flags
                .webhook_url
                .map(|url| problems.url("webhook-url", &url, &["http://", "https://"])),
            hold: problems.millis("hold-ms", &flags.hold_ms, 1..=HOLD_MS_MAX),
            slow: problems.millis("slow-ms", &flags.slow_ms, 0..=HOLD_MS_MAX),
            webhook_delay: problems.millis(
                "webhook-delay-ms",
                &flags.webhook_delay_ms,
                0..=HOLD_MS_MAX,
            ),
            tls: flags.tls.tls(&mut problems),
            log: problems.log_format("log", &flags.log),
            log_level: problems.log_level("log-level", &flags.log_level),
        };
        problems.finish(config)
    }
}
