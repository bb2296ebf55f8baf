//! Installing what is missing from the distribution (Debian, Ubuntu).

use std::process::{Command, Stdio};

use devstack::program;

use crate::{
    failure::Failure,
    output,
    requirement::{Check, Requirement},
};

const SCRIPT: &str = include_str!("install_packages.sh");
const POLICY_FILE: &str = "/usr/sbin/policy-rc.d";
const LOCK_FILE: &str = "/var/lock/devstack-packages";

/// Installs those that are missing, and does nothing when none is. A service among them is not started.
pub(crate) fn require(requirements: &[&Requirement]) -> Result<(), Failure> {
    let missing = missing(requirements)?;
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)?;
    // Also tells when what the distribution has is too old.
    let still = self::missing(requirements)?;
    if still.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} is still missing after its installation",
        still.join(", ")
    );
    Err(Failure::new(message, "cargo dev doctor"))
}

/// The command that a person would type.
pub(crate) fn install_command(packages: &[&str]) -> String {
    format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn missing(requirements: &[&Requirement]) -> Result<Vec<&'static str>, Failure> {
    let mut packages = Vec::new();
    for requirement in requirements {
        match requirement.check() {
            Check::Found(_) => {}
            Check::Missing if packages.contains(&requirement.package) => {}
            Check::Missing => packages.push(requirement.package),
            Check::TooOld(version) => {
                let binary = requirement.binary;
                let message = format!("{binary} on PATH: {}", too_old(requirement, &version));
                return Err(Failure::new(
                    message,
                    format!("put a newer {binary} first on PATH"),
                ));
            }
        }
    }
    Ok(packages)
}

pub(crate) fn too_old(requirement: &Requirement, version: &str) -> String {
    let (major, minor) = requirement.minimum.unwrap_or_default();
    format!(
        "{version} is too old: {major}.{minor} or newer is in Debian 12, Ubuntu 24.04 and later"
    )
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    let by_hand =
        |message: String| Failure::new(message, format!("run: sudo {}", install_command(packages)));
    if program::find("apt-get").is_err() {
        let message = format!(
            "missing: {}; this machine has no apt-get",
            packages.join(", ")
        );
        return Err(Failure::new(
            message,
            "install them with this system's package manager",
        ));
    }
    let mut command = as_root().ok_or_else(|| {
        by_hand(format!(
            "missing: {}, and installing takes root",
            packages.join(", ")
        ))
    })?;
    output::progress(format!("    installing {}", packages.join(", ")));
    let status = command
        .args([
            "sh",
            "-c",
            SCRIPT,
            "install_packages",
            POLICY_FILE,
            LOCK_FILE,
        ])
        .args(packages)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| by_hand(format!("installing does not start: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(by_hand(format!(
        "installing {} failed, apt's words are above",
        packages.join(", ")
    )))
}

/// A prefix that runs a command as root, where that needs no password.
fn as_root() -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        return Some(Command::new("env"));
    }
    let mut sudo = Command::new("sudo");
    let quiet = sudo.args(["-n", "true"]).stdin(Stdio::null());
    let allowed = quiet.output().is_ok_and(|output| output.status.success());
    allowed.then(|| {
        let mut sudo = Command::new("sudo");
        sudo.arg("-n");
        sudo
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

    use super::*;
    use crate::requirement;

    /// Runs the script with an `apt-get` that shows the policy it finds, and exits with `apt_exit`.
    fn run_script(folder: &Path, apt_exit: i32) -> Output {
        let apt = folder.join("apt-get");
        let policy = folder.join("policy-rc.d");
        let script = format!(
            "#!/bin/sh\necho \"apt-get $*\"\nsh {}\necho \"policy says $?\"\nexit {apt_exit}\n",
            policy.display()
        );
        fs::write(&apt, script).unwrap();
        fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "install_packages"])
            .arg(policy)
            .arg(folder.join("lock"));
        command
            .args(["redis-server", "wrk"])
            .env("PATH", path)
            .output()
            .unwrap()
    }

    fn text(output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    #[test]
    fn services_are_kept_from_starting_only_while_installing() {
        let folder = tempfile::tempdir().unwrap();
        let output = run_script(folder.path(), 0);
        assert!(output.status.success(), "{output:?}");
        let text = text(&output);
        assert!(
            text.contains("install -y --no-install-recommends"),
            "{text}"
        );
        assert!(text.contains("redis-server wrk"), "{text}");
        assert!(text.contains("policy says 101"), "{text}");
        assert!(!folder.path().join("policy-rc.d").exists());
    }

    #[test]
    fn a_policy_of_the_machine_is_put_back_also_after_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy-rc.d");
        fs::write(&policy, "exit 42\n").unwrap();
        let output = run_script(folder.path(), 3);
        assert!(!output.status.success());
        assert!(text(&output).contains("policy says 101"));
        assert_eq!(fs::read_to_string(&policy).unwrap(), "exit 42\n");
        assert!(!folder.path().join("policy-rc.d.devstack-saved").exists());
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_up_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy-rc.d");
        fs::write(&policy, "# devstack: temporary\nexit 101\n").unwrap();
        run_script(folder.path(), 0);
        assert!(!policy.exists());
        fs::write(&policy, "# devstack: temporary\nexit 101\n").unwrap();
        fs::write(
            folder.path().join("policy-rc.d.devstack-saved"),
            "exit 42\n",
        )
        .unwrap();
        run_script(folder.path(), 0);
        assert_eq!(fs::read_to_string(&policy).unwrap(), "exit 42\n");
    }

    #[test]
    fn what_is_there_is_not_installed() {
        require(&[&requirement::REDIS_SERVER]).unwrap();
    }
}
