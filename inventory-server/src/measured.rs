//! What `benches/wire.rs` measures of the hot request's JSON. Not an interface.

use bytes::Bytes;
use inventory_core::{Context, ReservationId, Reserve, TimestampMs};

use crate::wire;

/// Parses a reserve; `None` where the body is refused.
#[must_use]
pub fn parse(body: &[u8]) -> Option<Reserve> {
    let request = wire::reserve::parse(body).ok()?;
    Some(Reserve {
        id: request.id.or_else(|| ReservationId::parse("none").ok())?,
        lines: request.lines,
        ttl_ms: 900_000,
        order: request.order,
        customer: request.customer,
        metadata: request.metadata,
        context: Context::default(),
    })
}

/// Encodes the answer to a new hold.
#[must_use]
pub fn encode(asked: &Reserve, created: TimestampMs) -> Bytes {
    wire::reservation::new_hold(asked, created, created.plus_ms(u64::from(asked.ttl_ms)))
}
