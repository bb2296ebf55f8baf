//! The data folder that a broker begins with.

use std::{ffi::OsString, fs, path::Path, process::Command, time::Duration};

use super::{
    Builder, KAFKA_VERSION,
    builder::Account,
    properties::{self, Ports},
    server::{Place, new_cluster},
};
use crate::{Error, Result, command, made_once};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Names the cluster and the broker; besides it there is only what a version begins with.
const META: &str = "meta.properties";

const CLUSTER: &str = "cluster.id=";

/// Of a broker that nobody starts.
const NO_PORTS: Ports = Ports {
    broker: 1,
    controller: 2,
    secure: 3,
};

/// Fills the data folder for a cluster; Kafka does not start on an empty one. Its own command takes a second
/// for it, so what that made once is copied.
pub(super) fn format(
    java: &Path,
    args: &[OsString],
    (place, account): (&Place, Option<&Account>),
    cluster: &str,
) -> Result<()> {
    // What SCRAM knows of passwords is a part of the data.
    let cache = made_once::cache().filter(|_| account.is_none());
    let Some(cache) = cache else {
        return run(java, args, (place, account), cluster);
    };
    let name = format!("kafka-{KAFKA_VERSION}-data");
    let is_complete = |data: &Path| data.join(META).is_file();
    let template = made_once::folder(&cache, &name, TIMEOUT, is_complete, |data| {
        let folder = tempfile::tempdir().map_err(Error::io("making a temporary folder"))?;
        let place = Place {
            data: data.to_owned(),
            ..Place::of(folder.path())
        };
        let text = properties::text(&Builder::default(), data, NO_PORTS);
        fs::write(&place.properties, text).map_err(Error::io("writing server.properties"))?;
        run(java, args, (&place, None), &new_cluster())
    })?;
    copy(&template, &place.data, cluster)
        .map_err(Error::io(format!("making {}", place.data.display())))
}

fn copy(template: &Path, data: &Path, cluster: &str) -> std::io::Result<()> {
    fs::create_dir(data)?;
    for entry in fs::read_dir(template)? {
        let entry = entry?;
        if entry.file_name() != META {
            fs::copy(entry.path(), data.join(entry.file_name()))?;
        }
    }
    let meta = fs::read_to_string(template.join(META))?;
    let lines = meta.lines().map(|line| {
        if line.starts_with(CLUSTER) {
            format!("{CLUSTER}{cluster}\n")
        } else {
            format!("{line}\n")
        }
    });
    // Last: with it the folder counts as complete.
    fs::write(data.join(META), lines.collect::<String>())
}

fn run(
    java: &Path,
    args: &[OsString],
    (place, account): (&Place, Option<&Account>),
    cluster: &str,
) -> Result<()> {
    let mut format = Command::new(java);
    format
        .args(args)
        .args(["kafka.tools.StorageTool", "format"])
        .args(["--cluster-id", cluster, "--config"])
        .arg(&place.properties)
        .current_dir(&place.folder);
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        if let Some(Account { user, password }) = account {
            let credential = format!("{mechanism}=[name={user},password={password}]");
            format.args(["--add-scram", &credential]);
        }
    }
    let finished = command::finish(&mut format, TIMEOUT)?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Error::Ended {
        what: "formatting a data folder for Kafka".to_owned(),
        status: finished.status.to_string(),
        log: finished.stdout + &finished.stderr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_of_another_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let (template, data) = (folder.path().join("template"), folder.path().join("data"));
        fs::create_dir(&template).unwrap();
        fs::write(template.join(META), "#\nnode.id=1\ncluster.id=old\n").unwrap();
        fs::write(template.join("bootstrap.checkpoint"), [0, 255]).unwrap();
        copy(&template, &data, "new").unwrap();
        let meta = fs::read_to_string(data.join(META)).unwrap();
        assert_eq!(meta, "#\nnode.id=1\ncluster.id=new\n");
        assert_eq!(
            fs::read(data.join("bootstrap.checkpoint")).unwrap(),
            [0, 255]
        );
    }
}
