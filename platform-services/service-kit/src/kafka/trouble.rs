use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The last that a client heard of certificates or passwords.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    pub(super) fn note(&self, error: &KafkaError, reason: &str) {
        if let Some(advice) = advice(error) {
            *self.lock() = Some(format!("{reason}: {advice}"));
        }
    }

    pub(super) fn last(&self) -> Option<String> {
        self.lock().clone()
    }

    pub(super) fn forget(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about an error that does not pass by itself.
pub(super) fn advice(error: &KafkaError) -> Option<&'static str> {
    use RDKafkaErrorCode::{
        Authentication, SSL, SaslAuthenticationFailed, UnsupportedSASLMechanism,
    };
    let code = error.rdkafka_error_code()?;
    let advices: [(&[RDKafkaErrorCode], &str); 3] = [
        (
            &[Authentication, SaslAuthenticationFailed],
            "see --kafka-sasl-mechanism, --kafka-sasl-username and the variable \
             ..._KAFKA_SASL_PASSWORD, and which accounts the brokers know",
        ),
        (
            &[UnsupportedSASLMechanism],
            "say one that the brokers take by --kafka-sasl-mechanism",
        ),
        (
            &[SSL],
            "the brokers' certificate must be for their names, and signed by whom this machine \
             trusts or by an authority in --tls-ca; where the port speaks no TLS, leave out --kafka-tls",
        ),
    ];
    let found = advices.iter().find(|(codes, _)| codes.contains(&code));
    found.map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_pass_is_kept() {
        let trouble = Trouble::default();
        let away = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        trouble.note(&away, "Connection refused");
        assert_eq!(trouble.last(), None);
        let wrong = KafkaError::Global(RDKafkaErrorCode::Authentication);
        trouble.note(&wrong, "Authentication failed");
        trouble.note(&away, "Disconnected");
        let said = trouble.last().unwrap();
        assert!(
            said.starts_with("Authentication failed: see --kafka-sasl"),
            "{said}"
        );
        trouble.forget();
        assert_eq!(trouble.last(), None);
    }
}
