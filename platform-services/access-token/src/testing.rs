//! An issuer in memory, for tests of services: its JWKS goes into a file for `--jwks-file`, its
//! tokens into requests.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    Claims, DEFAULT_AUDIENCE, DEFAULT_ISSUER, Role,
    sign::{SigningKey, jwks},
};

/// How long its tokens count, in seconds.
const LIFETIME_SECONDS: i64 = 900;

/// Signs tokens with a key that was made for it.
#[derive(Debug, Clone)]
pub struct Issuer {
    key: SigningKey,
}

impl Default for Issuer {
    fn default() -> Self {
        Self::new()
    }
}

impl Issuer {
    /// With a new key.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    #[expect(clippy::expect_used, reason = "this is for tests")]
    pub fn new() -> Self {
        let pem = SigningKey::generate().expect("randomness");
        let key = SigningKey::from_pem(&pem).expect("the key just made");
        Self { key }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Its public key, for a file.
    #[must_use]
    pub fn jwks_json(&self) -> String {
        jwks([&self.key])
    }

    /// A token with the default issuer and audience that counts for 15 minutes.
    #[must_use]
    pub fn token(&self, sub: &str, roles: &[Role]) -> String {
        self.sign(&self.claims(sub, roles))
    }

    /// What [`Self::token`] signs, to be changed first.
    #[must_use]
    pub fn claims(&self, sub: &str, roles: &[Role]) -> Claims {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        #[expect(clippy::disallowed_methods, reason = "this is for tests")]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
            });
        Claims {
            iss: DEFAULT_ISSUER.to_owned(),
            sub: sub.to_owned(),
            aud: vec![DEFAULT_AUDIENCE.to_owned()],
            exp: now + LIFETIME_SECONDS,
            iat: now,
            nbf: None,
            jti: format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            roles: roles.to_vec(),
        }
    }

    /// A token that says this.
    ///
    /// # Panics
    /// When the claims cannot be written.
    #[must_use]
    #[expect(clippy::expect_used, reason = "this is for tests")]
    pub fn sign(&self, claims: &Claims) -> String {
        self.key.sign(claims).expect("claims can be written")
    }
}
