//! How often somebody may be wrong: failed attempts in a window, in Redis, by account and address
//! together, by account, and by address.
//!
//! Only failures count, and none gets through by being one of many at once: an attempt over the
//! limit is refused before the password is looked at; a failure is counted in one step, and from the
//! limit on is answered as too many; and a success is told only while the limits still hold. So of any
//! number of guesses at a time, as many are answered as the limit says, while any number of right
//! passwords at a time is.
//!
//! Where a right password also does something (a change of it), that is too late: such an attempt is
//! counted in front ([`Attempts::begin`]) and taken back when it was no failure ([`Attempts::undo`]).
//!
//! An account has no tight limit of its own: whoever knows a mail address could keep its owner out
//! from anywhere. It has one for each address, and a far higher one for all addresses together.
//!
//! Without Redis attempts are not counted (and that is counted): people can log in, and how fast
//! somebody can guess is bounded by the hashes that user-service makes at once.

use std::time::Duration;

use prometheus_client::{metrics::counter::Counter, registry::Registry};
use redis::{Script, aio::ConnectionManager, aio::ConnectionManagerConfig};

use service_kit::tls::Trust;

use crate::{limits::REDIS_TIMEOUT, secret};

/// How many failures are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// On one account from one address, in a window.
    pub account_max: u32,
    /// On one account from all addresses together, in a window: its owner is kept out too.
    pub account_total_max: u32,
    /// From one address, in a window.
    pub address_max: u32,
    /// From the first failure on.
    pub window: Duration,
    /// How long Redis may take; an attempt that it says nothing about in time is not counted.
    pub redis_timeout: Duration,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            account_max: 10,
            account_total_max: 100,
            address_max: 100,
            window: Duration::from_secs(15 * 60),
            redis_timeout: REDIS_TIMEOUT,
        }
    }
}

/// Too many failures: when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Seconds, at least 1.
    pub retry_after_seconds: u32,
}

/// What is counted.
#[derive(Debug, Clone)]
pub struct AttemptMetrics {
    refused: Counter,
    uncounted: Counter,
}

impl AttemptMetrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            refused: Counter::default(),
            uncounted: Counter::default(),
        };
        registry.register(
            "attempts_refused",
            "Attempts answered as too many",
            metrics.refused.clone(),
        );
        registry.register(
            "attempts_uncounted",
            "Steps of attempts that were not counted because Redis did not answer",
            metrics.uncounted.clone(),
        );
        metrics
    }
}

/// Counts failures.
pub struct Attempts {
    connection: ConnectionManager,
    limits: AttemptLimits,
    metrics: AttemptMetrics,
    check: Script,
    failed: Script,
    succeeded: Script,
    undone: Script,
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Whose attempt it is.
#[derive(Debug, Clone)]
pub struct Attempt {
    account_from_address: String,
    account: String,
    address: String,
}

impl Attempt {
    /// On an account, named by mail address or id, from an address.
    #[must_use]
    pub fn new(account: &str, address: &str) -> Self {
        // Nobody reads mail addresses out of Redis, and no key is as long as somebody likes.
        let account = secret::hash(&account.trim().to_lowercase());
        let account: String = account.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            account_from_address: format!("auth:failures:account:{account}:{address}"),
            account: format!("auth:failures:account:{account}"),
            address: format!("auth:failures:address:{address}"),
        }
    }
}

impl Attempts {
    /// In Redis at this URL; who connects by TLS (`rediss://`) trusts as said. Nothing is connected yet.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(
        (redis_url, trust): (&str, &Trust),
        limits: AttemptLimits,
        metrics: AttemptMetrics,
    ) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(limits.redis_timeout))
            .set_response_timeout(Some(limits.redis_timeout))
            .set_max_delay(REDIS_TIMEOUT);
        let client = client(redis_url, trust)?;
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            limits,
            metrics,
            check: Script::new(include_str!("check.lua")),
            failed: Script::new(include_str!("failed.lua")),
            succeeded: Script::new(include_str!("succeeded.lua")),
            undone: Script::new(include_str!("undone.lua")),
        })
    }

    /// Before the password is looked at.
    ///
    /// # Errors
    /// [`TooMany`].
    pub async fn check(&self, attempt: &Attempt) -> Result<(), TooMany> {
        self.ask(&self.check, attempt).await
    }

    /// The password was wrong: counts it.
    ///
    /// # Errors
    /// [`TooMany`] when it is one of too many.
    pub async fn failed(&self, attempt: &Attempt) -> Result<(), TooMany> {
        self.ask(&self.failed, attempt).await
    }

    /// The password was right: the failures on the account from this address are forgotten.
    ///
    /// # Errors
    /// [`TooMany`] when too many others have failed in the meantime.
    pub async fn succeeded(&self, attempt: &Attempt) -> Result<(), TooMany> {
        self.ask(&self.succeeded, attempt).await
    }

    /// Counts an attempt as a failure before the password is looked at, so that of any number at a
    /// time no more do anything than may fail.
    ///
    /// # Errors
    /// [`TooMany`]: then it is not counted.
    pub async fn begin(&self, attempt: &Attempt) -> Result<(), TooMany> {
        self.ask(&self.failed, attempt).await
    }

    /// What was begun was no failure.
    pub async fn undo(&self, attempt: &Attempt) {
        // It refuses nothing; where Redis is away, that was counted and logged.
        let _: Result<(), TooMany> = self.ask(&self.undone, attempt).await;
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// What it says.
    pub async fn ping(&self) -> Result<(), String> {
        let asked = async {
            let mut connection = self.connection.clone();
            redis::cmd("PING").query_async::<()>(&mut connection).await
        };
        match tokio::time::timeout(self.limits.redis_timeout, asked).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    async fn ask(&self, script: &Script, attempt: &Attempt) -> Result<(), TooMany> {
        let asked = async {
            let mut connection = self.connection.clone();
            let mut call = script.key(&attempt.account_from_address);
            call.key(&attempt.account)
                .key(&attempt.address)
                .arg(self.limits.account_max)
                .arg(self.limits.account_total_max)
                .arg(self.limits.address_max)
                .arg(u64::try_from(self.limits.window.as_millis()).unwrap_or(u64::MAX));
            call.invoke_async::<i64>(&mut connection).await
        };
        match tokio::time::timeout(self.limits.redis_timeout, asked).await {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(wait_ms)) => {
                self.metrics.refused.inc();
                let seconds = u32::try_from(wait_ms).unwrap_or(0).div_ceil(1000);
                Err(TooMany {
                    retry_after_seconds: seconds.max(1),
                })
            }
            Ok(Err(error)) => {
                self.metrics.uncounted.inc();
                tracing::warn!(%error, "attempts are not counted");
                Ok(())
            }
            Err(_) => {
                self.metrics.uncounted.inc();
                tracing::warn!("Redis does not answer in time: attempts are not counted");
                Ok(())
            }
        }
    }
}

fn client(url: &str, trust: &Trust) -> Result<redis::Client, redis::RedisError> {
    let refused = |why| Err((redis::ErrorKind::InvalidClientConfig, why).into());
    if !url.starts_with("rediss://") {
        return redis::Client::open(url);
    }
    if url.ends_with("#insecure") {
        return refused(
            "#insecure would trust any server, and is not taken; name the authority that signed \
             the certificate of Redis instead (--tls-ca)",
        );
    }
    let certificates = redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(trust.all_pem().into_bytes()),
    };
    redis::Client::build_with_tls(url, certificates)
}
