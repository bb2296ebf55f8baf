use super::code::Code;

/// Something is wrong with the store or the way to it; the caller did nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The shard is fenced: it may have lost something, or another life of Redis answers.
    #[error("the shard is fenced: {0}")]
    Fenced(String),
    /// Redis cannot be reached, is loading or refuses to write. The call did not take effect.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// The call was cut off and could not be settled within its deadline.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// More due holds stand in the way than could be expired within the deadline. Repeat.
    #[error("too many holds are due at once; some were expired, the request was not decided")]
    ReapMore,
    /// A key is not what the engine wrote. Only requests that need it are refused.
    #[error("key {key} is corrupt")]
    Corrupt {
        /// The Redis key.
        key: String,
    },
    /// Redis answered something that no script says.
    #[error("unexpected answer from Redis: {0}")]
    Protocol(String),
}

impl Fault {
    /// The stable code of this fault.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Fenced(_) => Code::ShardRecovering,
            Self::Unavailable(_) => Code::StoreUnavailable,
            Self::OutcomeUnknown(_) => Code::OutcomeUnknown,
            Self::ReapMore => Code::Overloaded,
            Self::Corrupt { .. } => Code::StoreCorrupt,
            Self::Protocol(_) => Code::Internal,
        }
    }
}
