//! What `/proc` says about a process.

use std::{fs, path::PathBuf, time::Duration};

/// A process, told apart from a later one that got the same pid by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Scheduler state letter: `R`, `S`, `T` (stopped), `Z` (ended, not yet reaped) …
    pub state: char,
    /// Threads that it has; one that ends keeps its first to the last.
    pub threads: u32,
    /// Start, in clock ticks since the machine booted.
    pub start_ticks: u64,
}

impl Stat {
    /// Whether it ended and only waits for its parent to take note. As long as another of its threads is
    /// still ending it has not: its files and ports are open, though its first thread says `Z`.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

/// The process with this pid, if there is one.
#[must_use]
pub fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name may hold spaces and brackets; the fields begin after the last `)`.
fn parse(stat: &str) -> Option<Stat> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // proc(5): state is field 3, num_threads field 20, starttime field 22.
    let threads = fields.nth(16)?.parse().ok()?;
    let start_ticks = fields.nth(1)?.parse().ok()?;
    Some(Stat {
        state,
        threads,
        start_ticks,
    })
}

/// How long a process with these start ticks has been running.
#[must_use]
pub fn age(start_ticks: u64) -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    let started = Duration::from_millis(
        start_ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1),
    );
    Some(
        Duration::try_from_secs_f64(now)
            .ok()?
            .saturating_sub(started),
    )
}

/// Every pid at this moment.
pub fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The command name, at most 15 bytes of it.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim_end()
            .to_owned(),
    )
}

/// The working directory, when this user may know it.
#[must_use]
pub fn cwd(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_skipped() {
        let stat = "42 (a) b (c)) T 1 42 42 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 98765 1 2 3";
        assert_eq!(
            parse(stat),
            Some(Stat {
                state: 'T',
                threads: 1,
                start_ticks: 98765
            })
        );
    }

    #[test]
    fn one_whose_other_threads_still_end_has_not_ended() {
        let stat = |state, threads| Stat {
            state,
            threads,
            start_ticks: 1,
        };
        assert!(stat('Z', 1).is_zombie());
        assert!(!stat('Z', 4).is_zombie());
        assert!(!stat('S', 1).is_zombie());
    }

    #[test]
    fn this_process_runs_since_a_moment_ago() {
        let own = stat(std::process::id()).unwrap();
        assert!(!own.is_zombie());
        assert!(age(own.start_ticks).unwrap() < Duration::from_secs(3600));
    }

    #[test]
    fn cut_off_text_is_no_process() {
        assert_eq!(parse("42 (sh) S 1 2"), None);
        assert_eq!(parse(""), None);
    }
}
