//! Access tokens, signed by the key of the moment.

use std::time::Duration;

use access_token::{Claims, Role, sign::SigningError};
use service_kit::{
    client::{Grant, TokenSource},
    clock, ids,
};

use crate::{keys::Keys, limits::ACCESS_TOKEN_LIFETIME};

/// Who we are in a token of our own.
const OURSELVES: &str = "auth-service";

/// Issues access tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokens {
    keys: Keys,
    issuer: String,
    audience: String,
}

impl Tokens {
    /// With these keys, as this issuer, for this audience.
    #[must_use]
    pub const fn new(keys: Keys, issuer: String, audience: String) -> Self {
        Self {
            keys,
            issuer,
            audience,
        }
    }

    /// How long a token counts.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        ACCESS_TOKEN_LIFETIME
    }

    /// A token that says that `subject` has these roles.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn issue(&self, subject: &str, roles: &[Role]) -> Result<String, SigningError> {
        let now = clock::unix_ms().div_euclid(1000);
        let lifetime = i64::try_from(ACCESS_TOKEN_LIFETIME.as_secs()).unwrap_or(i64::MAX);
        self.keys.signing().sign(&Claims {
            iss: self.issuer.clone(),
            sub: subject.to_owned(),
            aud: vec![self.audience.clone()],
            exp: now.saturating_add(lifetime),
            iat: now,
            nbf: None,
            jti: ids::uuid(),
            roles: roles.to_vec(),
        })
    }

    /// Our own tokens, for calls to other services.
    #[must_use]
    pub fn ours(&self) -> TokenSource {
        let tokens = self.clone();
        TokenSource::issued_by(move || {
            let token = tokens.issue(OURSELVES, &[Role::Service]);
            async move {
                Ok(Grant {
                    token: token.map_err(|error| error.to_string())?.into(),
                    expires_in: ACCESS_TOKEN_LIFETIME,
                })
            }
        })
    }
}
