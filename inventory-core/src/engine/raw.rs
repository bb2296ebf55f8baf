//! The single reserve as a raw command, for measurements that leave the engine out.

use super::{
    codec::{
        numbers::Numbers,
        record::{head, tail},
    },
    keys::Keys,
    scripts::Scripts,
};
use crate::domain::{Reserve, ShardId};

/// One `EVALSHA` of the reserve script.
#[derive(Debug, Clone)]
pub struct RawReserve {
    /// Keys, in the script's order.
    pub keys: Vec<String>,
    /// Arguments behind the epoch and the clock, in the script's order.
    pub arguments: Vec<Vec<u8>>,
}

/// Text of the reserve script, as Redis gets it.
#[must_use]
pub fn reserve_script() -> String {
    Scripts::assemble().reserve.text
}

/// The key that holds the epoch a caller must name (hash field `epoch`).
#[must_use]
pub fn meta_key() -> String {
    Keys::new(ShardId::ZERO).meta
}

/// Keys and arguments of one reservation.
#[must_use]
pub fn reserve(command: &Reserve) -> RawReserve {
    let shard = Keys::new(ShardId::ZERO);
    let mut keys = vec![
        shard.meta.clone(),
        shard.journal.clone(),
        shard.deadlines.clone(),
    ];
    let mut numbers = Numbers::with_capacity(16);
    let lines = u32::try_from(command.lines.as_slice().len()).unwrap_or(u32::MAX);
    for number in [lines, 1, command.ttl_ms, lines] {
        numbers.push(number);
    }
    for (line, place) in command.lines.iter().zip(1_u32..) {
        keys.push(shard.stock(&line.stock_key()));
        numbers.push(place);
        numbers.push(line.quantity);
    }
    keys.push(shard.reservation(&command.id));
    let head = head("R", command.id.as_str(), &command.context).into_bytes();
    RawReserve {
        keys,
        arguments: vec![numbers.finish(), head, tail(command)],
    }
}
