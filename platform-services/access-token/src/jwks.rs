//! A set of public keys, by id.

use std::collections::HashMap;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;

use crate::FetchError;

/// A public key and the one algorithm it is for.
#[derive(Clone)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// The keys of a JWKS that can verify a token: P-256 and Ed25519, with an id, for signatures.
#[derive(Clone, Default)]
pub(crate) struct Keys(HashMap<String, PublicKey>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(crate) fn parse(text: &str) -> Result<Self, FetchError> {
        // Key by key: one of a kind we do not know must not hide the others.
        let set: Set =
            serde_json::from_str(text).map_err(|error| FetchError(format!("no JWKS: {error}")))?;
        let keys: HashMap<String, PublicKey> = set.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(FetchError("no key in it can be used".to_owned()));
        }
        Ok(Self(keys))
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.get(kid)
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.0.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }
}

fn usable(key: serde_json::Value) -> Option<(String, PublicKey)> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let kid = jwk.common.key_id.clone()?;
    let for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let algorithm = if let AlgorithmParameters::EllipticCurve(key) = &jwk.algorithm
        && key.curve == EllipticCurve::P256
    {
        Algorithm::ES256
    } else if let AlgorithmParameters::OctetKeyPair(key) = &jwk.algorithm
        && key.curve == EllipticCurve::Ed25519
    {
        Algorithm::EdDSA
    } else {
        return None;
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    for_signatures.then_some((kid, PublicKey { algorithm, key }))
}
