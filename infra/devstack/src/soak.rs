//! `soak`: the long tests, with a record of where and on what they ran, and each load scenario for some seconds.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use serde::Deserialize;

use crate::{
    cargo, doctor,
    failure::Failure,
    load, output, packages,
    requirement::{self, Check, Requirement},
    workspace::Workspace,
};

/// The feature that has a package's long tests, which are in its test target `soak`.
const FEATURE: &str = "soak";

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    output::step("packages", || packages::require(&doctor::REQUIRED))?;
    let test = test_args(&packages_with_soak_tests(workspace)?);
    let test: Vec<&str> = test.iter().map(String::as_str).collect();
    // A step of its own: the record is about the tests, not about the compiler.
    output::step("building the soak tests", || build(workspace, &test))?;
    let folder = workspace.root().join("load/results");
    let path = folder.join(format!("soak-{}.txt", now()?));
    let what = || format!("writing {}", path.display());
    let test = [&test, &["--", "--nocapture", "--test-threads=1"][..]].concat();
    // Before the record itself is an uncommitted change.
    let header = header(workspace, &test);
    fs::create_dir_all(&folder).map_err(Failure::io(what()))?;
    let mut record = File::create(&path).map_err(Failure::io(what()))?;
    writeln!(record, "{header}\n").map_err(Failure::io(what()))?;

    let result = output::step("running the soak tests", || {
        let mut command = cargo::command(workspace, &test);
        copy_output(workspace, &mut command, record)
    });
    output::line(format!("the output is in {}", workspace.shown(&path)));
    result?;
    load::smoke(workspace)
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    features: BTreeMap<String, Vec<String>>,
}

fn packages_with_soak_tests(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let metadata: Metadata = cargo::metadata(workspace)?;
    let packages = metadata.packages.into_iter();
    Ok(packages
        .filter(|package| package.features.contains_key(FEATURE))
        .map(|package| package.name)
        .collect())
}

fn test_args(packages: &[String]) -> Vec<String> {
    let mut args = vec!["test".to_owned(), "--release".to_owned()];
    for package in packages {
        args.extend(["-p".to_owned(), package.clone()]);
    }
    let features: Vec<String> = packages
        .iter()
        .map(|package| format!("{package}/{FEATURE}"))
        .collect();
    args.extend(["--features".to_owned(), features.join(",")]);
    args.extend(["--test".to_owned(), FEATURE.to_owned()]);
    args
}

fn build(workspace: &Workspace, test: &[&str]) -> Result<(), Failure> {
    let next = "cargo's words are above";
    let args = [test, &["--no-run"]].concat();
    match cargo::command(workspace, &args).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("they do not build ({status})"), next)),
        Err(error) => Err(Failure::new(format!("cargo does not start: {error}"), next)),
    }
}

/// Runs it with its output shown and copied.
fn copy_output(workspace: &Workspace, command: &mut Command, record: File) -> Result<(), Failure> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::io("starting cargo"))?;
    let record = Mutex::new(record);
    let root = workspace.root().display().to_string();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| copy(stdout, io::stdout(), &record, &root));
        scope.spawn(|| copy(stderr, io::stderr(), &record, &root));
    });
    let status = child.wait().map_err(Failure::io("waiting for cargo"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(
        format!("a soak test failed ({status})"),
        "the reason is above",
    ))
}

/// Line by line, so that the two streams do not cut each other's. The record names no folder of this machine.
fn copy(from: Option<impl Read>, mut shown: impl Write, record: &Mutex<File>, root: &str) {
    let lines = from
        .into_iter()
        .flat_map(|stream| BufReader::new(stream).split(b'\n'));
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // A full disk or a closed terminal must not end a test that ran for hours.
        let _ = writeln!(shown, "{line}");
        if let Ok(mut record) = record.lock() {
            let _ = writeln!(record, "{}", line.replace(root, "."));
        }
    }
}

fn header(workspace: &Workspace, args: &[&str]) -> String {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        words(command.arg("-C").arg(workspace.root()).args(args))
    };
    let revision = git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let changed = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = |requirement: &Requirement| match requirement.check() {
        Check::Found(version) | Check::TooOld(version) => version,
        Check::Missing => "missing".to_owned(),
    };
    let rustc = words(Command::new("rustc").arg("--version"));
    let rows = [
        ("date", now().unwrap_or_default()),
        (
            "revision",
            revision
                + if changed {
                    " with uncommitted changes"
                } else {
                    ""
                },
        ),
        ("command", format!("cargo {}", args.join(" "))),
        (
            "cpu",
            field(&cpuinfo, "model name")
                .unwrap_or("unknown")
                .to_owned(),
        ),
        (
            "cores",
            thread::available_parallelism()
                .map_or(0, usize::from)
                .to_string(),
        ),
        ("memory", memory(&meminfo)),
        ("kernel", kernel.trim_end().to_owned()),
        ("redis-server", version(&requirement::REDIS_SERVER)),
        ("mariadbd", version(&requirement::MARIADB_SERVER)),
        ("rustc", rustc.unwrap_or_else(|| "unknown".to_owned())),
    ];
    rows.map(|(name, value)| format!("{name}: {value}"))
        .join("\n")
}

/// The value of a `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .filter(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
        .next()
}

fn memory(meminfo: &str) -> String {
    let kib =
        field(meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024))
}

/// UTC, fit for a file name.
fn now() -> Result<String, Failure> {
    words(Command::new("date").args(["-u", "+%Y-%m-%dT%H%M%SZ"]))
        .ok_or_else(|| Failure::new("`date` does not work", "install coreutils"))
}

/// What a command prints, if it succeeds.
fn words(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_says_what_ran_where() {
        let header = header(&Workspace::find().unwrap(), &["test"]);
        for name in [
            "date",
            "revision",
            "command",
            "cpu",
            "cores",
            "memory",
            "kernel",
            "redis-server",
            "mariadbd",
        ] {
            let line = header
                .lines()
                .find(|line| line.starts_with(&format!("{name}: ")));
            assert!(
                line.is_some_and(|line| line.len() > name.len() + 2),
                "{name} in {header}"
            );
        }
    }

    #[test]
    fn the_long_tests_of_every_package_run() {
        let packages = packages_with_soak_tests(&Workspace::find().unwrap()).unwrap();
        assert!(packages.contains(&"inventory-core".to_owned()));
        assert!(!packages.contains(&"devstack".to_owned()));
        let args = test_args(&["one".to_owned(), "two".to_owned()]).join(" ");
        let expected = "test --release -p one -p two --features one/soak,two/soak --test soak";
        assert_eq!(args, expected);
    }

    #[test]
    fn output_is_shown_as_it_is_and_recorded_without_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let record = Mutex::new(File::create(&path).unwrap());
        let mut shown = Vec::new();
        copy(
            Some(&b"at /home/me/checkout/x.rs\nok"[..]),
            &mut shown,
            &record,
            "/home/me/checkout",
        );
        assert_eq!(shown, b"at /home/me/checkout/x.rs\nok\n");
        assert_eq!(fs::read_to_string(path).unwrap(), "at ./x.rs\nok\n");
    }

    #[test]
    fn memory_is_read_in_mib() {
        assert_eq!(
            memory("MemTotal:       25165824 kB\nMemFree: 1 kB\n"),
            "24576 MiB"
        );
        assert_eq!(memory(""), "unknown");
    }
}
