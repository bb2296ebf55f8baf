//! The table that is printed and kept.

use std::fmt::Write as _;

/// One line of the table: a target under one load.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Connections.
    pub connections: u32,
    /// `1,000 SKUs` or `one hot SKU`.
    pub skus: &'static str,
    /// Median over the rounds, requests per second.
    pub per_second: f64,
    /// Median over the rounds, ms; none for redis-benchmark.
    pub p50_ms: Option<f64>,
    /// Median over the rounds, ms.
    pub p99_ms: Option<f64>,
    /// CPU of the server per request, microseconds.
    pub server_us: Option<f64>,
    /// CPU of Redis per request, microseconds.
    pub redis_us: Option<f64>,
}

/// A target set beside what was reached.
#[derive(Debug, Clone)]
pub struct Ratio {
    /// What is compared.
    pub what: String,
    /// What was aimed at, in words.
    pub target: &'static str,
    /// What was reached.
    pub reached: f64,
    /// Whether that is enough.
    pub met: bool,
}

/// The value in the middle.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The report as Markdown.
#[must_use]
pub fn markdown(machine: &[String], how: &str, rows: &[Row], ratios: &[Ratio]) -> String {
    let mut text = String::from("# load/compare\n\n");
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(text, "- {how}\n");
    text.push_str("| what | connections | stock | requests/s | p50 ms | p99 ms | server us/request | Redis us/request |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {} | {} | {} | {} |",
            row.name,
            row.connections,
            row.skus,
            row.per_second,
            number(row.p50_ms, 2),
            number(row.p99_ms, 2),
            number(row.server_us, 1),
            number(row.redis_us, 1),
        );
    }
    text.push_str("\n| ratio at 64 connections | target | reached | |\n|---|---|---|---|\n");
    for ratio in ratios {
        let met = if ratio.met { "met" } else { "missed" };
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} | {met} |",
            ratio.what, ratio.target, ratio.reached
        );
    }
    text
}
