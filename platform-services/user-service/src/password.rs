//! argon2id, off the async threads, a bounded number at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::Semaphore;

/// What a hash costs, and how many are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSettings {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Hashes made at once: each takes a core for as long as it lasts.
    pub parallel_max: usize,
    /// Hashes that wait for their turn; more are refused.
    pub queue_max: usize,
    /// Of the hashes made at once, those of registrations: fewer than all, or who registers without
    /// end keeps everybody from logging in.
    pub register_parallel_max: usize,
    /// Registrations that wait for their turn, in a queue of their own; more are refused.
    pub register_queue_max: usize,
}

impl Default for HashSettings {
    /// OWASP's choice: 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            parallel_max: 2,
            queue_max: 64,
            register_parallel_max: 1,
            register_queue_max: 64,
        }
    }
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords are being checked; try again in a moment")]
    Overloaded,
    /// It cannot be made, or the stored one cannot be read.
    #[error("argon2: {0}")]
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

/// How many hashes were made and how many wait.
#[derive(Debug, Clone)]
pub struct HashMetrics {
    operations: Family<Operation, Counter>,
    waiting: Gauge,
    refused: Counter,
}

impl HashMetrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            operations: Family::default(),
            waiting: Gauge::default(),
            refused: Counter::default(),
        };
        registry.register(
            "password_hashes",
            "argon2id computations, by what for",
            metrics.operations.clone(),
        );
        registry.register(
            "password_hashes_waiting",
            "Computations that wait or run",
            metrics.waiting.clone(),
        );
        registry.register(
            "password_hashes_refused",
            "Requests refused because too many waited",
            metrics.refused.clone(),
        );
        metrics
    }
}

/// Makes and checks hashes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    argon2: Argon2<'static>,
    /// Of a password that nobody knows: checked where there is no account.
    nobodys: String,
    /// Those at work and those that wait.
    places: Arc<Semaphore>,
    /// Those at work.
    turns: Arc<Semaphore>,
    /// Registrations at work and those that wait.
    register_places: Arc<Semaphore>,
    /// Registrations at work, or next in the line of all.
    register_turns: Arc<Semaphore>,
    metrics: HashMetrics,
}

impl Passwords {
    /// Makes one hash, for accounts that do not exist.
    ///
    /// # Errors
    /// Settings that argon2 does not take.
    pub fn new(settings: HashSettings, metrics: HashMetrics) -> Result<Self, HashError> {
        let params = Params::new(settings.memory_kib, settings.passes, 1, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys = hash(&argon2, &service_kit::ids::uuid())?;
        let places = settings.parallel_max.saturating_add(settings.queue_max);
        let register_places = settings
            .register_parallel_max
            .saturating_add(settings.register_queue_max);
        Ok(Self(Arc::new(Inner {
            argon2,
            nobodys,
            places: Arc::new(Semaphore::new(places)),
            turns: Arc::new(Semaphore::new(settings.parallel_max)),
            register_places: Arc::new(Semaphore::new(register_places)),
            register_turns: Arc::new(Semaphore::new(settings.register_parallel_max)),
            metrics,
        })))
    }

    /// The hash of a new password, in PHC form.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        self.compute("hash", move |inner| hash(&inner.argon2, &password))
            .await
    }

    /// The hash of somebody who registers, whom nobody knows. They wait among themselves first, so that
    /// in the line of all there are never more than [`HashSettings::register_parallel_max`] of them.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash_to_register(&self, password: String) -> Result<String, HashError> {
        let Ok(place) = Arc::clone(&self.0.register_places).try_acquire_owned() else {
            self.0.metrics.refused.inc();
            return Err(HashError::Overloaded);
        };
        let turn = Arc::clone(&self.0.register_turns);
        let turn = turn.acquire_owned().await.map_err(failed)?;
        self.compute("register", move |inner| {
            let made = hash(&inner.argon2, &password);
            // Also when the caller has gone away: not before it is made.
            drop((turn, place));
            made
        })
        .await
    }

    /// Whether it is the password of the hash; without a hash it takes as long and is not.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, HashError> {
        self.compute("verify", move |inner| {
            let text = stored.as_deref().unwrap_or(&inner.nobodys);
            let parsed = PasswordHash::new(text).map_err(failed)?;
            let fits = inner
                .argon2
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            Ok(fits && stored.is_some())
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Inner) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let inner = Arc::clone(&self.0);
        let Ok(place) = Arc::clone(&inner.places).try_acquire_owned() else {
            inner.metrics.refused.inc();
            return Err(HashError::Overloaded);
        };
        let waiting = Waiting::begin(&inner.metrics.waiting);
        let turn = Arc::clone(&inner.turns)
            .acquire_owned()
            .await
            .map_err(failed)?;
        inner
            .metrics
            .operations
            .get_or_create(&Operation { operation })
            .inc();
        // What was begun goes on when the caller goes away; its places are taken until it ends.
        tokio::task::spawn_blocking(move || {
            let result = work(&inner);
            drop((turn, place, waiting));
            result
        })
        .await
        .map_err(failed)?
    }
}

/// Counts down also when the caller goes away.
struct Waiting(Gauge);

impl Waiting {
    fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, HashError> {
    let hash = argon2.hash_password(password.as_bytes()).map_err(failed)?;
    Ok(hash.to_string())
}

fn failed(error: impl std::fmt::Display) -> HashError {
    HashError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(settings: HashSettings) -> (Passwords, HashMetrics) {
        let metrics = HashMetrics::register(&mut Registry::default());
        let passwords = Passwords::new(settings, metrics.clone()).expect("sound settings");
        (passwords, metrics)
    }

    const CHEAP: HashSettings = HashSettings {
        memory_kib: 8,
        passes: 1,
        parallel_max: 1,
        queue_max: 1,
        register_parallel_max: 1,
        register_queue_max: 1,
    };

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let (passwords, _) = passwords(CHEAP);
        let stored = passwords
            .hash("password123".to_owned())
            .await
            .expect("hash");
        assert!(
            stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
            "{stored}"
        );
        for (password, fits) in [("password123", true), ("password124", false), ("", false)] {
            let verified = passwords.verify(password.to_owned(), Some(stored.clone()));
            assert_eq!(verified.await.expect("verified"), fits, "{password}");
        }
        let nobody = passwords.verify("password123".to_owned(), None).await;
        assert!(!nobody.expect("verified"));
        passwords
            .verify("x".to_owned(), Some("rubbish".to_owned()))
            .await
            .expect_err("no hash");
    }

    #[tokio::test]
    async fn the_same_work_is_done_for_nobody() {
        let (passwords, metrics) = passwords(CHEAP);
        let stored = passwords
            .hash("password123".to_owned())
            .await
            .expect("hash");
        let verify = Operation {
            operation: "verify",
        };
        let verifies = || metrics.operations.get_or_create(&verify).get();
        for stored in [Some(stored), None] {
            let before = verifies();
            let verified = passwords.verify("wrong password".to_owned(), stored).await;
            assert!(!verified.expect("verified"));
            assert_eq!(verifies(), before + 1);
        }
        // With the same parameters as a real account's.
        let of = |text: &str| text.rsplitn(3, '$').nth(2).map(ToOwned::to_owned);
        let hash = passwords.hash("x".to_owned()).await.expect("hash");
        assert_eq!(of(&passwords.0.nobodys), of(&hash));
    }

    #[tokio::test]
    async fn what_does_not_fit_the_queue_is_refused() {
        let (passwords, metrics) = passwords(CHEAP);
        let turn = Arc::clone(&passwords.0.turns)
            .acquire_owned()
            .await
            .expect("a turn");
        let first = passwords.hash("a".to_owned());
        let second = passwords.hash("b".to_owned());
        let third = passwords.hash("c".to_owned());
        tokio::pin!(first, second, third);
        // Both get a place and wait; there is no third place.
        assert!(futures_poll(&mut first).await.is_none());
        assert!(futures_poll(&mut second).await.is_none());
        let refused = futures_poll(&mut third).await.expect("at once");
        assert!(matches!(refused, Err(HashError::Overloaded)));
        assert_eq!(metrics.waiting.get(), 2);
        drop(turn);
        first.await.expect("hash");
        second.await.expect("hash");
        assert_eq!(metrics.waiting.get(), 0);
        passwords.hash("d".to_owned()).await.expect("hash");
    }

    #[tokio::test]
    async fn however_many_register_a_login_waits_for_one_of_them() {
        let (passwords, metrics) = passwords(CHEAP);
        let turn = Arc::clone(&passwords.0.turns)
            .acquire_owned()
            .await
            .expect("a turn");
        let first = passwords.hash_to_register("a".to_owned());
        let second = passwords.hash_to_register("b".to_owned());
        let third = passwords.hash_to_register("c".to_owned());
        tokio::pin!(first, second, third);
        assert!(futures_poll(&mut first).await.is_none());
        assert!(futures_poll(&mut second).await.is_none());
        let refused = futures_poll(&mut third).await.expect("at once");
        assert!(matches!(refused, Err(HashError::Overloaded)));
        // One of the two places of all is left for a login, which the second does not get in front of.
        assert_eq!(metrics.waiting.get(), 1);
        let login = passwords.verify("d".to_owned(), None);
        tokio::pin!(login);
        assert!(futures_poll(&mut login).await.is_none());
        assert_eq!(metrics.waiting.get(), 2);
        drop(turn);
        first.await.expect("hash");
        login.await.expect("verified");
        second.await.expect("hash");
        passwords
            .hash_to_register("e".to_owned())
            .await
            .expect("hash");
    }

    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
