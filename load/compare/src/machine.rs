//! CPU time of processes, and what machine this is.

use std::{fs, process::Command};

/// CPU time that a process has used so far, user and system, in seconds.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // utime and stime, in clock ticks, which are 1/100 s on Linux.
    (ticks(11) + ticks(12)) / 100.0
}

/// CPU, memory, kernel, versions and revision, a line each.
#[must_use]
pub fn describe() -> Vec<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown CPU");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = meminfo
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let first_line = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        output
            .and_then(|o| {
                String::from_utf8(o.stdout)
                    .ok()?
                    .lines()
                    .next()
                    .map(str::to_owned)
            })
            .unwrap_or_else(|| format!("{program}: not found"))
    };
    let redis = first_line("redis-server", &["--version"]);
    let redis = redis
        .split_whitespace()
        .find_map(|w| w.strip_prefix("v="))
        .unwrap_or("?")
        .to_owned();
    vec![
        format!(
            "{model}, {cores} cores, {} GiB, Linux {}",
            kib / 1_048_576,
            first_line("uname", &["-r"])
        ),
        format!(
            "redis-server {redis}, {}",
            first_line("rustc", &["--version"])
        ),
        format!(
            "revision {}{}",
            first_line("git", &["rev-parse", "--short", "HEAD"]),
            if cfg!(debug_assertions) {
                ", a DEBUG build: these figures say nothing"
            } else {
                ""
            }
        ),
    ]
}
