//! Services that get tokens for themselves.

use std::{collections::BTreeMap, fmt};

use crate::{
    limits::CLIENT_SECRET_CHARS_MIN,
    secret::{self, Hash},
};

/// The clients by id, with the hashes of their secrets.
#[derive(Clone, Default)]
pub struct Clients(BTreeMap<String, Hash>);

impl Clients {
    /// From a JSON object: secrets by client id.
    ///
    /// # Errors
    /// What is wrong with it; no secret is in the text.
    pub fn parse(json: &str) -> Result<Self, String> {
        // The parser's own message could quote a secret.
        let secrets: BTreeMap<String, String> = serde_json::from_str(json).map_err(|_| {
            r#"must be a JSON object of texts, like {"order-service":"a long secret"}"#.to_owned()
        })?;
        for (id, secret) in &secrets {
            let id_fits = (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !id_fits {
                return Err(format!(
                    "{id:?} is no client id: 1 to 64 of a-z, 0-9, - and _"
                ));
            }
            if secret.chars().count() < CLIENT_SECRET_CHARS_MIN {
                return Err(format!(
                    "the secret of {id} must have at least {CLIENT_SECRET_CHARS_MIN} characters"
                ));
            }
        }
        let hashes = secrets
            .into_iter()
            .map(|(id, secret)| (id, secret::hash(&secret)));
        Ok(Self(hashes.collect()))
    }

    /// What may be logged of a client id that nobody has proved: the id of a client we know. Anything
    /// else may be a secret in the wrong field.
    #[must_use]
    pub fn loggable<'a>(&self, id: &'a str) -> &'a str {
        if self.0.contains_key(id) {
            id
        } else {
            "unknown"
        }
    }

    /// Whether that is the client's secret. An unknown client takes as long.
    #[must_use]
    pub fn verify(&self, id: &str, secret: &str) -> bool {
        let given = secret::hash(secret);
        match self.0.get(id) {
            Some(known) => secret::same(known, &given),
            None => {
                // The same work.
                let _ = secret::same(&secret::hash(""), &given);
                false
            }
        }
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_fits() {
        let clients =
            Clients::parse(r#"{"order-service":"0123456789abcdef","b":"fedcba9876543210"}"#)
                .expect("clients");
        assert!(clients.verify("order-service", "0123456789abcdef"));
        for (id, secret) in [
            ("order-service", "fedcba9876543210"),
            ("order-service", ""),
            ("other", "0123456789abcdef"),
            ("other", ""),
            ("", ""),
        ] {
            assert!(!clients.verify(id, secret), "{id} {secret}");
        }
        assert_eq!(format!("{clients:?}"), r#"{"b", "order-service"}"#);
    }

    #[test]
    fn bad_clients_are_named_without_their_secrets() {
        for bad in [
            "",
            "[]",
            r#"{"a":1}"#,
            r#"{"a":"geheim"}"#,
            r#"{"a b":"geheim0123456789"}"#,
        ] {
            let reason = Clients::parse(bad).expect_err(bad);
            assert!(!reason.contains("geheim"), "{reason}");
        }
    }

    #[test]
    fn only_ids_of_clients_are_logged() {
        let clients = Clients::parse(r#"{"order-service":"a long enough secret"}"#).expect("good");
        assert_eq!(clients.loggable("order-service"), "order-service");
        // Id and secret in each other's place.
        for id in ["a long enough secret", "", "ORDER-SERVICE"] {
            assert_eq!(clients.loggable(id), "unknown");
        }
    }
}
