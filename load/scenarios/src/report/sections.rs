//! The parts of the page of a run.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    buckets::{Bucket, POINTS_MAX, ROWS_MAX, buckets},
    chart::{Chart, Line},
    html::{escape, list, table},
    number::{duration, mebibytes, milliseconds, short, signed, whole},
};
use crate::result::{RunResult, Stock, Threshold, Verification};

/// A figure of some seconds, where there is one.
type Figure = fn(&Bucket) -> Option<f64>;

/// Says in one sentence how the run ended, and what went wrong.
pub(super) fn verdict(result: &RunResult) -> String {
    let crossed = result.thresholds.iter().filter(|threshold| !threshold.ok);
    let only_thresholds = result.verification.ok && crossed.count() == result.failures.len();
    let (class, word) = match result.ok {
        true => ("passed", "Passed"),
        false if only_thresholds => ("slow", "Verified, but a threshold was crossed"),
        false => ("failed", "Failed"),
    };
    let mut html = format!("<div class=\"verdict {class}\">\n<p class=\"word\">{word}</p>\n");
    let _ = writeln!(html, "<p>{}</p>", escape(&sentence(&result.verification)));
    html.push_str(&list("failures", &result.failures));
    html.push_str("</div>\n");
    html
}

fn sentence(verification: &Verification) -> String {
    let units = signed(verification.client_accepted);
    let asked = stores(verification);
    let agree: Vec<&str> = asked
        .iter()
        .filter(|(_, found)| *found == Some(verification.client_accepted))
        .map(|(name, _)| *name)
        .collect();
    if !verification.ok {
        return "What the clients counted is not what the stores have.".to_owned();
    }
    match agree.split_last() {
        None => "No store was asked: nothing is verified but the answers themselves.".to_owned(),
        Some((only, [])) => format!("The clients counted {units} units; {only} has exactly that."),
        Some((last, others)) => format!(
            "The clients counted {units} units; {} and {last} have exactly that.",
            others.join(", ")
        ),
    }
}

fn stores(verification: &Verification) -> [(&'static str, Option<i64>); 4] {
    [
        ("Redis", verification.redis),
        ("the journal", verification.journal),
        ("MariaDB", verification.mariadb),
        ("Kafka", verification.kafka),
    ]
}

/// The figures one asks for first.
pub(super) fn key_figures(result: &RunResult) -> String {
    let mut tiles = vec![
        ("requests", whole(result.requests)),
        ("a second", short(result.requests_per_second)),
        ("half are faster than", milliseconds(result.latency_ms.p50)),
        ("99 % are faster than", milliseconds(result.latency_ms.p99)),
        (
            "99.9 % are faster than",
            milliseconds(result.latency_ms.p999),
        ),
        ("refused as expected", whole(result.refused.values().sum())),
    ];
    let lag = result.series.iter().filter_map(|point| point.lag_seconds);
    if let Some(lag) = lag.reduce(f64::max) {
        tiles.push(("longest lag", milliseconds(lag * 1_000.0)));
    }
    tiles.push(("took", duration(result.duration_seconds)));
    let mut html = String::from("<dl class=\"tiles\">\n");
    for (name, value) in tiles {
        let _ = writeln!(
            html,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            escape(&value)
        );
    }
    html.push_str("</dl>\n");
    html
}

/// Clients and stores side by side.
pub(super) fn verification(result: &RunResult) -> String {
    let verification = &result.verification;
    let clients = verification.client_accepted;
    let mut html = String::from(
        "<p>Units that the run took from what was available, net: held, or sold and not returned. Each store is asked \
         by itself when all has settled.</p>\n<div class=\"scroll\"><table class=\"verification\">\n<caption>Units by \
         who counted them</caption>\n<thead><tr><th scope=\"col\"></th><th scope=\"col\">clients</th>",
    );
    for (name, _) in stores(verification) {
        let _ = write!(html, "<th scope=\"col\">{name}</th>");
    }
    let _ = write!(
        html,
        "</tr></thead>\n<tbody>\n<tr><th scope=\"row\">units</th><td>{}</td>",
        signed(clients)
    );
    for (_, found) in stores(verification) {
        let _ = write!(
            html,
            "<td>{}</td>",
            found.map_or_else(|| "not asked".to_owned(), signed)
        );
    }
    html.push_str("</tr>\n<tr><th scope=\"row\">difference</th><td></td>");
    for (_, found) in stores(verification) {
        let _ = match found.map(|found| found.saturating_sub(clients)) {
            None => write!(html, "<td>\u{2013}</td>"),
            Some(0) => write!(html, "<td class=\"good\">\u{2713} none</td>"),
            Some(other) => write!(html, "<td class=\"bad\">\u{2717} {}</td>", signed(other)),
        };
    }
    html.push_str("</tr>\n</tbody>\n</table></div>\n");
    html.push_str(&list("failures", &verification.differences));
    html.push_str(&list("notes", &verification.notes));
    html.push_str(&list("notes", &verification.not_verified));
    html
}

/// Throughput, latency, lag and memory over time.
pub(super) fn charts(result: &RunResult) -> String {
    let (all, seconds_a_point) = buckets(&result.series, POINTS_MAX);
    let lines = |lines: &[(&str, Figure)]| {
        let line = |(label, value): &(&str, Figure)| Line::new(label, all.iter().map(value));
        lines.iter().map(line).collect::<Vec<_>>()
    };
    let chart = |id, title: &str, about: &str, unit, lines| Chart {
        id,
        title: title.to_owned(),
        about: about.to_owned(),
        unit,
        may_be_logarithmic: id == "latency",
        seconds: all.iter().map(|bucket| bucket.second).collect(),
        seconds_a_point,
        lines,
    };
    let mut throughput = lines(&[("requests a second", |b| Some(b.requests))]);
    if !result.refused.is_empty() {
        throughput.extend(lines(&[("of them refused", |b| Some(b.refused))]));
    }
    let drawn = [
        chart(
            "throughput",
            "Throughput",
            "Requests that were answered, and those refused as expected.",
            short,
            throughput,
        ),
        chart(
            "latency",
            "Latency",
            "Of all requests, by when they were answered.",
            milliseconds,
            lines(&[("p50", |b| b.p50), ("p95", |b| b.p95), ("p99", |b| b.p99)]),
        ),
        chart(
            "stock",
            "Where the units are",
            "Of the SKUs of the run, all together.",
            short,
            lines(&[
                ("available", |b| units(b, |stock| stock.available)),
                ("held", |b| units(b, |stock| stock.held)),
                ("sold", |b| units(b, |stock| stock.sold)),
            ]),
        ),
        chart(
            "lag",
            "Lag of the projection",
            "How far MariaDB was behind the journal in Redis.",
            |seconds| milliseconds(seconds * 1_000.0),
            lines(&[("lag", |b| b.lag_seconds)]),
        ),
        chart(
            "memory",
            "Memory",
            "What each process used.",
            |mib| format!("{} MiB", short(mib)),
            lines(&[
                ("Redis", |b| b.redis_bytes.map(mebibytes)),
                ("sync-worker", |b| b.worker_bytes.map(mebibytes)),
                ("inventory-server", |b| b.server_bytes.map(mebibytes)),
            ]),
        ),
    ];
    let drawn: String = drawn.into_iter().map(Chart::draw).collect();
    match drawn.is_empty() {
        true => String::new(),
        false => format!("<div class=\"charts\">\n{drawn}</div>\n{}", seconds(result)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "units of a run")]
fn units(bucket: &Bucket, of: fn(&Stock) -> i64) -> Option<f64> {
    bucket.stock.as_ref().map(|stock| of(stock) as f64)
}

/// The same as a table; columns without a figure are left out.
fn seconds(result: &RunResult) -> String {
    let (rows, seconds_a_row) = buckets(&result.series, ROWS_MAX);
    let columns: [(&str, Figure); 12] = [
        ("requests/s", |b| Some(b.requests)),
        ("refused/s", |b| Some(b.refused)),
        ("p50 ms", |b| b.p50),
        ("p95 ms", |b| b.p95),
        ("p99 ms", |b| b.p99),
        ("available", |b| units(b, |stock| stock.available)),
        ("held", |b| units(b, |stock| stock.held)),
        ("sold", |b| units(b, |stock| stock.sold)),
        ("lag s", |b| b.lag_seconds),
        ("Redis MiB", |b| b.redis_bytes.map(mebibytes)),
        ("worker MiB", |b| b.worker_bytes.map(mebibytes)),
        ("server MiB", |b| b.server_bytes.map(mebibytes)),
    ];
    let known = columns
        .iter()
        .filter(|(_, value)| rows.iter().any(|row| value(row).is_some()));
    let known: Vec<_> = known.collect();
    let cell = |value: Option<f64>| value.map_or_else(|| "\u{2013}".to_owned(), short);
    let row = |bucket: &Bucket| {
        let mut cells = vec![bucket.second.to_string()];
        cells.extend(known.iter().map(|(_, value)| cell(value(bucket))));
        cells
    };
    let mut head = vec!["second"];
    head.extend(known.iter().map(|(name, _)| *name));
    let caption = match seconds_a_row {
        1 => "Each second".to_owned(),
        many => format!("Every {many} seconds: means of the rates, the worst of the rest"),
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    format!(
        "<details><summary>The charts as a table</summary>\n{}</details>\n",
        table(&caption, &head, &rows)
    )
}

/// Expected refusals by code, with bars.
pub(super) fn refusals(result: &RunResult) -> String {
    let most = result.refused.values().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut by_count: Vec<_> = result.refused.iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut html = String::from(
        "<p>To be told no is an answer like any other: none of these is a failure.</p>\n<div class=\"scroll\">\
         <table>\n<caption>Expected refusals</caption>\n<thead><tr><th scope=\"col\">code</th><th \
         scope=\"col\">times</th><th class=\"bar\" aria-hidden=\"true\"></th></tr></thead>\n<tbody>\n",
    );
    for (code, count) in by_count {
        // In thousandths of the widest.
        let width = count.saturating_mul(1_000) / most;
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td class=\"bar\" aria-hidden=\"true\"><svg viewBox=\"0 \
             0 1000 10\" preserveAspectRatio=\"none\"><rect width=\"{}\" height=\"10\"/></svg></td></tr>",
            escape(code),
            whole(*count),
            width.max(2)
        );
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// The thresholds of the script by metric, those with a crossed one first.
pub(super) fn thresholds(result: &RunResult) -> String {
    let mut by_metric: BTreeMap<&str, Vec<&Threshold>> = BTreeMap::new();
    for threshold in &result.thresholds {
        by_metric
            .entry(&threshold.metric)
            .or_default()
            .push(threshold);
    }
    if by_metric.is_empty() {
        return String::new();
    }
    let mut rows: Vec<_> = by_metric.into_iter().collect();
    rows.sort_by_key(|(_, thresholds)| thresholds.iter().all(|threshold| threshold.ok));
    let mut html = String::from(
        "<div class=\"scroll\"><table class=\"words\">\n<caption>What the script asks for</caption>\n<thead><tr><th \
         scope=\"col\">metric</th><th scope=\"col\">must be</th></tr></thead>\n<tbody>\n",
    );
    for (metric, thresholds) in rows {
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td>",
            escape(metric)
        );
        for threshold in thresholds {
            let (class, mark) = match threshold.ok {
                true => ("good", "\u{2713}"),
                false => ("bad", "\u{2717} crossed:"),
            };
            let condition = escape(&threshold.threshold);
            let _ = write!(
                html,
                "<span class=\"condition {class}\">{mark} {condition}</span> "
            );
        }
        html.push_str("</td></tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// What the clients counted, by the script's metrics.
pub(super) fn counters(result: &RunResult) -> String {
    if result.counters.is_empty() {
        return String::new();
    }
    let row = |(name, count): (&String, &u64)| vec![name.replace('_', " "), whole(*count)];
    let rows: Vec<Vec<String>> = result.counters.iter().map(row).collect();
    table("Counted by the clients", &["what", "times or units"], &rows)
}

/// Machine, versions, and how the stack was set.
pub(super) fn environment(result: &RunResult) -> String {
    let machine = &result.machine;
    let mut rows = vec![
        ("started", result.started_at.clone()),
        (
            "processor",
            format!("{}, {} cores", machine.cpu, machine.cores),
        ),
        ("memory", format!("{} MiB", whole(machine.memory_mib))),
        ("kernel", machine.kernel.clone()),
        ("durability of Redis", result.durability.clone()),
        ("revision", result.revision.clone()),
    ];
    if !result.sku_id.is_empty() {
        rows.push(("first SKU", result.sku_id.clone()));
        rows.push(("units of each SKU", whole(result.units)));
    }
    let versions = result
        .versions
        .iter()
        .map(|(name, version)| (&**name, version.clone()));
    rows.extend(versions);
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    let html = table("Where and on what", &["what", "value"], &rows);
    html.replacen("<table>", "<table class=\"words\">", 1)
}
