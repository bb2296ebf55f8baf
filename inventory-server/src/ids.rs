//! Ids and randomness of the server's own: the one seam.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use inventory_core::{CustomerId, IdError, OperationId, ReservationId};

fn uuid() -> impl AsRef<str> {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    let uuid = uuid::Uuid::now_v7();
    uuid.hyphenated().to_string()
}

/// A new reservation id, a UUID of version 7.
pub(crate) fn reservation() -> Result<ReservationId, IdError> {
    ReservationId::parse(uuid().as_ref())
}

/// What makes ids of customers' idempotency keys. Drawn once: another one would give every key another
/// id, and a repeat another hold.
const KEY_NAMESPACE: uuid::Uuid = uuid::uuid!("5f0b2f5e-8d0e-4c0f-9d0c-0f6f5a1f7c52");

/// The id of the hold that a customer takes with an idempotency key: a UUID of version 5 of both, so
/// that the same key of another customer is another hold.
pub(crate) fn scoped(customer: &CustomerId, key: &ReservationId) -> Result<ReservationId, IdError> {
    // Neither has a blank.
    let name = format!("{customer} {key}");
    let id = uuid::Uuid::new_v5(&KEY_NAMESPACE, name.as_bytes());
    ReservationId::parse(&id.hyphenated().to_string())
}

/// A new id of an adjustment or a count, a UUID of version 7.
pub(crate) fn operation() -> Result<OperationId, IdError> {
    OperationId::parse(uuid().as_ref())
}

/// A number that no other process has, as far as 64 random bits can tell.
fn process_random() -> u64 {
    static RANDOM: LazyLock<u64> =
        LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    *RANDOM
}

/// 16 hexadecimal digits: 8 of this process, 8 counted up.
pub(crate) fn request() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let count = NEXT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
    let mut number = (process_random() << 32) | count;
    let mut text = [0; 16];
    for place in text.iter_mut().rev() {
        *place = DIGITS[usize::try_from(number & 0xf).unwrap_or(0)];
        number >>= 4;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_share_their_first_half_and_count_in_the_second() {
        let (a, b) = (request(), request());
        assert_eq!(a[..8], b[..8]);
        assert!(a.iter().all(u8::is_ascii_hexdigit));
        assert!(b[8..] > a[8..]);
    }

    #[test]
    fn generated_ids_are_ids_and_differ() {
        let (a, b) = (reservation().expect("an id"), reservation().expect("an id"));
        assert_ne!(a, b);
        assert_eq!(a.as_str().as_bytes()[14], b'7');
        operation().expect("an id");
    }
}
