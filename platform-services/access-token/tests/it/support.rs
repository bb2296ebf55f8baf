use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use access_token::{FetchError, JwksSource, Verifier, VerifierSettings};

/// What the keys' address answers, and how often it was asked.
#[derive(Clone)]
pub(crate) struct Address {
    answer: Arc<Mutex<Result<String, FetchError>>>,
    asked: Arc<AtomicUsize>,
}

impl Address {
    pub(crate) fn new(jwks: String) -> Self {
        Self {
            answer: Arc::new(Mutex::new(Ok(jwks))),
            asked: Arc::default(),
        }
    }

    pub(crate) fn answers(&self, answer: Result<String, &str>) {
        let answer = answer.map_err(|reason| FetchError(reason.to_owned()));
        *self.answer.lock().expect("not poisoned") = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.verifier_with(VerifierSettings::default())
    }

    pub(crate) fn verifier_with(&self, settings: VerifierSettings) -> Verifier {
        let address = self.clone();
        let source = JwksSource::custom("test", move || {
            let address = address.clone();
            async move {
                address.asked.fetch_add(1, Ordering::Relaxed);
                // Somebody else gets to run, as with a real network.
                tokio::task::yield_now().await;
                address.answer.lock().expect("not poisoned").clone()
            }
        });
        Verifier::new(source, settings)
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..=chunk.len() {
            let index = usize::try_from((number >> (18 - 6 * place)) & 63).expect("6 bits");
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}
