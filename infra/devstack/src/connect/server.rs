//! The worker and what a test does with it.

use std::{path::Path, time::Duration};

use super::{Builder, Installed, Rest};
use crate::{
    Result,
    own_dir::OwnDir,
    server::{self, Kind, Lives, Server},
};

/// How long a start may take until connectors are taken.
pub const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a stop may take: its connectors finish what they sent.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A running worker of Kafka Connect with Debezium's connector for MariaDB, on a loopback port. It remembers
/// its connectors and how far they are on its Kafka.
///
/// Started again, its connectors go on by themselves; after a kill they do so when the session of its former
/// life has ended, some 6 s later.
///
/// ```no_run
/// use std::time::Duration;
/// use devstack::{
///     connect::{self, ConnectServer, OutboxConnector, Stores},
///     kafka::KafkaServer,
///     mariadb::MariaDbServer,
/// };
///
/// let kafka = KafkaServer::builder().start()?;
/// let mariadb = MariaDbServer::builder().row_binlog().start()?;
/// mariadb.sql(&connect::account_sql("secret", &[("shop", "order")]))?;
/// let stores = Stores {
///     database_host: "127.0.0.1",
///     database_port: mariadb.port(),
///     user: connect::USER,
///     password: "secret",
///     kafka: &kafka.bootstrap(),
/// };
/// let connect = ConnectServer::builder(&kafka.bootstrap()).stores(&stores).start()?;
/// let outbox = OutboxConnector::new("order", "shop", 5400);
/// connect.rest().register(&outbox.name(), &outbox.config())?;
/// connect.rest().wait_until_running(&outbox.name(), Duration::from_secs(60))?;
/// # Ok::<(), devstack::Error>(())
/// ```
pub type ConnectServer = Server<Connect>;

/// What a [`ConnectServer`] is.
#[derive(Debug)]
pub struct Connect {
    port: u16,
    rest: Rest,
}

impl Kind for Connect {
    const NAME: &'static str = "Kafka Connect";
    const READY: &'static str = "Kafka Connect takes connectors";
    const START_TIMEOUT: Duration = START_TIMEOUT;
    const STOP_TIMEOUT: Duration = STOP_TIMEOUT;
    const PORT_TAKEN: &'static str = "Address already in use";

    fn is_ready(&self, _: &Path) -> bool {
        self.rest.is_ready()
    }
}

impl ConnectServer {
    /// Settings with their defaults, of a worker on the brokers at `host:port[,host:port…]`.
    pub fn builder(kafka: &str) -> Builder {
        Builder::new(kafka)
    }

    pub(super) fn begin(settings: &Builder) -> Result<Self> {
        let own_dir = OwnDir::make("connect")?;
        let installed = Installed::find(own_dir.path())?;
        Self::start(own_dir, |folder| {
            let port = server::free_port()?;
            let env = settings.env.iter();
            let lives = Lives {
                launch: installed.prepare(folder, port, settings)?,
                env: env
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                in_own_dir: true,
            };
            let rest = Rest::new(&url(port));
            Ok((Connect { port, rest }, lives))
        })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port())
    }

    /// To register and watch connectors.
    #[must_use]
    pub fn rest(&self) -> Rest {
        self.kind.rest.clone()
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.kind.port
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
