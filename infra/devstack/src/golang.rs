//! Programs that are built from their source by the Go toolchain, once for each target folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde::Deserialize;

use crate::{Error, Result, command, made_once, program};

/// What builds it where the machine's Go is older than [`GO_MINIMUM`]; a Go of any age can fetch it as a module.
const GO_TOOLCHAIN: &str = "1.26.10";

/// The oldest Go that all of them let themselves be built by, as major and minor.
const GO_MINIMUM: (u32, u32) = (1, 25);

/// How long the build may take with all that is fetched for it: a minute or two on two cores that have nothing
/// else to do.
pub const BUILD_TIMEOUT: Duration = Duration::from_secs(1_200);

const FETCH_TIMEOUT: Duration = Duration::from_secs(600);
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// Where installers that are no distribution's put Go.
const GO_ELSEWHERE: &str = "/usr/local/go/bin/go";

/// A program that is published as a Go module.
#[derive(Debug, Clone, Copy)]
pub struct GoProgram {
    /// What it is called here.
    pub name: &'static str,
    /// The path of its main package.
    pub package: &'static str,
    /// The version of its module, without the `v`.
    pub version: &'static str,
}

impl GoProgram {
    /// The program, built where it is missing. It is in the target folder; `fallback` takes it where there is none.
    ///
    /// # Errors
    /// [`Error::Missing`] without any `go`; [`Error::Ended`] with Go's words when the build fails;
    /// [`Error::TimedOut`].
    pub fn installed(&self, fallback: &Path) -> Result<PathBuf> {
        let cache = made_once::cache().unwrap_or_else(|| fallback.to_owned());
        let name = format!("{}-{}", self.name, self.version);
        let is_complete = |folder: &Path| folder.join(self.name).is_file();
        let build = |folder: &Path| self.build(folder);
        let folder = made_once::folder(&cache, &name, BUILD_TIMEOUT, is_complete, build)?;
        Ok(folder.join(self.name))
    }

    fn build(&self, folder: &Path) -> Result<()> {
        let mut go = go()?;
        if !is_new_enough(&version(&go)?) {
            go = fetch_toolchain(&go)?;
        }
        fs::create_dir_all(folder).map_err(Error::io(format!("making {}", folder.display())))?;
        let package = format!("{}@v{}", self.package, self.version);
        let mut install = command_of(&go, folder);
        install
            .args(["install", "-trimpath", "-ldflags=-s -w", &package])
            .env("GOBIN", folder)
            .env("CGO_ENABLED", "0");
        finished(
            &mut install,
            &format!("building {}", self.name),
            BUILD_TIMEOUT,
        )?;
        // Go calls a program by the last part of its package.
        let built = folder.join(
            self.package
                .rsplit('/')
                .find(is_no_version)
                .unwrap_or_default(),
        );
        let wanted = folder.join(self.name);
        fs::rename(&built, &wanted).map_err(Error::io(format!("making {}", wanted.display())))
    }
}

/// `v2` and the like belong to the module.
fn is_no_version(part: &&str) -> bool {
    part.strip_prefix('v')
        .is_none_or(|rest| rest.parse::<u32>().is_err())
}

/// Any Go: on PATH, or where people put it by hand.
///
/// # Errors
/// [`Error::Missing`].
pub fn go() -> Result<PathBuf> {
    program::find("go").or_else(|missing| {
        let elsewhere = PathBuf::from(GO_ELSEWHERE);
        elsewhere.is_file().then_some(elsewhere).ok_or(missing)
    })
}

/// A `go` that is neither told what to do by a workspace around it nor fetches another one by itself.
fn command_of(go: &Path, folder: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(folder)
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env_remove("GOROOT")
        .env_remove("GOFLAGS");
    command
}

fn version(go: &Path) -> Result<String> {
    let mut ask = command_of(go, Path::new("/"));
    finished(
        ask.args(["env", "GOVERSION"]),
        "asking go for its version",
        VERSION_TIMEOUT,
    )
}

/// Whether `go1.26.8` and the like is new enough.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version
        .trim()
        .trim_start_matches("go")
        .split(['.', 'r', 'b']);
    let mut part = || parts.next()?.parse::<u32>().ok();
    matches!((part(), part()), (Some(major), Some(minor)) if (major, minor) >= GO_MINIMUM)
}

#[derive(Debug, Deserialize)]
struct Downloaded {
    #[serde(rename = "Dir")]
    dir: PathBuf,
}

/// A newer Go, as any Go can fetch it: it is published as a module, checked by its sum as all modules are.
fn fetch_toolchain(go: &Path) -> Result<PathBuf> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let module = format!("golang.org/toolchain@v0.0.1-go{GO_TOOLCHAIN}.linux-{arch}");
    let what = format!("fetching go {GO_TOOLCHAIN}");
    let mut download = command_of(go, Path::new("/"));
    download.args(["mod", "download", "-json", &module]);
    let text = finished(&mut download, &what, FETCH_TIMEOUT)?;
    let downloaded: Downloaded = serde_json::from_str(&text).map_err(|error| Error::Ended {
        what,
        status: error.to_string(),
        log: text.clone(),
    })?;
    // Files of modules are not executable.
    let tools = downloaded.dir.join(format!("pkg/tool/linux_{arch}"));
    for folder in [downloaded.dir.join("bin"), tools] {
        let entries =
            fs::read_dir(&folder).map_err(Error::io(format!("reading {}", folder.display())))?;
        for file in entries.flatten().map(|entry| entry.path()) {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o555))
                .map_err(Error::io(format!("making {} executable", file.display())))?;
        }
    }
    Ok(downloaded.dir.join("bin/go"))
}

/// What it prints, if it succeeds.
fn finished(command: &mut Command, what: &str, timeout: Duration) -> Result<String> {
    let finished = command::finish(command, timeout)?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    Err(Error::Ended {
        what: what.to_owned(),
        status: finished.status.to_string(),
        log: finished.stdout + &finished.stderr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_told_apart() {
        for new in ["go1.25.0\n", "go1.26.8", "go1.27rc1", "go2.0"] {
            assert!(is_new_enough(new), "{new}");
        }
        for old in ["go1.19.8", "go1.24.12", "go1.9", "", "devel"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }

    #[test]
    fn a_program_is_called_by_the_last_part_of_its_package() {
        for (package, name) in [
            ("go.k6.io/k6", "k6"),
            ("sigs.k8s.io/kustomize/kustomize/v5", "kustomize"),
            ("github.com/compose-spec/compose-go/v2/cmd", "cmd"),
        ] {
            assert_eq!(package.rsplit('/').find(is_no_version), Some(name));
        }
    }

    #[test]
    fn what_fails_is_told_with_its_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such module >&2; exit 1"]);
        let error = finished(&mut command, "building it", VERSION_TIMEOUT).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("building it") && text.contains("no such module"),
            "{text}"
        );
    }
}
