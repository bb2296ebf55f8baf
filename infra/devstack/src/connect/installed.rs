//! Kafka Connect on this machine, for a worker that outlives who started it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{Builder, jars, properties};
use crate::{Error, Result, java, program, server::Launch};

/// How it logs.
const JAVA_OPTIONS: [&str; 3] = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
];

/// They print all of their settings, hundreds of lines, or a line for each call.
const QUIET: [&str; 8] = [
    "org.apache.kafka.clients",
    "org.apache.kafka.common",
    "org.apache.kafka.connect.runtime.ConnectorConfig",
    "org.apache.kafka.connect.runtime.SourceConnectorConfig",
    "org.apache.kafka.connect.runtime.TransformationConfig",
    "org.apache.kafka.connect.runtime.WorkerConfig",
    "org.apache.kafka.connect.runtime.distributed.DistributedConfig",
    "org.apache.kafka.connect.runtime.rest.RestServer",
];

/// Java and the jars.
#[derive(Debug)]
pub struct Installed {
    java: PathBuf,
    jars: PathBuf,
}

impl Installed {
    /// Finds Java and fetches the jars where they are missing, which takes Maven and a minute. `fallback`
    /// takes the jars where there is no target folder.
    ///
    /// # Errors
    /// [`Error::Missing`] without `java`, or without `mvn` when the jars are to be fetched; [`Error::Ended`]
    /// with Maven's words; [`Error::TimedOut`].
    pub fn find(fallback: &Path) -> Result<Self> {
        let java = program::find("java")?;
        let jars = jars::folder(fallback)?;
        Ok(Self { java, jars })
    }

    /// Writes the settings of a worker into `folder`. All that it has to remember is on Kafka. It listens on
    /// 127.0.0.1; [`super::Rest::is_ready`] says when it works. It is to be started in its folder, with
    /// [`super::Stores::environment`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn prepare(&self, folder: &Path, port: u16, settings: &Builder) -> Result<Launch> {
        fs::create_dir_all(folder).map_err(Error::io(format!("making {}", folder.display())))?;
        let path = folder.join("connect.properties");
        let text = properties::text(&settings.kafka, port, &settings.extra);
        fs::write(&path, text).map_err(Error::io(format!("writing {}", path.display())))?;
        let mut args = java::options();
        args.extend(JAVA_OPTIONS.map(OsString::from));
        args.push(format!("-Xmx{}m", settings.heap_mib).into());
        args.extend(QUIET.map(|name| format!("-Dorg.slf4j.simpleLogger.log.{name}=warn").into()));
        args.extend(settings.java_options.iter().map(OsString::from));
        let temporary = java::temporary_folder(folder);
        args.extend([temporary, "-cp".into(), self.jars.join("*").into()]);
        args.push("org.apache.kafka.connect.cli.ConnectDistributed".into());
        args.push(path.into());
        Ok(Launch {
            program: self.java.clone(),
            args,
        })
    }
}
