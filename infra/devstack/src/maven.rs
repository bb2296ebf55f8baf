//! Jars: fetched by Maven once for each target folder, used by every server that is started from it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Error, Result, command, made_once, program};

/// How long Maven may take to fetch a set, some 40 MiB; seconds when it is in its local repository.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(600);

/// Of the slf4j that Kafka is built with; without it no log line comes out.
const SLF4J_VERSION: &str = "1.7.36";

/// A program with all that it needs.
#[derive(Debug)]
pub(crate) struct JarSet {
    /// Of its folder, with every version in it.
    pub(crate) folder: String,
    /// Group, artifact and version of what is asked for; the rest follows from it.
    pub(crate) artifacts: Vec<[&'static str; 3]>,
}

impl JarSet {
    /// The folder with the jars. `fallback` takes them where there is no target folder.
    pub(crate) fn folder(&self, fallback: &Path) -> Result<PathBuf> {
        match made_once::cache() {
            Some(cache) => made_once::folder(
                &cache,
                &self.folder,
                FETCH_TIMEOUT,
                |jars| self.is_complete(jars),
                |jars| self.fetch(jars),
            ),
            None => {
                let jars = fallback.join("jars");
                self.fetch(&jars)?;
                Ok(jars)
            }
        }
    }

    fn is_complete(&self, jars: &Path) -> bool {
        self.artifacts
            .iter()
            .all(|[_, artifact, version]| jars.join(format!("{artifact}-{version}.jar")).is_file())
    }

    fn fetch(&self, jars: &Path) -> Result<()> {
        let mvn = program::find("mvn")?;
        let work = tempfile::tempdir().map_err(Error::io("making a temporary folder"))?;
        let pom = work.path().join("pom.xml");
        fs::write(&pom, self.pom_text()).map_err(Error::io("writing a pom.xml"))?;
        let mut output = OsString::from("-DoutputDirectory=");
        output.push(jars);
        let mut fetch = Command::new(mvn);
        fetch
            .args(["-q", "-B", "dependency:copy-dependencies"])
            .arg("-DincludeScope=runtime")
            .arg(output)
            .current_dir(work.path());
        let finished = command::finish(&mut fetch, FETCH_TIMEOUT)?;
        if finished.status.success() && self.is_complete(jars) {
            return Ok(());
        }
        Err(Error::Ended {
            what: format!("fetching {} with mvn", self.folder),
            status: finished.status.to_string(),
            log: finished.stdout + &finished.stderr,
        })
    }

    /// What is asked for, and what makes its log lines come out.
    fn pom_text(&self) -> String {
        let logger = ["org.slf4j", "slf4j-simple", SLF4J_VERSION];
        let dependencies: String = self
            .artifacts
            .iter()
            .chain([&logger])
            .map(|[group, artifact, version]| {
                format!(
                    "\
    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
    </dependency>
"
                )
            })
            .collect();
        format!(
            "\
<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>devstack</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <dependencies>
{dependencies}  </dependencies>
</project>
"
        )
    }
}
