//! What every process says about itself: processor time, memory, open files and threads, read from
//! `/proc/self` when metrics are asked for. Linux; elsewhere there is nothing to read and nothing is said.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

/// Adds `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds` and
/// `process_threads`, behind the registry's prefix.
pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

/// What is used at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    resident_bytes: u64,
    open_fds: u64,
    threads: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(usage) = usage() else {
            return Ok(());
        };
        let cpu = ConstCounter::new(usage.cpu_seconds);
        let help = "Processor time, user's and system's";
        let unit = Some(&Unit::Seconds);
        cpu.encode(encoder.encode_descriptor("process_cpu", help, unit, cpu.metric_type())?)?;
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let help = "Memory that the process has in use";
        let unit = Some(&Unit::Bytes);
        gauge("process_resident_memory", help, unit, usage.resident_bytes)?;
        let help = "Open files and sockets";
        gauge("process_open_fds", help, None, usage.open_fds)?;
        gauge("process_threads", "Threads", None, usage.threads)
    }
}

fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let (cpu_ticks, threads) = cpu_and_threads(&stat)?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    // The folder that is being read is open, too.
    let fds = fs::read_dir("/proc/self/fd")
        .ok()?
        .count()
        .saturating_sub(1);
    Some(Usage {
        cpu_seconds: seconds(cpu_ticks, rustix::param::clock_ticks_per_second()),
        resident_bytes: pages.saturating_mul(page),
        open_fds: u64::try_from(fds).ok()?,
        threads,
    })
}

/// Ticks of user and system, and threads. The name of the program, in brackets, may have spaces.
fn cpu_and_threads(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let threads = fields.nth(4)?.parse().ok()?;
    Some((user.saturating_add(system), threads))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "millions of years of processor time would lose a tick"
)]
fn seconds(ticks: u64, ticks_per_second: u64) -> f64 {
    ticks as f64 / ticks_per_second.max(1) as f64
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 11 0 100 1 2 3";
        assert_eq!(cpu_and_threads(stat), Some((300, 11)));
        assert_eq!(cpu_and_threads("7 (a) S 1"), None);
        assert!((seconds(300, 100) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_process_says_what_it_uses() {
        let usage = usage().expect("Linux");
        assert!(usage.resident_bytes > 100_000, "{usage:?}");
        assert!(usage.open_fds >= 3 && usage.threads >= 1, "{usage:?}");
        let mut registry = Registry::with_prefix("order");
        register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).expect("written");
        for name in [
            "order_process_cpu_seconds_total",
            "order_process_resident_memory_bytes",
            "order_process_open_fds",
            "order_process_threads",
        ] {
            assert!(text.contains(&format!("\n{name} ")), "{name} in\n{text}");
        }
    }
}
