//! Secrets of ours: drawn from the system, kept as hashes, compared without telling where they differ.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Bytes of randomness in a refresh token.
const TOKEN_BYTES: usize = 32;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct NoRandomness(String);

/// A new refresh token, as hexadecimal digits. Nobody guesses 256 bits.
///
/// # Errors
/// [`NoRandomness`].
pub fn refresh_token() -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What is kept of a secret. A fast hash does: what it hides is random.
#[must_use]
pub fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether they are the same, in the same time whatever they are.
#[must_use]
pub fn same(one: &Hash, other: &Hash) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_the_same() {
        let (one, two) = (
            refresh_token().expect("random"),
            refresh_token().expect("random"),
        );
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
        assert!(same(&hash(&one), &hash(&one)) && !same(&hash(&one), &hash(&two)));
    }
}
