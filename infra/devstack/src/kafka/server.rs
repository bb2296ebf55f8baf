//! The broker and what a test does with it.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Builder,
    answer::is_ready,
    jars,
    properties::{self, Ports},
};
use crate::{
    Error, Result, command, logfile,
    mariadb::{own_dir::OwnDir, port, random},
    process::{OwnedChild, Start},
    program, wait,
};

/// How long a start may take until clients are answered; repairing after a crash is part of it.
pub const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long [`KafkaServer::stop`] waits.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);

const FORMAT_TIMEOUT: Duration = Duration::from_secs(60);

/// Free ports that others took before Kafka could, in one start.
const PORT_TRIES_MAX: usize = 20;

/// What Kafka logs when a port is taken.
const PORT_TAKEN: &str = "Address already in use";

const ERROR_LOG_LINES: usize = 60;

/// A running Kafka, one process that is broker and controller, on loopback ports and with a data folder of
/// its own. Topics are not created by asking for them.
///
/// All methods take `&self`: share it between tests, kill it while others use it. Its port stays the same over
/// [`KafkaServer::start_again`]. Killed on drop, and with the process when it is never dropped.
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
#[derive(Debug)]
pub struct KafkaServer {
    child: Mutex<OwnedChild>,
    java: PathBuf,
    args: Vec<OsString>,
    cluster: String,
    port: u16,
    // Properties, log and data. Last, so that the process is dead when it goes.
    own_dir: OwnDir,
}

impl KafkaServer {
    /// Settings with their defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn start(settings: &Builder) -> Result<Self> {
        let java = program::find("java")?;
        let own_dir = OwnDir::make("kafka")?;
        let jars = jars::folder(own_dir.path())?;
        let place = Place::of(own_dir.path());
        let cluster = new_cluster();
        let mut args = java_args(&jars, own_dir.path());
        let mut formatted = false;
        // Another process may take a port between finding and using it; then the next ones are tried.
        for _ in 0..PORT_TRIES_MAX {
            let Some(ports) = free_ports() else { break };
            let text = properties::text(settings, &place.data, ports);
            fs::write(&place.properties, text).map_err(Error::io("writing server.properties"))?;
            if !formatted {
                format_data(&java, &args, &place, &cluster)?;
                args.push("kafka.Kafka".into());
                args.push(place.properties.clone().into());
                formatted = true;
            }
            let mut child = launch(&java, &args, &own_dir)?;
            let ended = || child.ended().map(|status| status.to_string());
            match wait_until_ready(&own_dir, ports.broker, &cluster, ended) {
                Err(Error::Ended { .. }) if log(&own_dir).contains(PORT_TAKEN) => {
                    // What the next one ends of is not this.
                    fs::remove_file(log_path(&own_dir)).map_err(Error::io("deleting a log"))?;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(Self {
                        child: Mutex::new(child),
                        java,
                        args,
                        cluster,
                        port: ports.broker,
                        own_dir,
                    });
                }
            }
        }
        Err(Error::Protocol("no free port for Kafka".to_owned()))
    }

    /// `127.0.0.1:PORT`, what clients call `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Folder with its data: one folder for each partition, and the cluster's metadata.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        Place::of(self.own_dir.path()).data
    }

    /// Everything it logged, in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.own_dir)
    }

    /// Process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.child();
        child.is_running().then(|| child.pid())
    }

    /// `SIGKILL`; returns when it is gone. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn kill9(&self) -> Result<()> {
        self.child().kill9()
    }

    /// `SIGTERM`: it closes its files and ends, within [`STOP_TIMEOUT`]. A paused one is resumed. Does nothing
    /// when it has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and it still runs.
    pub fn stop(&self) -> Result<()> {
        self.child().ask_to_end()?;
        wait::until(STOP_TIMEOUT, "Kafka ends", || !self.child().is_running())
    }

    /// Starts it on the same data and ports, and returns when it names itself to a client. After
    /// [`KafkaServer::kill9`] that takes some 6 s: it waits for the session of its former life to end.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs, else as [`Builder::start`]; also when a port was taken meanwhile.
    pub fn start_again(&self) -> Result<()> {
        {
            let mut child = self.child();
            if child.is_running() {
                return Err(Error::Running {
                    program: "kafka".to_owned(),
                });
            }
            *child = launch(&self.java, &self.args, &self.own_dir)?;
        }
        wait_until_ready(&self.own_dir, self.port, &self.cluster, || {
            self.child().ended().map(|status| status.to_string())
        })
    }

    /// `SIGSTOP`: it keeps its sockets and answers nobody. Returns when the kernel has stopped it.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn pause(&self) -> Result<()> {
        self.child().pause()
    }

    /// `SIGCONT` after [`KafkaServer::pause`].
    ///
    /// # Errors
    /// [`Error::NotRunning`]; [`Error::TimedOut`].
    pub fn resume(&self) -> Result<()> {
        self.child().resume()
    }

    fn child(&self) -> MutexGuard<'_, OwnedChild> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
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

fn free_ports() -> Option<Ports> {
    let broker = port::free()?;
    let mut others = (0..PORT_TRIES_MAX).filter_map(|_| port::free());
    let controller = others.find(|port| *port != broker)?;
    Some(Ports { broker, controller })
}

/// Writes the cluster's id into an empty data folder; Kafka does not start on another.
pub(super) fn format_data(
    java: &Path,
    args: &[OsString],
    place: &Place,
    cluster: &str,
) -> Result<()> {
    let mut format = Command::new(java);
    format
        .args(args)
        .args(["kafka.tools.StorageTool", "format"])
        .args(["--cluster-id", cluster, "--config"])
        .arg(&place.properties)
        .current_dir(&place.folder);
    let finished = command::finish(&mut format, FORMAT_TIMEOUT)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Error::Ended {
        what: "formatting a data folder for Kafka".to_owned(),
        status: finished.status.to_string(),
        log: finished.stdout + &finished.stderr,
    })
}

fn launch(java: &Path, args: &[OsString], own_dir: &OwnDir) -> Result<OwnedChild> {
    let path = log_path(own_dir);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::io(format!("opening {}", path.display())))?;
    OwnedChild::start(Start {
        program: java,
        args,
        env: &[],
        env_removed: &[],
        dir: Some(own_dir.path()),
        log,
    })
}

fn wait_until_ready(
    own_dir: &OwnDir,
    port: u16,
    cluster: &str,
    mut ended: impl FnMut() -> Option<String>,
) -> Result<()> {
    let what = "Kafka names itself to its clients";
    wait::until_some(START_TIMEOUT, what, || {
        if let Some(status) = ended() {
            return Some(Err(Error::Ended {
                what: what.to_owned(),
                status,
                log: logfile::tail(&log_path(own_dir), ERROR_LOG_LINES),
            }));
        }
        is_ready(port, cluster).then_some(Ok(()))
    })?
}

fn log_path(own_dir: &OwnDir) -> PathBuf {
    own_dir.path().join("kafka.log")
}

fn log(own_dir: &OwnDir) -> String {
    let bytes = fs::read(log_path(own_dir)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Of the virtual machine: it is to start soon, not to run fast.
const JAVA_OPTIONS: [&str; 10] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    // A killed one would leave a file of it in the temporary folder.
    "-XX:-UsePerfData",
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
    let mut args: Vec<OsString> = JAVA_OPTIONS.map(OsString::from).to_vec();
    let mut tmp = OsString::from("-Djava.io.tmpdir=");
    tmp.push(temporary);
    args.extend([tmp, "-cp".into(), jars.join("*").into()]);
    args
}
