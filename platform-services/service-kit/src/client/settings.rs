use std::time::Duration;

/// How a neighbour is called.
#[derive(Debug, Clone, Copy)]
pub struct ClientSettings {
    /// Its name, in metrics and messages.
    pub neighbour: &'static str,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time of one attempt, from connecting to the answer's last byte.
    pub attempt_timeout: Duration,
    /// Time of the whole call: waiting for a place and a token, all attempts, the pauses.
    pub timeout: Duration,
    /// Further attempts after the first, of calls that may be repeated.
    pub retries: u32,
    /// The first pause before a further attempt; they double and are spread.
    pub pause_first: Duration,
    /// The longest such pause.
    pub pause_longest: Duration,
    /// Calls under way at once, and connections kept; more wait.
    pub connections_max: usize,
    /// How long an unused connection is kept; shorter than the neighbour keeps it.
    pub idle_timeout: Duration,
    /// Bytes of an answer's body.
    pub body_bytes_max: usize,
    /// Failures in a row that open the breaker.
    pub breaker_failures: usize,
    /// How long an open breaker lets nothing through.
    pub breaker_open: Duration,
    /// Calls that then try it; all must succeed.
    pub breaker_probes: usize,
}

impl ClientSettings {
    /// The defaults, for a neighbour in the same network.
    #[must_use]
    pub const fn new(neighbour: &'static str) -> Self {
        Self {
            neighbour,
            connect_timeout: Duration::from_millis(500),
            attempt_timeout: Duration::from_millis(1500),
            timeout: Duration::from_secs(4),
            retries: 2,
            pause_first: Duration::from_millis(50),
            pause_longest: Duration::from_millis(500),
            connections_max: 64,
            idle_timeout: Duration::from_secs(30),
            body_bytes_max: 4 << 20,
            breaker_failures: 5,
            breaker_open: Duration::from_secs(2),
            breaker_probes: 2,
        }
    }
}
