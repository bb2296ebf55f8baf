//! What changed from one run to another.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::number::{duration, mebibytes, milliseconds, percent, short, signed};
use crate::result::{Point, RunResult};

/// Changes below this many per cent are noise.
pub(super) const NOISE_PERCENT: f64 = 5.0;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    More,
    Less,
    /// Only to be known.
    None,
}

/// How a figure changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Better,
    Worse,
    Same,
    /// It has no good and bad side, or one of the runs does not have it.
    Open,
}

/// One figure in both runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) before: String,
    pub(super) after: String,
    /// In per cent of the figure before; none where that was nothing.
    pub(super) change: Option<f64>,
    pub(super) judgement: Judgement,
}

impl Judgement {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Open => "",
        }
    }
}

impl Row {
    fn of(
        what: &str,
        (before, after): (Option<f64>, Option<f64>),
        aim: Aim,
        write: impl Fn(f64) -> String,
    ) -> Self {
        let change = before
            .zip(after)
            .and_then(|(before, after)| change(before, after));
        let text = |value: Option<f64>| value.map_or_else(|| "\u{2013}".to_owned(), &write);
        Self {
            what: what.to_owned(),
            before: text(before),
            after: text(after),
            change,
            judgement: judge(before.zip(after), aim),
        }
    }

    pub(super) fn change_text(&self) -> String {
        self.change.map_or_else(String::new, percent)
    }
}

/// In per cent of `before`; none where nothing became something.
pub(super) fn change(before: f64, after: f64) -> Option<f64> {
    if before == after {
        return Some(0.0);
    }
    (before != 0.0).then(|| (after - before) / before.abs() * 100.0)
}

fn judge(values: Option<(f64, f64)>, aim: Aim) -> Judgement {
    let Some((before, after)) = values else {
        return Judgement::Open;
    };
    if aim == Aim::None {
        return Judgement::Open;
    }
    if change(before, after).is_some_and(|change| change.abs() < NOISE_PERCENT) {
        return Judgement::Same;
    }
    match (after.partial_cmp(&before), aim) {
        (Some(Ordering::Greater), Aim::More) | (Some(Ordering::Less), Aim::Less) => {
            Judgement::Better
        }
        _ => Judgement::Worse,
    }
}

/// Every figure that both runs can have.
pub(super) fn rows(before: &RunResult, after: &RunResult) -> Vec<Row> {
    let both = |value: fn(&RunResult) -> Option<f64>| (value(before), value(after));
    let latency = |value: fn(&RunResult) -> f64| (Some(value(before)), Some(value(after)));
    let mib = |bytes: f64| format!("{} MiB", short(bytes));
    let seconds = |seconds: f64| milliseconds(seconds * 1_000.0);
    let mut rows = vec![
        Row::of(
            "requests a second",
            both(|r| Some(r.requests_per_second)),
            Aim::More,
            short,
        ),
        Row::of(
            "p50",
            latency(|r| r.latency_ms.p50),
            Aim::Less,
            milliseconds,
        ),
        Row::of(
            "p95",
            latency(|r| r.latency_ms.p95),
            Aim::Less,
            milliseconds,
        ),
        Row::of(
            "p99",
            latency(|r| r.latency_ms.p99),
            Aim::Less,
            milliseconds,
        ),
        Row::of(
            "p99.9",
            latency(|r| r.latency_ms.p999),
            Aim::Less,
            milliseconds,
        ),
        Row::of(
            "longest",
            latency(|r| r.latency_ms.max),
            Aim::Less,
            milliseconds,
        ),
        Row::of(
            "longest lag",
            both(|r| worst(r, |p| p.lag_seconds)),
            Aim::Less,
            seconds,
        ),
        Row::of(
            "memory of Redis",
            both(|r| most(r, |p| p.redis_memory_bytes)),
            Aim::Less,
            mib,
        ),
        Row::of(
            "memory of sync-worker",
            both(|r| most(r, |p| p.worker_memory_bytes)),
            Aim::Less,
            mib,
        ),
        Row::of(
            "memory of inventory-server",
            both(|r| most(r, |p| p.server_memory_bytes)),
            Aim::Less,
            mib,
        ),
        Row::of(
            "thresholds crossed",
            both(|r| Some(crossed(r))),
            Aim::Less,
            short,
        ),
        Row::of(
            "requests",
            both(|r| Some(float(r.requests))),
            Aim::None,
            short,
        ),
        Row::of(
            "duration",
            both(|r| Some(r.duration_seconds)),
            Aim::None,
            duration,
        ),
    ];
    rows.extend(counted(
        before,
        after,
        |r| &r.counters,
        |name| name.replace('_', " "),
    ));
    rows.extend(counted(
        before,
        after,
        |r| &r.refused,
        |code| format!("refused {code}"),
    ));
    rows
}

fn counted(
    before: &RunResult,
    after: &RunResult,
    of: fn(&RunResult) -> &BTreeMap<String, u64>,
    called: fn(&str) -> String,
) -> Vec<Row> {
    let names: BTreeSet<&String> = of(before).keys().chain(of(after).keys()).collect();
    let value = |run, name: &str| Some(float(of(run).get(name).copied().unwrap_or(0)));
    let row = |name: &&String| {
        let values = (value(before, name), value(after, name));
        Row::of(&called(name), values, Aim::None, short)
    };
    names.iter().map(row).collect()
}

/// Why the two may not be comparable, a sentence each.
pub(super) fn cautions(before: &RunResult, after: &RunResult) -> Vec<String> {
    let facts: [(&str, String, String); 6] = [
        ("scenario", before.scenario.clone(), after.scenario.clone()),
        ("profile", before.profile.clone(), after.profile.clone()),
        (
            "durability",
            before.durability.clone(),
            after.durability.clone(),
        ),
        (
            "processor",
            before.machine.cpu.clone(),
            after.machine.cpu.clone(),
        ),
        (
            "cores",
            before.machine.cores.to_string(),
            after.machine.cores.to_string(),
        ),
        (
            "kernel",
            before.machine.kernel.clone(),
            after.machine.kernel.clone(),
        ),
    ];
    let mut sentences: Vec<String> = facts
        .into_iter()
        .filter(|(_, one, other)| one != other)
        .map(|(what, one, other)| format!("The {what} differs: {one}, then {other}."))
        .collect();
    for (name, run) in [("first", before), ("second", after)] {
        if !run.ok {
            sentences.push(format!("The {name} run failed; its figures prove nothing."));
        }
    }
    for (program, version) in &before.versions {
        if let Some(other) = after
            .versions
            .get(program)
            .filter(|other| *other != version)
        {
            sentences.push(format!(
                "{program} has another version: {version}, then {other}."
            ));
        }
    }
    sentences
}

/// How a run is called in a heading.
pub(super) fn name(run: &RunResult) -> String {
    format!(
        "{} {} {} ({})",
        run.scenario, run.profile, run.started_at, run.revision
    )
}

/// Better and worse, in words.
pub(super) fn summary(rows: &[Row]) -> String {
    let count = |judgement| rows.iter().filter(|row| row.judgement == judgement).count();
    format!(
        "{} better, {} worse, {} within {NOISE_PERCENT} %",
        count(Judgement::Better),
        count(Judgement::Worse),
        count(Judgement::Same)
    )
}

/// For a terminal.
pub(super) fn table(before: &RunResult, after: &RunResult) -> String {
    let rows = rows(before, after);
    let mut text = format!("before: {}\nafter:  {}\n\n", name(before), name(after));
    let mut cells = vec![["", "before", "after", "change", ""].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let word = row.judgement.word().to_owned();
        [
            row.what.clone(),
            row.before.clone(),
            row.after.clone(),
            row.change_text(),
            word,
        ]
    }));
    cells.push(verified(before, after));
    let width = |place: usize| {
        cells
            .iter()
            .map(|row| row[place].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), width(3)];
    for row in &cells {
        let [what, before, after, change, word] = row;
        let [a, b, c, d] = widths;
        let line = format!("{what:<a$}  {before:>b$}  {after:>c$}  {change:>d$}  {word}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "\n{}", summary(&rows));
    for caution in cautions(before, after) {
        let _ = writeln!(text, "note: {caution}");
    }
    text
}

fn verified(before: &RunResult, after: &RunResult) -> [String; 5] {
    let word = |run: &RunResult| match run.verification.ok {
        true => format!("{} units", signed(run.verification.client_accepted)),
        false => "differs".to_owned(),
    };
    [
        "verified".to_owned(),
        word(before),
        word(after),
        String::new(),
        String::new(),
    ]
}

fn worst(run: &RunResult, value: fn(&Point) -> Option<f64>) -> Option<f64> {
    run.series.iter().filter_map(value).reduce(f64::max)
}

fn most(run: &RunResult, value: fn(&Point) -> Option<u64>) -> Option<f64> {
    run.series.iter().filter_map(value).max().map(mebibytes)
}

fn crossed(run: &RunResult) -> f64 {
    let crossed = run.thresholds.iter().filter(|threshold| !threshold.ok);
    crossed.fold(0.0, |count, _| count + 1.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn row<'a>(rows: &'a [Row], what: &str) -> &'a Row {
        rows.iter().find(|row| row.what == what).unwrap()
    }

    #[test]
    fn a_change_is_in_per_cent_of_what_was() {
        assert_eq!(change(200.0, 150.0), Some(-25.0));
        assert_eq!(change(0.5, 1.0), Some(100.0));
        assert_eq!(change(-10.0, -5.0), Some(50.0));
        assert_eq!(change(0.0, 0.0), Some(0.0));
        assert_eq!(change(0.0, 3.0), None);
    }

    #[test]
    fn better_is_more_throughput_and_less_of_the_rest() {
        let judged = |before, after, aim| judge(Some((before, after)), aim);
        assert_eq!(judged(100.0, 120.0, Aim::More), Judgement::Better);
        assert_eq!(judged(100.0, 80.0, Aim::More), Judgement::Worse);
        assert_eq!(judged(100.0, 120.0, Aim::Less), Judgement::Worse);
        assert_eq!(judged(100.0, 80.0, Aim::Less), Judgement::Better);
        assert_eq!(judged(100.0, 104.9, Aim::Less), Judgement::Same);
        assert_eq!(judged(0.0, 1.0, Aim::Less), Judgement::Worse);
        assert_eq!(judged(100.0, 500.0, Aim::None), Judgement::Open);
        assert_eq!(judge(None, Aim::Less), Judgement::Open);
    }

    #[test]
    fn rows_have_what_either_run_has() {
        let before = sample::run();
        let mut after = sample::run();
        after.latency_ms.p99 = 10.0;
        after.refused.clear();
        after.counters.insert("orders_placed".to_owned(), 3);
        let rows = rows(&before, &after);
        let p99 = row(&rows, "p99");
        assert_eq!((&*p99.before, &*p99.after), ("20 ms", "10 ms"));
        assert_eq!(
            (p99.change, p99.judgement),
            (Some(-50.0), Judgement::Better)
        );
        assert_eq!(
            row(&rows, "memory of inventory-server").judgement,
            Judgement::Open
        );
        assert_eq!(row(&rows, "refused INSUFFICIENT_STOCK").after, "0");
        let placed = row(&rows, "orders placed");
        assert_eq!((&*placed.before, placed.change), ("0", None));
        assert_eq!(placed.after, "3");
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let before = sample::run();
        assert_eq!(cautions(&before, &before), Vec::<String>::new());
        let mut after = sample::run();
        after.profile = "baseline".to_owned();
        after.ok = false;
        after.versions.insert("redis".to_owned(), "8.0".to_owned());
        assert_eq!(cautions(&before, &after).len(), 3);
        assert!(
            table(&before, &after).contains("note: The profile differs: smoke, then baseline.")
        );
    }

    #[test]
    fn columns_of_the_table_stand_below_each_other() {
        let text = table(&sample::run(), &sample::run());
        let head = text.lines().find(|line| line.contains("before  ")).unwrap();
        let p99 = text.lines().find(|line| line.starts_with("p99 ")).unwrap();
        let end = |line: &str, word: &str| line.find(word).unwrap() + word.len();
        assert_eq!(end(head, "before"), end(p99, "20 ms"));
        assert!(text.contains("verified") && text.contains("448 units"));
    }
}
