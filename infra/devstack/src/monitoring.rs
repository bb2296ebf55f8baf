//! Prometheus, with the rules of this project, for tests and for `cargo dev up --monitoring`.
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use devstack::monitoring::Prometheus;
//!
//! let targets = [("order-service", "127.0.0.1:8085".to_owned())];
//! let rules = Path::new("infra/prometheus");
//! let prometheus = Prometheus::start(rules, &targets, Duration::from_secs(1))?;
//! println!("{}", prometheus.url());
//! # Ok::<(), devstack::Error>(())
//! ```

use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use crate::{Error, Result, own_dir::OwnDir, process::ServerProcess};

/// How often the configuration in the repository lets Prometheus look.
const INTERVAL: &str = "_interval: 15s";

/// How long a start may take.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what was scraped is kept.
const RETENTION: &str = "--storage.tsdb.retention.time=7d";

/// A job, which is the name of a service, and where it answers `/metrics`.
pub type Target<'a> = (&'a str, String);

/// Makes the configuration: `dir/prometheus.yml` as `source` has it but for how often it looks, the rules
/// of `source`, and the targets. A Prometheus that reads it already takes new targets over by itself.
///
/// # Errors
/// [`Error::Io`].
pub fn configure(
    source: &Path,
    dir: &Path,
    targets: &[Target<'_>],
    every: Duration,
) -> Result<PathBuf> {
    let failed = |path: &Path| Error::io(format!("writing {}", path.display()));
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let source = fs::canonicalize(source).map_err(failed(source))?;
    let text = source.join("prometheus.yml");
    let text = fs::read_to_string(&text).map_err(failed(&text))?;
    let looks = format!("_interval: {}ms", every.as_millis());
    let config = dir.join("prometheus.yml");
    fs::write(&config, text.replace(INTERVAL, &looks)).map_err(failed(&config))?;
    let rules = dir.join("rules");
    link(&source.join("rules"), &rules).map_err(failed(&rules))?;
    let groups: Vec<_> = targets
        .iter()
        .map(|(job, address)| json!({"targets": [address], "labels": {"job": job}}))
        .collect();
    // Prometheus watches the folder: it sees the old file or the new one.
    let (new, list) = (dir.join("targets.new"), dir.join("targets.json"));
    fs::write(&new, format!("{}\n", json!(groups))).map_err(failed(&new))?;
    fs::rename(&new, &list).map_err(failed(&list))?;
    Ok(config)
}

fn link(to: &Path, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    symlink(to, link)
}

/// The command line of a Prometheus that keeps its data in `data` and listens on loopback.
#[must_use]
pub fn args(config: &Path, data: &Path, port: u16) -> Vec<OsString> {
    let flag = |name: &str, path: &Path| {
        let mut flag = OsString::from(name);
        flag.push(path);
        flag
    };
    vec![
        flag("--config.file=", config),
        flag("--storage.tsdb.path=", data),
        RETENTION.into(),
        format!("--web.listen-address=127.0.0.1:{port}").into(),
    ]
}

/// A Prometheus that nobody else uses; killed on drop, its data goes with it.
#[derive(Debug)]
pub struct Prometheus {
    process: ServerProcess,
    url: String,
    // Last, so that the process is dead when its folder goes.
    _dir: OwnDir,
}

impl Prometheus {
    /// One that looks so often, on a free port.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not installed, [`Error::Ended`] where it does not like the rules.
    pub fn start(source: &Path, targets: &[Target<'_>], every: Duration) -> Result<Self> {
        let dir = OwnDir::make("prometheus")?;
        let config = configure(source, &dir.path().join("config"), targets, every)?;
        let process = ServerProcess::builder("prometheus")
            .args(args(&config, &dir.path().join("data"), 0))
            .start()?;
        let listening = process.wait_for_line(|line| address(line).is_some(), START_TIMEOUT)?;
        let url = format!("http://{}", address(&listening).unwrap_or_default());
        process.wait_for_line(|line| line.contains("Server is ready"), START_TIMEOUT)?;
        Ok(Self {
            process,
            url,
            _dir: dir,
        })
    }

    /// Where it answers, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All output so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// From `… msg="Listening on" address=127.0.0.1:46001`.
fn address(line: &str) -> Option<&str> {
    line.contains("\"Listening on\"").then_some(())?;
    line.rsplit_once("address=").map(|(_, address)| address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn source() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus")
    }

    #[test]
    fn a_configuration_can_be_made_again_with_other_targets() {
        let dir = tempfile::tempdir().unwrap();
        let every = Duration::from_secs(2);
        let target = |port: u16| [("order-service", format!("127.0.0.1:{port}"))];
        let config = configure(&source(), dir.path(), &target(1), every).unwrap();
        configure(&source(), dir.path(), &target(2), every).unwrap();
        let text = fs::read_to_string(config).unwrap();
        assert_eq!(text.matches("_interval: 2000ms").count(), 2, "{text}");
        let list = fs::read_to_string(dir.path().join("targets.json")).unwrap();
        assert!(list.contains("127.0.0.1:2") && list.contains(r#""job":"order-service""#));
        let linked = dir.path().join("rules/slo.yml");
        assert!(linked.is_file());
    }

    #[test]
    fn it_starts_on_a_port_of_its_own() {
        let every = Duration::from_secs(1);
        let servers = [(); 2].map(|()| Prometheus::start(&source(), &[], every).unwrap());
        let urls: BTreeSet<&str> = servers.iter().map(Prometheus::url).collect();
        assert_eq!(urls.len(), 2);
        assert!(servers[0].log().contains("Server is ready"));
    }
}
