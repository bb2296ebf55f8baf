use std::{ops::RangeInclusive, time::Duration};

use clap::Args;

use crate::config::Problems;

/// What a session may be told to be, in seconds: what some broker takes. One with the defaults takes 6 to
/// 1800 (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
pub const SESSION_SECONDS: RangeInclusive<u64> = 1..=1800;

/// [`super::ConsumerSettings::session_timeout`] where nothing is said, in seconds, as text.
pub const SESSION_SECONDS_DEFAULT: &str = "10";

/// How consumers are members of their group, as every service is told.
#[derive(Debug, Clone, Args)]
pub struct GroupFlags {
    /// How long Kafka waits for a consumer that says nothing, and was killed perhaps, before others get its
    /// partitions. Brokers take 6 to 1800 unless they are told otherwise.
    #[arg(long, value_name = "S", default_value = SESSION_SECONDS_DEFAULT)]
    pub kafka_session_seconds: String,
}

impl GroupFlags {
    /// What they say, for [`super::ConsumerSettings::session_timeout`].
    pub fn session(&self, problems: &mut Problems) -> Duration {
        problems.seconds(
            "kafka-session-seconds",
            &self.kafka_session_seconds,
            SESSION_SECONDS,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{self, NoConfig},
        consumer::ConsumerSettings,
    };

    #[derive(Debug, clap::Parser)]
    struct Flags {
        #[command(flatten)]
        group: GroupFlags,
    }

    fn session(args: &[&str]) -> Result<Duration, NoConfig> {
        let args = [&["test"], args].concat();
        let (flags, mut problems) = config::parse::<Flags>("KITGROUP", args)?;
        let session = flags.group.session(&mut problems);
        problems.finish(session)
    }

    #[test]
    fn a_session_is_what_brokers_take() {
        let default = ConsumerSettings::new("g", ["t"]).session_timeout;
        assert_eq!(session(&[]).expect("fine"), default);
        for (said, fine) in [("1", true), ("1800", true), ("0", false), ("1801", false)] {
            assert_eq!(
                session(&["--kafka-session-seconds", said]).is_ok(),
                fine,
                "{said}"
            );
        }
    }
}
