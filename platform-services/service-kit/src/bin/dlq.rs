//! `dlq`: dead letters for people.

use std::{io::Write, ops::RangeInclusive, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use service_kit::{
    audit,
    config::{self, Problems},
    dlq::{self, DlqError, Letters, Pick, Resolution, Resolved},
    kafka::{Kafka, KafkaFlags},
    telemetry::{self, LogFormat},
    tls::TrustFlags,
};

/// Lists, replays and discards events that no consumer could handle.
#[derive(Debug, Parser)]
#[command(
    name = "dlq",
    version,
    after_help = "These flags have environment variables, DLQ_<FLAG>; the flag wins.\n\
        Exit codes: 0 done, 1 no such letter or Kafka does not answer, 64 wrong usage."
)]
struct Flags {
    /// Where Kafka is: host:port[,host:port…].
    #[arg(
        long,
        value_name = "LIST",
        default_value = "127.0.0.1:9092",
        global = true
    )]
    kafka_brokers: String,
    // Before the command, or by DLQ_<FLAG>.
    #[command(flatten)]
    kafka: KafkaFlags,
    #[command(flatten)]
    trust: TrustFlags,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Log level: error, warn, info, debug, trace, or a filter.
    #[arg(long, value_name = "LEVEL", default_value = "error", global = true)]
    log_level: String,
    /// Who does it, for the audit.
    #[arg(long, value_name = "NAME", default_value = "unknown", global = true)]
    user: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the open letters of a topic.
    List {
        #[command(flatten)]
        which: Which,
        /// Those that were replayed or discarded, too, as long as Kafka has them.
        #[arg(long)]
        resolved: bool,
    },
    /// Puts letters on their topic again, key and value unchanged.
    Replay {
        #[command(flatten)]
        which: Which,
        /// All open letters of the topic.
        #[arg(long)]
        all: bool,
    },
    /// Marks letters as not wanted any more.
    Discard {
        #[command(flatten)]
        which: Which,
        /// All open letters of the topic.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// The topic, with or without `.dlq`.
    topic: String,
    /// Letters with this event id; may be repeated.
    #[arg(long = "id", value_name = "EVENT_ID")]
    ids: Vec<String>,
    /// Letters at these offsets of the dead letter topic: `7`, or `7..12` with both ends.
    #[arg(long, value_name = "RANGE")]
    offset: Option<String>,
    /// Letters of this handler.
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Letters with this reason.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
}

fn main() -> ExitCode {
    let (flags, mut problems) = match config::parse::<Flags>("DLQ", std::env::args_os()) {
        Ok(read) => read,
        Err(none) => return none.exit_code("dlq"),
    };
    let log_level = problems.log_level("log-level", &flags.log_level);
    let pick = pick(&flags.command, &mut problems);
    let trust = flags.trust.trust(&mut problems);
    let security = flags
        .kafka
        .security(&flags.kafka_brokers, &trust, &mut problems);
    let kafka = Kafka::new(&flags.kafka_brokers, "dlq").secured(security);
    let pick = match problems.finish(pick) {
        Ok(pick) => pick,
        Err(none) => return none.exit_code("dlq"),
    };
    telemetry::init(LogFormat::Text, &log_level, &trust);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(run(&flags, &kafka, &pick)) {
        Ok((text, found)) => {
            let written = std::io::stdout().write_all(text.as_bytes());
            if written.is_ok() && found {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn pick(command: &Command, problems: &mut Problems) -> Pick {
    let (which, all, changes) = match command {
        Command::List { which, .. } => (which, false, false),
        Command::Replay { which, all } | Command::Discard { which, all } => (which, *all, true),
    };
    let offsets = which.offset.as_ref().and_then(|text| {
        let range = range(text);
        if range.is_none() {
            problems.add(
                "offset",
                format_args!("{text:?} must be an offset like 7, or a range like 7..12"),
            );
        }
        range
    });
    let some = !which.ids.is_empty()
        || which.offset.is_some()
        || which.consumer.is_some()
        || which.reason.is_some();
    if changes && !some && !all {
        problems.add("all", "say which letters, or that you mean all of them");
    }
    Pick {
        ids: which.ids.clone(),
        offsets,
        consumer: which.consumer.clone(),
        reason: which.reason.clone(),
    }
}

fn range(text: &str) -> Option<RangeInclusive<i64>> {
    let (start, end) = text.split_once("..").unwrap_or((text, text));
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (0..=end).contains(&start).then_some(start..=end)
}

/// What to print, and whether there was anything.
async fn run(flags: &Flags, kafka: &Kafka, pick: &Pick) -> Result<(String, bool), DlqError> {
    let (which, resolution) = match &flags.command {
        Command::List { which, resolved } => {
            let letters = dlq::find(kafka, &which.topic, pick, *resolved).await?;
            return Ok((list(flags.json, &letters), true));
        }
        Command::Replay { which, .. } => (which, Resolution::Replayed),
        Command::Discard { which, .. } => (which, Resolution::Discarded),
    };
    let done = dlq::resolve(kafka, &which.topic, pick, resolution).await;
    audit::Line {
        who: &format!("dlq:{}", flags.user),
        action: match resolution {
            Resolution::Replayed => "dlq replay",
            Resolution::Discarded => "dlq discard",
        },
        on: &done.as_ref().map_or_else(
            |_| format!("{} {pick:?}", which.topic),
            |done| format!("{} {:?}", done.topic, done.offsets),
        ),
        outcome: match &done {
            Ok(done) if done.offsets.is_empty() => "refused",
            Ok(_) => "done",
            Err(_) => "failed",
        },
        status: None,
        request_id: None,
    }
    .write();
    let done = done?;
    let found = !done.offsets.is_empty();
    let text = if flags.json {
        json(&done)
    } else {
        let what = match resolution {
            Resolution::Replayed => "replayed",
            Resolution::Discarded => "discarded",
        };
        format!(
            "{}: {} {what}, {} still open{}\n",
            done.topic,
            done.offsets.len(),
            done.open,
            without_value(&done),
        )
    };
    Ok((text, found))
}

/// Letters that cannot be replayed, and what to do about them.
fn without_value(done: &Resolved) -> String {
    if done.without_value.is_empty() {
        return String::new();
    }
    format!(
        "; {} without their value, at {:?}: see `dlq list`, copy the message from its topic where it \
         still is, and discard the letter",
        done.without_value.len(),
        done.without_value
    )
}

fn list(as_json: bool, letters: &Letters) -> String {
    if as_json {
        // More than fits here is told apart, so that the answer stays a list.
        if let Some(more) = more(letters) {
            drop(write!(std::io::stderr(), "dlq: {more}"));
        }
        return json(&letters.letters);
    }
    let mut text = String::new();
    for letter in &letters.letters {
        let place = match (letter.source_partition, letter.source_offset) {
            (Some(partition), Some(offset)) => format!("[{partition}]@{offset}"),
            _ => String::new(),
        };
        let resolution = match letter.resolution {
            None => "",
            Some(Resolution::Replayed) => " (replayed)",
            Some(Resolution::Discarded) => " (discarded)",
        };
        let cut = letter.value_bytes.map_or_else(String::new, |bytes| {
            format!(" (the value of {bytes} bytes was too large to keep)")
        });
        text.push_str(&format!(
            "{:>6}  {}  {}{resolution}  {}{place}  id {}  key {}  by {}\n        {}{cut}\n",
            letter.offset,
            letter.at,
            letter.reason,
            letter.topic,
            letter.event_id.as_deref().unwrap_or("-"),
            letter.key.as_deref().unwrap_or("-"),
            letter.consumer,
            letter.error,
        ));
    }
    text.push_str(&more(letters).unwrap_or_default());
    text.push_str(&format!("{}: {} open\n", letters.topic, letters.open()));
    text
}

/// How to see what is not shown.
fn more(letters: &Letters) -> Option<String> {
    let rest = letters.rest.as_ref()?;
    Some(format!(
        "there is more: --offset {}..{}\n",
        rest.start,
        rest.end.saturating_sub(1)
    ))
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn fail(error: &str) -> ExitCode {
    // A closed standard error is no reason to end otherwise.
    drop(writeln!(std::io::stderr(), "dlq: {error}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_ends() {
        assert_eq!(range("7"), Some(7..=7));
        assert_eq!(range("7..12"), Some(7..=12));
        for bad in ["", "x", "7..", "12..7", "-1", "-1..2"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_runbooks_type_what_is_understood() {
        let typed = monitoring::typed::of("dlq").expect("the runbooks");
        assert!(typed.len() > 8, "{typed:?}");
        for (page, run) in typed {
            let words = std::iter::once(run.program).chain(run.arguments);
            let line = words.collect::<Vec<_>>();
            let (flags, mut problems) = config::parse::<Flags>("DLQ", line.clone())
                .unwrap_or_else(|none| panic!("{page}: {line:?}: {none:?}"));
            let pick = pick(&flags.command, &mut problems);
            let checked = problems.finish(pick);
            assert!(checked.is_ok(), "{page}: {line:?}: {checked:?}");
        }
    }
}
