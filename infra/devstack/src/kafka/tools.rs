//! Kafka's own commands, such as the console consumer.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::KAFKA_VERSION;
use crate::{Result, java, maven::JarSet, program};

/// They log what goes wrong.
const JAVA_OPTIONS: [&str; 2] = ["-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"];

/// Java and the jars of the commands.
#[derive(Debug)]
pub struct Tools {
    java: PathBuf,
    jars: PathBuf,
}

impl Tools {
    /// Finds Java and fetches the jars where they are missing, which takes Maven and a minute. `fallback`
    /// takes the jars where there is no target folder.
    ///
    /// # Errors
    /// As [`super::Installed::find`].
    pub fn find(fallback: &Path) -> Result<Self> {
        let java = program::find("java")?;
        let set = JarSet {
            folder: format!("kafka-tools-{KAFKA_VERSION}"),
            artifacts: vec![["org.apache.kafka", "kafka-tools", KAFKA_VERSION]],
        };
        let jars = set.folder(&fallback.join("tools"))?;
        Ok(Self { java, jars })
    }

    /// The command of this class; its arguments are still to be given.
    #[must_use]
    pub fn command(&self, class: &str) -> Command {
        let mut command = Command::new(&self.java);
        command
            .args(java::options())
            .arg(java::temporary_folder(&env::temp_dir()))
            .args(JAVA_OPTIONS)
            .arg("-cp")
            .arg(self.class_path())
            .arg(class);
        command
    }

    /// What Java takes as `-cp`: all jars.
    #[must_use]
    pub fn class_path(&self) -> PathBuf {
        self.jars.join("*")
    }
}
