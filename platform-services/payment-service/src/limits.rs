//! Every limit of time and number, with its default.

use std::time::Duration;

/// How the service waits, repeats and gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long an answer of the gateway is awaited.
    pub gateway_timeout: Duration,
    /// Failures of the gateway in a row after which it is left alone for a while. More than for a
    /// neighbour: a bank that is away must not keep the other banks' customers from paying.
    pub gateway_failures: usize,
    /// From the end of that time to the first query of an unknown payment; the pauses double.
    pub look_first: Duration,
    /// The longest pause between two queries of one payment.
    pub look_longest: Duration,
    /// For so long after the attempt, "not found" is no answer: a confirm may still be on its way.
    pub unfound_after: Duration,
    /// So long after the attempt, the gateway is asked a last time about a payment that was not found.
    /// Toss lets nobody confirm a payment after 30 minutes, so nothing can come after that.
    pub last_look: Duration,
    /// How often the hold of an unknown payment is looked after.
    pub extend_every: Duration,
    /// What a hold is extended to, from now, where less is left.
    pub extend_to: Duration,
    /// For how long after the attempt.
    pub extend_max: Duration,
    /// The first pause after a refund was refused or not answered; the pauses double.
    pub refund_first: Duration,
    /// The longest such pause. There is no last try.
    pub refund_longest: Duration,
    /// How often due work is looked for, unless somebody in this process has some.
    pub poll: Duration,
    /// Calls to the gateway by background work at once.
    pub calls_max: u32,
    /// Between two queries that webhooks cause for one payment.
    pub webhook_gap: Duration,
    /// Webhooks taken in a second by a replica.
    pub webhooks_per_second_max: u32,
    /// For so long a cancel of a part without an `Idempotency-Key` is taken for a repeat of one of the
    /// same amount for the same reason.
    pub cancel_repeat: Duration,
    /// How long after its end a hold is remembered for an order that is not heard of.
    pub hold_keep: Duration,
    /// How often such holds are taken away.
    pub sweep_every: Duration,
    /// Holds that are looked for at once when they are taken away.
    pub sweep_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            gateway_timeout: Duration::from_secs(5),
            gateway_failures: 10,
            look_first: Duration::from_secs(1),
            look_longest: Duration::from_secs(60),
            unfound_after: Duration::from_secs(30),
            last_look: Duration::from_secs(35 * 60),
            extend_every: Duration::from_secs(60),
            extend_to: Duration::from_secs(5 * 60),
            extend_max: Duration::from_secs(30 * 60),
            refund_first: Duration::from_secs(2),
            refund_longest: Duration::from_secs(10 * 60),
            poll: Duration::from_millis(500),
            calls_max: 16,
            webhook_gap: Duration::from_secs(2),
            webhooks_per_second_max: 100,
            cancel_repeat: Duration::from_secs(10 * 60),
            hold_keep: Duration::from_secs(86_400),
            sweep_every: Duration::from_secs(60),
            sweep_max: 200,
        }
    }
}

impl Limits {
    /// When a confirm that was begun now is over, with or without an answer.
    #[must_use]
    pub fn confirm_over(&self) -> Duration {
        self.gateway_timeout + Duration::from_secs(2)
    }

    /// For how long a claimed row belongs to who claimed it: two calls to the gateway, the second after
    /// the first, and room for the database.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.gateway_timeout * 2 + Duration::from_secs(6)
    }
}

/// Milliseconds as rows have them.
pub(crate) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The pause after `failures` failures: `first`, doubled with each, at most `longest`.
pub(crate) fn pause_ms(first: Duration, longest: Duration, failures: u32) -> i64 {
    let doubled = first.saturating_mul(1 << failures.min(20));
    ms(doubled.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(5));
        let pauses: Vec<i64> = (0..5).map(|n| pause_ms(first, longest, n)).collect();
        assert_eq!(pauses, [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pause_ms(first, longest, u32::MAX), 5000);
    }
}
