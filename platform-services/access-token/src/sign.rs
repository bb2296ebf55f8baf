//! Keys that sign: ES256.

use std::fmt;

use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use p256::{
    SecretKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding},
};
use serde_json::{Value, json};

use crate::{Claims, TYPE};

/// Why there is no key, or no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing key: {0}")]
pub struct SigningError(String);

/// A private P-256 key. Its id is the RFC 7638 thumbprint of its public half.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    key: EncodingKey,
    jwk: Value,
}

impl SigningKey {
    /// A new one, as the PKCS#8 PEM text to store.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<String, SigningError> {
        loop {
            let mut bytes = [0_u8; 32];
            getrandom::fill(&mut bytes).map_err(failed)?;
            // All but one in 2^32 are keys.
            if let Ok(key) = SecretKey::from_slice(&bytes) {
                let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(failed)?;
                return Ok(String::clone(&pem));
            }
        }
    }

    /// From [`Self::generate`]'s text.
    ///
    /// # Errors
    /// A text that is no P-256 key.
    pub fn from_pem(pem: &str) -> Result<Self, SigningError> {
        let secret = SecretKey::from_pkcs8_pem(pem).map_err(failed)?;
        let der = secret.to_pkcs8_der().map_err(failed)?;
        let key = EncodingKey::from_ec_der(der.as_bytes());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(failed)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(failed)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwk = serde_json::to_value(jwk).map_err(failed)?;
        Ok(Self { kid, key, jwk })
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half.
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// A token that says this.
    ///
    /// # Errors
    /// The claims cannot be written.
    pub fn sign(&self, claims: &Claims) -> Result<String, SigningError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(failed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.kid).finish()
    }
}

/// The JWKS of these keys, as JSON.
#[must_use]
pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> String {
    let keys: Vec<&Value> = keys.into_iter().map(SigningKey::jwk).collect();
    json!({ "keys": keys }).to_string()
}

fn failed(error: impl fmt::Display) -> SigningError {
    SigningError(error.to_string())
}
