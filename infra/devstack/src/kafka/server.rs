//! The broker and what a test does with it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Builder, answer,
    format::format,
    jars,
    properties::{self, Ports},
};
use crate::{
    Error, Result, java,
    own_dir::OwnDir,
    program, random,
    server::{self, Kind, Launch, Lives, PORT_TRIES_MAX, Server},
};

/// How long a start may take until clients are answered; repairing after a crash is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a stop may take.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A running Kafka, one process that is broker and controller, on loopback ports and with a data folder of
/// its own. Topics are not created by asking for them.
///
/// After a kill its next start takes some 6 s: it waits for the session of its former life to end.
///
/// ```no_run
/// use devstack::kafka::KafkaServer;
///
/// let kafka = KafkaServer::builder().start()?;
/// let servers = kafka.bootstrap(); // 127.0.0.1:PORT
/// kafka.kill9()?;
/// kafka.start_again()?;
/// # Ok::<(), devstack::Error>(())
/// ```
pub type KafkaServer = Server<Kafka>;

/// What a [`KafkaServer`] is.
#[derive(Debug)]
pub struct Kafka {
    cluster: String,
    port: u16,
    secure_port: Option<u16>,
}

impl Kind for Kafka {
    const NAME: &'static str = "Kafka";
    const READY: &'static str = "Kafka names itself to its clients";
    const START_TIMEOUT: Duration = START_TIMEOUT;
    const STOP_TIMEOUT: Duration = STOP_TIMEOUT;
    const PORT_TAKEN: &'static str = "Address already in use";

    fn is_ready(&self, _: &Path) -> bool {
        answer::is_ready(self.port, &self.cluster)
    }
}

impl KafkaServer {
    /// Settings with their defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn begin(settings: &Builder) -> Result<Self> {
        let java = program::find("java")?;
        let own_dir = OwnDir::make("kafka")?;
        let jars = jars::folder(own_dir.path())?;
        let cluster = new_cluster();
        let is_secure = settings.tls.is_some() || settings.account.is_some();
        Self::start(own_dir, |folder| {
            let ports = free_ports()?;
            let place = Place::of(folder);
            let text = properties::text(settings, &place.data, ports);
            fs::write(&place.properties, text).map_err(Error::io("writing server.properties"))?;
            write_keystore(settings, &place.data)?;
            let mut args = java_args(&jars, folder);
            if !place.data.exists() {
                format(&java, &args, (&place, settings.account.as_ref()), &cluster)?;
            }
            args.extend(["kafka.Kafka".into(), place.properties.into()]);
            let program = java.clone();
            let lives = Lives {
                launch: Launch { program, args },
                env: Vec::new(),
                in_own_dir: true,
            };
            let kafka = Kafka {
                cluster: cluster.clone(),
                port: ports.broker,
                secure_port: is_secure.then_some(ports.secure),
            };
            Ok((kafka, lives))
        })
    }

    /// `127.0.0.1:PORT`, what clients call `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kind.port)
    }

    /// `127.0.0.1:PORT` of the port with TLS or a password; `None` unless started with [`Builder::tls`] or
    /// [`Builder::sasl`].
    #[must_use]
    pub fn secure_bootstrap(&self) -> Option<String> {
        let port = self.kind.secure_port;
        port.map(|port| format!("127.0.0.1:{port}"))
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.kind.port
    }

    /// Folder with its data: one folder for each partition, and the cluster's metadata.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        Place::of(self.folder()).data
    }
}

/// Where a broker keeps its things in its folder.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) properties: PathBuf,
    pub(super) data: PathBuf,
}

impl Place {
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            properties: folder.join("server.properties"),
            data: folder.join("data"),
        }
    }
}

/// An id that no other broker has. Kafka wants 16 bytes in base64.
pub(super) fn new_cluster() -> String {
    format!("devs-{:016x}A", random::number())
}

fn free_ports() -> Result<Ports> {
    let mut taken = Vec::new();
    let mut another = || {
        let mut found = (0..PORT_TRIES_MAX).filter_map(|_| server::free_port().ok());
        let port = found.find(|port| !taken.contains(port));
        let port = port.ok_or_else(|| Error::Protocol("no port is free".to_owned()))?;
        taken.push(port);
        Ok::<u16, Error>(port)
    };
    Ok(Ports {
        broker: another()?,
        controller: another()?,
        secure: another()?,
    })
}

/// Java wants both in one file.
fn write_keystore(settings: &Builder, data: &Path) -> Result<()> {
    let Some((certificate, key)) = &settings.tls else {
        return Ok(());
    };
    let read = |file: &Path| {
        fs::read_to_string(file).map_err(Error::io(format!("reading {}", file.display())))
    };
    let both = read(key)? + &read(certificate)?;
    fs::write(properties::keystore(data), both).map_err(Error::io("writing the keystore"))
}

/// Of the virtual machine, and of what is logged.
const JAVA_OPTIONS: [&str; 6] = [
    "-Xmx512m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    // They print all of their settings, hundreds of lines.
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
];

/// Of the virtual machine, up to the class to run.
pub(super) fn java_args(jars: &Path, temporary: &Path) -> Vec<OsString> {
    let mut args = java::options();
    args.extend(JAVA_OPTIONS.map(OsString::from));
    let temporary = java::temporary_folder(temporary);
    args.extend([temporary, "-cp".into(), jars.join("*").into()]);
    args
}
