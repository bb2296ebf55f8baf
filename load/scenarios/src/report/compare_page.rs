//! Two runs on one page.

use std::fmt::Write as _;

use super::{
    buckets::{Bucket, POINTS_MAX, buckets},
    chart::{Chart, Line},
    compare::{cautions, name, rows, summary},
    html::{document, escape, list, section},
    number::{milliseconds, short, signed},
};
use crate::result::RunResult;

pub(super) fn page(before: &RunResult, after: &RunResult) -> String {
    let rows = rows(before, after);
    let mut body = format!(
        "<header>\n<h1>Two runs compared</h1>\n<p class=\"when\">before: {}<br>after: {}</p>\n</header>\n",
        escape(&name(before)),
        escape(&name(after))
    );
    let _ = writeln!(
        body,
        "<div class=\"verdict\"><p class=\"word\">{}</p></div>",
        escape(&summary(&rows))
    );
    body.push_str(&list("failures", &cautions(before, after)));
    let mut table = String::from(
        "<div class=\"scroll\"><table>\n<caption>Before and after</caption>\n<thead><tr><th \
         scope=\"col\">what</th><th scope=\"col\">before</th><th scope=\"col\">after</th><th \
         scope=\"col\">change</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
    );
    for row in &rows {
        let (word, mark) = (row.judgement.word(), mark(row.judgement.word()));
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"judged {word}\">{mark}{word}</td></tr>",
            escape(&row.what),
            escape(&row.before),
            escape(&row.after),
            escape(&row.change_text())
        );
    }
    let verified = |run: &RunResult| match run.verification.ok {
        true => format!(
            "\u{2713} {} units",
            signed(run.verification.client_accepted)
        ),
        false => "\u{2717} differs".to_owned(),
    };
    let _ = writeln!(
        table,
        "<tr><th scope=\"row\">verified</th><td>{}</td><td>{}</td><td></td><td></td></tr>",
        verified(before),
        verified(after)
    );
    table.push_str("</tbody>\n</table></div>\n");
    body.push_str(&section("Figures", &table));
    body.push_str(&section("Over time", &charts(before, after)));
    document(&format!("{} compared", before.scenario), &body)
}

fn mark(word: &str) -> &'static str {
    match word {
        "better" => "\u{25B2} ",
        "worse" => "\u{25BC} ",
        _ => "",
    }
}

/// Both runs in one drawing, from their first second.
fn charts(before: &RunResult, after: &RunResult) -> String {
    let seconds = before.series.len().max(after.series.len());
    // Both in buckets of the same length, or their points would not lie at the same times.
    let a_point = seconds.div_ceil(POINTS_MAX).max(1);
    let of = |run: &RunResult| buckets(&run.series, run.series.len().div_ceil(a_point)).0;
    let (one, other) = (of(before), of(after));
    let longer = if one.len() >= other.len() {
        &one
    } else {
        &other
    };
    let chart =
        |id, title: &str, unit: fn(f64) -> String, value: fn(&Bucket) -> Option<f64>| Chart {
            id,
            title: title.to_owned(),
            about: "Both runs from their first second.".to_owned(),
            unit,
            may_be_logarithmic: id != "throughput",
            seconds: longer.iter().map(|bucket| bucket.second).collect(),
            seconds_a_point: a_point,
            lines: vec![
                Line::new("before", one.iter().map(value)),
                Line::new("after", other.iter().map(value)),
            ],
        };
    let drawn = [
        chart("throughput", "Requests a second", short, |b| {
            Some(b.requests)
        }),
        chart("median", "Median latency", milliseconds, |b| b.p50),
        chart("tail", "99th percentile", milliseconds, |b| b.p99),
        chart(
            "lag",
            "Lag of the projection",
            |seconds| milliseconds(seconds * 1_000.0),
            |b| b.lag_seconds,
        ),
    ];
    let drawn: String = drawn.into_iter().map(Chart::draw).collect();
    match drawn.is_empty() {
        true => String::new(),
        false => format!("<div class=\"charts\">\n{drawn}</div>\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn both_runs_are_drawn_and_every_change_is_marked() {
        let before = sample::run();
        let mut after = sample::run();
        after.latency_ms.p99 = 40.0;
        after.latency_ms.p50 = 0.6;
        after.series.truncate(6);
        let html = page(&before, &after);
        assert!(
            html.contains("\u{25BC} worse") && html.contains("\u{25B2} better"),
            "{html}"
        );
        assert!(
            html.contains("+100 %") && html.contains("\u{2212}50 %"),
            "{html}"
        );
        assert!(html.contains("1 better, 1 worse"), "{html}");
        assert_eq!(html.matches("<figure>").count(), 4);
        assert!(!html.contains("NaN") && !html.contains("<script"));
    }

    #[test]
    fn runs_without_a_series_have_no_charts() {
        let mut run = sample::run();
        run.series.clear();
        assert!(!page(&run, &run).contains("<figure>"));
    }
}
