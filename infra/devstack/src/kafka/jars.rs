//! Kafka's jars: fetched by Maven once for each target folder, used by every broker.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Error, Result, command,
    mariadb::template::{lock, target_folder},
    program,
};

/// The Apache Kafka that is started.
pub const KAFKA_VERSION: &str = "4.1.0";

/// How long Maven may take to fetch it, some 40 MiB; seconds when they are in its local repository.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(600);

/// Of the slf4j that this Kafka is built with.
const SLF4J_VERSION: &str = "1.7.36";

/// The folder with the jars. `fallback` takes them where there is no target folder.
pub(super) fn folder(fallback: &Path) -> Result<PathBuf> {
    match target_folder() {
        Some(target) => cached(&target.join("devstack"), fetch),
        None => {
            let jars = fallback.join("jars");
            fetch(&jars)?;
            Ok(jars)
        }
    }
}

/// Whoever comes first makes it; who comes meanwhile waits.
fn cached(cache: &Path, make: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let name = format!("kafka-{KAFKA_VERSION}");
    let jars = cache.join(&name);
    if is_complete(&jars) {
        return Ok(jars);
    }
    fs::create_dir_all(cache).map_err(Error::io(format!("making {}", cache.display())))?;
    let _lock = lock(&cache.join(format!("{name}.lock")), FETCH_TIMEOUT)?;
    if is_complete(&jars) {
        return Ok(jars);
    }
    let new = cache.join(format!("{name}.new"));
    for left in [&new, &jars] {
        if left.exists() {
            fs::remove_dir_all(left).map_err(Error::io(format!("deleting {}", left.display())))?;
        }
    }
    make(&new)?;
    fs::rename(&new, &jars).map_err(Error::io(format!("making {}", jars.display())))?;
    Ok(jars)
}

fn is_complete(jars: &Path) -> bool {
    jars.join(format!("kafka_2.13-{KAFKA_VERSION}.jar"))
        .is_file()
}

fn fetch(jars: &Path) -> Result<()> {
    let mvn = program::find("mvn")?;
    let work = tempfile::tempdir().map_err(Error::io("making a temporary folder"))?;
    let pom = work.path().join("pom.xml");
    fs::write(&pom, pom_text()).map_err(Error::io("writing a pom.xml"))?;
    let mut output = OsString::from("-DoutputDirectory=");
    output.push(jars);
    let mut fetch = Command::new(mvn);
    fetch
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg("-DincludeScope=runtime")
        .arg(output)
        .current_dir(work.path());
    let finished = command::finish(&mut fetch, FETCH_TIMEOUT)?;
    if finished.status.success() && is_complete(jars) {
        return Ok(());
    }
    Err(Error::Ended {
        what: format!("fetching Kafka {KAFKA_VERSION} with mvn"),
        status: finished.status.to_string(),
        log: finished.stdout + &finished.stderr,
    })
}

/// The broker, and what makes its log lines come out.
fn pom_text() -> String {
    format!(
        "\
<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>devstack</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{SLF4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"
    )
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn of_two_who_need_them_at_once_one_fetches() {
        let cache = tempfile::tempdir().unwrap();
        let name = format!("kafka-{KAFKA_VERSION}");
        // Left behind by one that was killed at it, and one that is not complete.
        for left in [format!("{name}.new/half"), format!("{name}/other.jar")] {
            fs::create_dir_all(cache.path().join(left)).unwrap();
        }
        let fetched = AtomicU32::new(0);
        let jar = format!("kafka_2.13-{KAFKA_VERSION}.jar");
        let make = |jars: &Path| {
            fetched.fetch_add(1, Ordering::Relaxed);
            fs::create_dir(jars).unwrap();
            fs::write(jars.join(&jar), "").unwrap();
            Ok(())
        };
        let get = || cached(cache.path(), make).unwrap();
        let (one, two) = thread::scope(|scope| {
            let (one, two) = (scope.spawn(get), scope.spawn(get));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!(one, two);
        assert_eq!(fetched.into_inner(), 1);
        let files: Vec<_> = one.read_dir().unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }
}
