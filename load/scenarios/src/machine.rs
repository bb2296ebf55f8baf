//! What machine this is, and of what revision.

use std::{fs, path::Path, process::Command, time::Duration};

use devstack::command;

use crate::result::Machine;

const PATIENCE: Duration = Duration::from_secs(30);

/// This machine.
pub(crate) fn this() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpuinfo, meminfo) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let kib =
        field(&meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    Machine {
        cpu: field(&cpuinfo, "model name")
            .unwrap_or("unknown")
            .to_owned(),
        cores: u64::try_from(cores).unwrap_or(0),
        memory_mib: kib.unwrap_or(0) / 1024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
    }
}

/// The value of a `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    Some(value.trim())
}

/// The revision of the checkout around `folder`; results of this very program are no change of it.
pub(crate) fn revision(folder: &Path) -> String {
    let git = |args: &[&str]| words(Command::new("git").current_dir(folder).args(args));
    let Some(revision) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changes = git(&["status", "--porcelain"]).unwrap_or_default();
    let mut changed = changes
        .lines()
        .map(|line| line.get(3..).unwrap_or_default());
    if changed.any(|path| !path.starts_with("load/results/")) {
        format!("{revision} with uncommitted changes")
    } else {
        revision
    }
}

/// What a command prints, if it succeeds.
pub(crate) fn words(command: &mut Command) -> Option<String> {
    let finished = command::finish(command, PATIENCE).ok()?;
    let text = finished.stdout.trim().to_owned();
    finished.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let machine = this();
        assert!(machine.cores > 0 && machine.memory_mib > 0 && !machine.kernel.is_empty());
        assert_ne!(revision(Path::new(env!("CARGO_MANIFEST_DIR"))), "");
    }
}
