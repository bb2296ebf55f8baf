//! The tables that are printed and kept.

use std::fmt::Write as _;

use crate::{
    cell::{CONNECTIONS, Cell, Load, Part, stock_name},
    curve::Panel,
    open_loop,
    options::Options,
    ratios::Ratio,
    rounds::{Row, Sample},
};

/// All that was measured.
#[derive(Debug)]
pub struct Results {
    /// A line each.
    pub machine: Vec<String>,
    /// By cell.
    pub rows: Vec<Row>,
    /// Latency under load.
    pub panels: Vec<Panel>,
    /// What was aimed at.
    pub ratios: Vec<Ratio>,
    /// What is missing, and why.
    pub failures: Vec<String>,
}

/// The report as Markdown.
#[must_use]
pub fn markdown(options: &Options, results: &Results) -> String {
    let mut text = String::from("# load/compare\n\n");
    for line in &results.machine {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(
        text,
        "- {} rounds of {} s, interleaved, medians; wrk -t1 on the same machine; each reservation has an \
         id of its own; Redis over a unix socket, AOF everysec, unless said otherwise; every measurement on \
         a fresh store; the units that are reserved afterwards were counted",
        options.rounds(),
        options.seconds()
    );
    if !options.server_arg.is_empty() {
        let _ = writeln!(
            text,
            "- inventory-server with {}",
            options.server_arg.join(" ")
        );
    }
    text.push('\n');
    failures(&mut text, &results.failures);
    ratios(&mut text, &results.ratios);
    single(&mut text, &results.rows);
    bulk(&mut text, &results.rows);
    special(&mut text, &results.rows);
    latency(&mut text, &results.panels);
    text
}

fn failures(text: &mut String, failures: &[String]) {
    if failures.is_empty() {
        return;
    }
    text.push_str("FAILED, and left out:\n\n");
    for failure in failures {
        let _ = writeln!(text, "- {}", failure.replace(['\r', '\n'], " "));
    }
    text.push('\n');
}

fn ratios(text: &mut String, ratios: &[Ratio]) {
    if ratios.is_empty() {
        return;
    }
    text.push_str("| ratio | target | reached | |\n|---|---|---|---|\n");
    for ratio in ratios {
        let met = if ratio.is_met() { "met" } else { "missed" };
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} | {met} |",
            ratio.what, ratio.aim, ratio.reached
        );
    }
}

fn single(text: &mut String, rows: &[Row]) {
    let rows = of(rows, &[Part::Single]);
    if rows.is_empty() {
        return;
    }
    text.push_str(
        "\n## One reservation of one line in a request\n\n| what | connections | stock | requests/s | p50 ms \
         | p99 ms | server us/request | Redis us/request | reservations in a call |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let Load { connections, .. } = row.cell.load;
        let _ = writeln!(
            text,
            "| {} | {connections} | {} | {} | {} |",
            row.cell.name(),
            row.cell.load.stock(),
            figures(row.sample),
            number(row.sample.per_call, 1)
        );
    }
}

fn bulk(text: &mut String, rows: &[Row]) {
    let rows = of(rows, &[Part::Bulk]);
    if rows.is_empty() {
        return;
    }
    text.push_str(
        "\n## The bulk endpoint\n\nLatencies are of requests, all else is per reservation.\n\n| what | \
         connections | stock | reservations/s | p50 ms | p99 ms | server us | Redis us |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let Load { connections, .. } = row.cell.load;
        let _ = writeln!(
            text,
            "| {} | {connections} | {} | {} |",
            row.cell.name(),
            row.cell.load.stock(),
            figures(row.sample)
        );
    }
}

fn special(text: &mut String, rows: &[Row]) {
    let parts = [Part::Lines, Part::Tcp, Part::Durable, Part::Holds];
    let special = of(rows, &parts);
    if special.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n## What changes it\n\n1,000 SKUs. Latencies are of requests, all else is per reservation. The last \
         column is the rate by that of the same target as shipped, with one line in a request and {} \
         connections.\n\n| what | connections | reservations/s | p50 ms | p99 ms | server us | Redis us | by \
         the usual |\n|---|---|---|---|---|---|---|---|",
        CONNECTIONS[0]
    );
    for row in special {
        let Load { connections, .. } = row.cell.load;
        let usual = Cell::single(row.cell.target, CONNECTIONS[0], row.cell.load.skus);
        let usual = rows.iter().find(|row| row.cell == usual);
        let share = usual.map(|usual| row.sample.per_second / usual.sample.per_second);
        let _ = writeln!(
            text,
            "| {} | {connections} | {} | {} |",
            row.cell.name(),
            figures(row.sample),
            number(share, 2)
        );
    }
}

fn latency(text: &mut String, panels: &[Panel]) {
    if panels.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n## Latency under load\n\nAn open loop: requests are due at fixed times, evenly, and latencies count \
         from the moment at which a request was due, sent or not. {} connections, so that they are not the \
         limit. Saturation is what the same generator gets when each connection asks again at once. \
         hello-world is given the rates of the server: what machine, kernel and generator have in it.\n\n\
         ![p50 and p99 by load](latency.svg)\n",
        open_loop::CONNECTIONS
    );
    for panel in panels {
        for series in &panel.series {
            let _ = writeln!(
                text,
                "\n{}, {}, saturated at {:.0}/s:\n\n| of saturation | due/s | p50 ms | p99 ms | p99.9 ms | \
                 max ms |\n|---|---|---|---|---|---|",
                series.target.name(),
                stock_name(panel.skus),
                series.saturation
            );
            for point in &series.points {
                let _ = writeln!(
                    text,
                    "| {:.0} % | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} |",
                    100.0 * point.per_second / series.saturation,
                    point.per_second,
                    point.p50_ms,
                    point.p99_ms,
                    point.p999_ms,
                    point.max_ms
                );
            }
        }
    }
}

fn of(rows: &[Row], parts: &[Part]) -> Vec<Row> {
    let wanted = rows.iter().filter(|row| parts.contains(&row.cell.part));
    wanted.copied().collect()
}

fn figures(sample: Sample) -> String {
    format!(
        "{:.0} | {} | {} | {} | {}",
        sample.per_second,
        number(sample.p50_ms, 2),
        number(sample.p99_ms, 2),
        number(sample.server_us, 1),
        number(sample.redis_us, 1)
    )
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}
