use std::time::Duration;

use clap::Args;

use super::TopicSettings;
use crate::{config::Problems, inbox};

/// Partitions of a topic at most.
const PARTITIONS_MAX: i32 = 1000;

/// Copies of a partition at most.
const REPLICATION_MAX: i32 = 9;

/// How long a dead letter may wait for whoever replays it, after its topic and that of the letters
/// have kept it for as long as they can.
const REPLAY_SLACK: Duration = Duration::from_secs(7 * 86_400);

/// How topics are made, as every service is told.
#[derive(Debug, Clone, Args)]
pub struct TopicFlags {
    /// Partitions of the topics that are created.
    #[arg(long, value_name = "N", default_value = "6")]
    pub topic_partitions: String,
    /// Copies of each partition of the topics that are created.
    #[arg(long, value_name = "N", default_value = "1")]
    pub topic_replication: String,
    /// How long the topics that are created keep events.
    #[arg(long, value_name = "S", default_value = "604800")]
    pub topic_retention_seconds: String,
    /// How long the topics of dead letters that are created keep them; with the retention of events
    /// at most 83 days, as handled events are remembered for 90.
    #[arg(long, value_name = "S", default_value = "2592000")]
    pub dlq_retention_seconds: String,
}

impl TopicFlags {
    /// What they say.
    pub fn settings(&self, problems: &mut Problems) -> TopicSettings {
        let longest = inbox::KEEP.saturating_sub(REPLAY_SLACK);
        let range = || 1..=longest.as_secs();
        let settings = TopicSettings {
            partitions: problems.number(
                "topic-partitions",
                &self.topic_partitions,
                1..=PARTITIONS_MAX,
            ),
            replication: problems.number(
                "topic-replication",
                &self.topic_replication,
                1..=REPLICATION_MAX,
            ),
            retention: problems.seconds(
                "topic-retention-seconds",
                &self.topic_retention_seconds,
                range(),
            ),
            dlq_retention: problems.seconds(
                "dlq-retention-seconds",
                &self.dlq_retention_seconds,
                range(),
            ),
        };
        // A letter may be of an event that its topic was about to drop.
        if settings.retention + settings.dlq_retention > longest {
            problems.add(
                "dlq-retention-seconds",
                format_args!(
                    "must be at most {} with --topic-retention-seconds: handled events are forgotten \
                     after {} days, and none may come again after that",
                    longest.as_secs(),
                    inbox::KEEP.as_secs() / 86_400,
                ),
            );
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{self, NoConfig};

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        topics: TopicFlags,
    }

    fn settings(args: &[&str]) -> Result<TopicSettings, NoConfig> {
        let args = [&["test"], args].concat();
        let (flags, mut problems) = config::parse::<Flags>("KITTOPICS", args)?;
        let settings = flags.topics.settings(&mut problems);
        problems.finish(settings)
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let (said, default) = (settings(&[]).expect("fine"), TopicSettings::default());
        assert_eq!(format!("{said:?}"), format!("{default:?}"));
    }

    #[test]
    fn an_event_never_comes_again_when_it_is_forgotten() {
        let seconds = |events: u64, letters: u64| {
            let (events, letters) = (events.to_string(), letters.to_string());
            settings(&[
                "--topic-retention-seconds",
                &events,
                "--dlq-retention-seconds",
                &letters,
            ])
        };
        let day = 86_400;
        seconds(53 * day, 30 * day).expect("just so");
        for (events, letters) in [(54 * day, 30 * day), (0, day), (day, 84 * day)] {
            seconds(events, letters).expect_err("too long, or too short");
        }
        settings(&["--topic-replication=10"]).expect_err("too many");
    }
}
