//! The file system of a stage.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use devstack::{command, program};

use super::RehearseError;
use crate::FileError;

/// Debian 12, as in the tags of the images.
const SUITE: &str = "bookworm";

const BOOTSTRAP_TIMEOUT: Duration = Duration::from_secs(1_200);
const COPY_TIMEOUT: Duration = Duration::from_secs(600);
const ASK_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the toolchain of this machine is mounted, and the registry that cargo filled.
const RUST: &str = "/usr/local/rust";
const CARGO_HOME: &str = "/usr/local/cargo";

#[derive(Debug)]
pub(super) struct Tree {
    path: PathBuf,
    /// Of the `rust` image: the sysroot and the cargo home of this machine.
    toolchain: Option<(PathBuf, PathBuf)>,
}

impl Tree {
    /// A Debian, as all images begin with one.
    pub(super) fn bootstrap(path: &Path) -> Result<(), RehearseError> {
        let mut bootstrap = Command::new(program::find("debootstrap")?);
        bootstrap.args(["--variant=minbase", SUITE]).arg(path);
        finished(&mut bootstrap, "debootstrap", BOOTSTRAP_TIMEOUT)?;
        // Who is where, as this machine knows it.
        for shared in ["etc/resolv.conf", "etc/hosts"] {
            let (source, copy) = (Path::new("/").join(shared), path.join(shared));
            fs::copy(&source, &copy).map_err(|error| FileError::of(&source)(&error))?;
        }
        Ok(())
    }

    /// What stands in for an image: a copy of `debian`, and for Rust the toolchain of this machine.
    pub(super) fn of_image(image: &str, debian: &Path, path: &Path) -> Result<Self, RehearseError> {
        let toolchain = if image.starts_with("rust:") {
            Some(toolchain()?)
        } else {
            None
        };
        let debian = Self {
            path: debian.to_owned(),
            toolchain,
        };
        debian.copy_to(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a path of the stage is on this machine.
    pub(super) fn inside(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn copy_to(&self, path: &Path) -> Result<Self, RehearseError> {
        let mut copy = Command::new("cp");
        copy.arg("--archive").arg(&self.path).arg(path);
        finished(&mut copy, "cp", COPY_TIMEOUT)?;
        Ok(Self {
            path: path.to_owned(),
            toolchain: self.toolchain.clone(),
        })
    }

    /// `COPY`: a folder's contents, or a file under its name or a new one.
    pub(super) fn copy_in(
        &self,
        base: &Path,
        source: &str,
        folder: &Path,
        target: &str,
    ) -> Result<(), RehearseError> {
        let from = base.join(source.trim_start_matches('/'));
        let to = self.inside(&folder.join(target));
        let made = if from.is_dir() {
            Some(to.as_path())
        } else {
            to.parent()
        };
        if let Some(made) = made {
            fs::create_dir_all(made).map_err(|error| FileError::of(made)(&error))?;
        }
        let mut copy = Command::new("cp");
        copy.args([
            "--recursive",
            "--preserve=mode,timestamps",
            "--no-target-directory",
        ]);
        copy.arg(&from).arg(&to);
        finished(&mut copy, &format!("COPY {source} {target}"), COPY_TIMEOUT).map(drop)
    }

    /// `RUN`, as root, with a `/proc` and a `/dev` that are gone afterwards.
    pub(super) fn run(
        &self,
        line: &str,
        folder: &Path,
        env: &[(String, String)],
        timeout: Duration,
    ) -> Result<String, RehearseError> {
        let root = self.path.display();
        let mut script =
            format!("set -e; mount --bind /dev '{root}/dev'; mount -t proc proc '{root}/proc'\n");
        let mut path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        if let Some((sysroot, cargo_home)) = &self.toolchain {
            // This machine's: only cargo may write, to what it has fetched.
            let mounts = [
                (sysroot.as_path(), RUST, "ro"),
                (cargo_home.as_path(), CARGO_HOME, "rw"),
                (Path::new("/etc/ssl/certs"), "/etc/ssl/certs", "ro"),
            ];
            for (source, target, mode) in mounts {
                let (source, target) = (source.display(), format!("{root}{target}"));
                script += &format!(
                    "mkdir -p '{target}'; mount --bind '{source}' '{target}'; \
                     mount -o remount,bind,{mode} '{target}'\n"
                );
            }
            path = format!("{RUST}/bin:{path}");
        }
        let folder = folder.display();
        let env: String = env
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "))
            .collect();
        script += &format!(
            "exec chroot '{root}' /usr/bin/env -i PATH='{path}' HOME=/root CARGO_HOME={CARGO_HOME} \
             DEBIAN_FRONTEND=noninteractive {env}sh -c 'cd \"$0\" && eval \"$1\"' '{folder}' \"$0\""
        );
        let mut run = Command::new("unshare");
        run.args(["--mount", "sh", "-c", &script, line]);
        finished(&mut run, &format!("RUN {line}"), timeout)
    }
}

/// Where this machine's Rust is, and what cargo has fetched.
fn toolchain() -> Result<(PathBuf, PathBuf), RehearseError> {
    let mut ask = Command::new(program::find("rustc")?);
    let sysroot = finished(
        ask.args(["--print", "sysroot"]),
        "rustc --print sysroot",
        ASK_TIMEOUT,
    )?;
    let home = env::home_dir().unwrap_or_default().join(".cargo");
    Ok((PathBuf::from(sysroot.trim()), home))
}

/// What it prints, if it succeeds.
pub(super) fn finished(
    command: &mut Command,
    step: &str,
    timeout: Duration,
) -> Result<String, RehearseError> {
    let finished = command::finish(command, timeout)?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    Err(RehearseError::Step {
        step: format!("{step}: {}", finished.status),
        log: finished.stdout + &finished.stderr,
    })
}
