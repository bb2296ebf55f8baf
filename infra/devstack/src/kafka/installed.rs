//! The Kafka of this machine, for a broker that outlives who started it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Builder, answer,
    format::format,
    jars,
    properties::{self, Ports},
    server::{self, Place},
};
use crate::{Error, Result, program, server::Launch};

/// Java and Kafka's jars.
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

    /// Makes what is missing in `folder` for a broker that is its own controller: its settings are written
    /// anew, its data stay. Both ports are on 127.0.0.1.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Ended`] when the data folder cannot be formatted.
    pub fn prepare(
        &self,
        folder: &Path,
        port: u16,
        controller_port: u16,
        settings: &Builder,
    ) -> Result<Launch> {
        fs::create_dir_all(folder).map_err(Error::io(format!("making {}", folder.display())))?;
        let place = Place::of(folder);
        let ports = Ports {
            broker: port,
            controller: controller_port,
            // Settings with a second listener are those of tests.
            secure: 0,
        };
        fs::write(
            &place.properties,
            properties::text(settings, &place.data, ports),
        )
        .map_err(Error::io(format!("writing {}", place.properties.display())))?;
        let mut args = server::java_args(&self.jars, folder);
        if cluster(folder).is_none() {
            // One that was interrupted at it has written nothing that counts.
            if place.data.exists() {
                fs::remove_dir_all(&place.data)
                    .map_err(Error::io(format!("deleting {}", place.data.display())))?;
            }
            let account = settings.account.as_ref();
            format(&self.java, &args, (&place, account), &server::new_cluster())?;
        }
        args.extend(["kafka.Kafka".into(), place.properties.into()]);
        Ok(Launch {
            program: self.java.clone(),
            args,
        })
    }
}

/// Whether the broker whose data are in `folder` answers clients at `port`. Another's broker does not count.
#[must_use]
pub fn is_ready(folder: &Path, port: u16) -> bool {
    cluster(folder).is_some_and(|cluster| answer::is_ready(port, &cluster))
}

/// The id in its data; `None` before they are formatted.
fn cluster(folder: &Path) -> Option<String> {
    let path = Place::of(folder).data.join("meta.properties");
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    lines
        .find_map(|line| line.strip_prefix("cluster.id="))
        .map(str::to_owned)
}
