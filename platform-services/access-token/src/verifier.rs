//! Whether a token counts.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    Claims, DEFAULT_AUDIENCE, DEFAULT_ISSUER, FetchError, JwksSource, TOKEN_BYTES_MAX, TYPE,
    TokenError,
    jwks::{Keys, PublicKey},
    recent::Recent,
};

/// What a token must say, and how its keys are kept.
#[derive(Debug, Clone)]
pub struct VerifierSettings {
    /// The issuer.
    pub issuer: String,
    /// The audience.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// How old keys may be before they are fetched again.
    pub refresh_period: Duration,
    /// Shortest time between two fetches, whatever tokens say.
    pub refetch_pause: Duration,
    /// How long a fetch may take.
    pub fetch_timeout: Duration,
    /// Seconds since 1970: for tests.
    pub clock: fn() -> i64,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self {
            issuer: DEFAULT_ISSUER.to_owned(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            leeway: Duration::from_secs(30),
            refresh_period: Duration::from_secs(300),
            refetch_pause: Duration::from_secs(2),
            fetch_timeout: Duration::from_secs(2),
            clock: unix_seconds,
        }
    }
}

/// Verifies tokens; cheap to clone, all clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    source: JwksSource,
    settings: VerifierSettings,
    keys: RwLock<Arc<Keys>>,
    recent: Recent,
    fetches: Mutex<Fetches>,
}

#[derive(Default)]
struct Fetches {
    last: Option<Instant>,
    failed: bool,
}

impl Verifier {
    /// Fetches nothing yet.
    #[must_use]
    pub fn new(source: JwksSource, settings: VerifierSettings) -> Self {
        Self(Arc::new(Inner {
            source,
            settings,
            keys: RwLock::default(),
            recent: Recent::default(),
            fetches: Mutex::default(),
        }))
    }

    /// What the token says, if it counts.
    ///
    /// # Errors
    /// Why it does not; [`TokenError::Unavailable`] where only the keys are missing.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        let inner = &self.0;
        self.refresh_when_old();
        let now = (inner.settings.clock)();
        if let Some(claims) = inner.recent.get(token) {
            inner.check_times(&claims, now)?;
            return Ok(claims);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let (kid, algorithm) = read_header(token)?;
        let epoch = inner.recent.epoch();
        let key = match inner.key(&kid) {
            Some(key) => key,
            None => inner.fetch_for(&kid).await?,
        };
        // The key says how, not the token.
        if key.algorithm != algorithm {
            return Err(TokenError::Signature);
        }
        let claims = Arc::new(inner.read(token, &key)?);
        inner.check(&claims, now)?;
        inner.recent.put(epoch, token, Arc::clone(&claims));
        Ok(claims)
    }

    /// Fetches the keys now, for who wants to know at the start.
    ///
    /// # Errors
    /// Why there are none; those at hand stay.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        let mut fetches = self.0.fetches.lock().await;
        self.0.fetch(&mut fetches).await
    }

    /// Beside the requests: old keys work until there are new ones.
    fn refresh_when_old(&self) {
        let inner = &self.0;
        // Somebody fetches already, or looks whether to.
        let Ok(fetches) = inner.fetches.try_lock() else {
            return;
        };
        let old = fetches.last.is_some_and(|last| {
            let age = last.elapsed();
            age >= inner.settings.refresh_period
                || (fetches.failed && age >= inner.settings.refetch_pause)
        });
        drop(fetches);
        if old {
            let verifier = self.clone();
            tokio::spawn(async move { verifier.0.refresh_if_still_old().await });
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("source", &self.0.source)
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn key(&self, kid: &str) -> Option<PublicKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(kid).cloned()
    }

    /// Fetches for a key that is not there; who comes meanwhile waits for the same answer.
    async fn fetch_for(&self, kid: &str) -> Result<PublicKey, TokenError> {
        let mut fetches = self.fetches.lock().await;
        if let Some(key) = self.key(kid) {
            return Ok(key);
        }
        if self.may_fetch(&fetches) {
            drop(self.fetch(&mut fetches).await);
        }
        match self.key(kid) {
            Some(key) => Ok(key),
            None if fetches.failed => Err(TokenError::Unavailable),
            None => Err(TokenError::UnknownKey),
        }
    }

    async fn refresh_if_still_old(&self) {
        let mut fetches = self.fetches.lock().await;
        if self.may_fetch(&fetches) {
            drop(self.fetch(&mut fetches).await);
        }
    }

    fn may_fetch(&self, fetches: &Fetches) -> bool {
        fetches
            .last
            .is_none_or(|last| last.elapsed() >= self.settings.refetch_pause)
    }

    async fn fetch(&self, fetches: &mut Fetches) -> Result<(), FetchError> {
        fetches.last = Some(Instant::now());
        // Also when this is dropped half-way.
        fetches.failed = true;
        let text = tokio::time::timeout(self.settings.fetch_timeout, self.source.fetch())
            .await
            .unwrap_or_else(|_| Err(FetchError("no answer in time".to_owned())));
        match text.and_then(|text| Keys::parse(&text)) {
            Ok(keys) => {
                tracing::debug!(ids = ?keys.ids(), "keys fetched");
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                self.recent.clear();
                fetches.failed = false;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, source = self.source.name(), "keys cannot be fetched; those at hand go on");
                Err(error)
            }
        }
    }

    fn read(&self, token: &str, key: &PublicKey) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(key.algorithm);
        // Checked below, by our clock and one by one.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<Claims>(token, &key.key, &validation)
            .map(|data| data.claims)
            .map_err(|error| {
                let wrong = matches!(
                    error.kind(),
                    ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm
                );
                if wrong {
                    TokenError::Signature
                } else {
                    TokenError::Malformed
                }
            })
    }

    fn check(&self, claims: &Claims, now: i64) -> Result<(), TokenError> {
        if claims.iss != self.settings.issuer {
            return Err(TokenError::Issuer);
        }
        if !claims.aud.contains(&self.settings.audience) {
            return Err(TokenError::Audience);
        }
        if claims.sub.is_empty() || claims.jti.is_empty() {
            return Err(TokenError::Malformed);
        }
        self.check_times(claims, now)
    }

    fn check_times(&self, claims: &Claims, now: i64) -> Result<(), TokenError> {
        let leeway = i64::try_from(self.settings.leeway.as_secs()).unwrap_or(i64::MAX);
        if claims.exp <= now.saturating_sub(leeway) {
            return Err(TokenError::Expired);
        }
        let latest = now.saturating_add(leeway);
        let starts = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if starts > latest || claims.iat > claims.exp {
            return Err(TokenError::NotYet);
        }
        Ok(())
    }
}

/// The key's id and the algorithm that the token claims to be signed with.
fn read_header(token: &str) -> Result<(String, Algorithm), TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    let is_ours = header.typ.as_deref().is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind.strip_prefix("application/").unwrap_or(&kind) == TYPE
    });
    if !is_ours {
        return Err(TokenError::WrongType);
    }
    // We understand no extension, so none may be critical (RFC 7515, 4.1.11).
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let kid = header.kid.ok_or(TokenError::UnknownKey)?;
    Ok((kid, header.alg))
}

fn unix_seconds() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
