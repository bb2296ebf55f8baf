//! Opens the parts of answers that several scripts share.

use super::{
    call::{Answer, Shard, protocol},
    codec::{journal::purchase_limit, record},
};
use crate::domain::{
    Fault, Line, Refusal, Reservation, ReservationId, Shortage, Status, Stock, StockKey,
    TimestampMs,
};

/// `n` and `now`, with which every answer goes on after its code.
pub(crate) fn place(shard: &Shard, answer: &mut Answer) -> Result<TimestampMs, Fault> {
    let n: i64 = answer.next()?;
    shard.acknowledged(answer.epoch, n, 1);
    answer.next().map(TimestampMs)
}

/// A stored record.
pub(crate) fn reservation(id: &ReservationId, answer: &mut Answer) -> Result<Reservation, Fault> {
    let bytes: Vec<u8> = answer.next()?;
    record::parse_stored(id, &bytes).ok_or_else(|| Fault::Corrupt {
        key: format!("rsv:{id}"),
    })
}

/// available, reserved, sold, version, limit.
pub(crate) fn stock(key: &StockKey, answer: &mut Answer) -> Result<Stock, Fault> {
    let (available, reserved) = (answer.next()?, answer.next()?);
    let (sold, version) = (answer.next()?, answer.next()?);
    let limit: String = answer.next()?;
    Ok(Stock {
        key: key.clone(),
        available,
        reserved,
        sold,
        version,
        purchase_limit: purchase_limit(&limit),
    })
}

/// item, requested, available, per line until the answer ends.
pub(crate) fn shortages(answer: &mut Answer) -> Result<Vec<Shortage>, Fault> {
    let mut shortages = Vec::new();
    while !answer.is_done() {
        let item: String = answer.next()?;
        let lines = record::parse_items(&format!("{item}=1"));
        let key = lines
            .as_ref()
            .and_then(|lines| lines.iter().next())
            .map(Line::stock_key);
        let key = key.ok_or_else(|| protocol("a line of an answer is no item"))?;
        shortages.push(Shortage {
            key,
            requested: answer.next()?,
            available: answer.next()?,
        });
    }
    Ok(shortages)
}

/// The state letter of a record.
pub(crate) fn status(answer: &mut Answer) -> Result<Status, Fault> {
    let letter: String = answer.next()?;
    match letter.as_str() {
        "R" => Ok(Status::Reserved),
        "C" => Ok(Status::Confirmed),
        "L" => Ok(Status::Released),
        "X" => Ok(Status::Expired),
        "P" => Ok(Status::PartiallyReturned),
        "T" => Ok(Status::Returned),
        _ => Err(protocol("a state of an answer is none")),
    }
}

/// `<location>:<sku>` at the end of a stock key.
pub(crate) fn stock_key(answer: &mut Answer) -> Result<StockKey, Fault> {
    let key: String = answer.next()?;
    let parsed = key.split_once(":stock:").and_then(|(_, place)| {
        let (location, sku) = place.split_once(':')?;
        Some(StockKey {
            location: location.parse().ok()?,
            sku: sku.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| protocol("a key of an answer is no stock key"))
}

/// The codes that mean the same wherever they are answered.
pub(crate) fn refusal(answer: &mut Answer) -> Result<Refusal, Fault> {
    match answer.code.as_str() {
        "RESERVATION_NOT_FOUND" => Ok(Refusal::ReservationNotFound),
        "RESERVATION_RELEASED" => Ok(Refusal::ReservationReleased),
        "RESERVATION_EXPIRED" => Ok(Refusal::ReservationExpired),
        "RESERVATION_CONFIRMED" => status(answer).map(Refusal::ReservationConfirmed),
        "RESERVATION_NOT_CONFIRMED" => status(answer).map(Refusal::ReservationNotConfirmed),
        "IDEMPOTENCY_MISMATCH" => Ok(Refusal::IdempotencyMismatch),
        "INSUFFICIENT_STOCK" => shortages(answer).map(Refusal::InsufficientStock),
        "CONFIRM_EXCEEDS_RESERVATION" => shortages(answer).map(Refusal::ConfirmExceedsReservation),
        "RETURN_EXCEEDS_CONFIRMED" => shortages(answer).map(Refusal::ReturnExceedsConfirmed),
        "TOO_MANY_RETURNS" => Ok(Refusal::TooManyReturns),
        "STOCK_TOO_LARGE" => Ok(Refusal::StockTooLarge),
        "UNKNOWN_SKU" => {
            let mut keys = Vec::new();
            while !answer.is_done() {
                keys.push(stock_key(answer)?);
            }
            Ok(Refusal::UnknownSku(keys))
        }
        "VERSION_CONFLICT" => Ok(Refusal::VersionConflict {
            current: answer.next()?,
        }),
        "BELOW_RESERVED" => Ok(Refusal::BelowReserved {
            reserved: answer.next()?,
        }),
        "SKU_IN_USE" => Ok(Refusal::SkuInUse {
            available: answer.next()?,
            reserved: answer.next()?,
        }),
        "REAP_MORE" => Err(Fault::ReapMore),
        "STORE_CORRUPT" => Err(Fault::Corrupt {
            key: answer.next()?,
        }),
        code => Err(protocol(&format!("no script answers {code}"))),
    }
}
