use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use inventory_core::{
    Fault, Refusal, Sku,
    limits::{RETURNS_MAX, STOCK_MAX},
};

use super::{Extra, Problem, Subject};
use crate::trace;

impl Problem {
    /// A decided "no".
    pub(crate) fn from_refusal(refusal: Refusal, subject: &Subject<'_>) -> Self {
        let code = refusal.code();
        match refusal {
            Refusal::InsufficientStock(short) => {
                let detail = format!("{} of the lines find too little stock", short.len());
                Self::with(code, detail, Extra::Shortages("shortages", short))
            }
            Refusal::UnknownSku(keys) => {
                let detail = format!("{} of the stocks named do not exist", keys.len());
                Self::with(code, detail, Extra::Skus(keys))
            }
            Refusal::PurchaseLimitExceeded(limits) => {
                let detail = "the customer may not take so many";
                Self::with(code, detail, Extra::Limits(limits))
            }
            Refusal::CustomerRequired(skus) => {
                let skus: Vec<&str> = skus.iter().map(Sku::as_str).collect();
                Self::invalid_field(
                    "customerId",
                    format!("is required: {} has a purchase limit", skus.join(", ")),
                )
            }
            Refusal::IdempotencyMismatch => Self::new(
                code,
                "this id was used before, with other content; nothing was changed",
            ),
            Refusal::ReservationNotFound => Self::new(
                code,
                "there is no reservation with this id, or it was closed longer ago than the retention",
            ),
            Refusal::ReservationReleased => {
                Self::new(code, "the reservation was released; its stock went back")
            }
            Refusal::ReservationExpired => {
                Self::new(code, "the reservation expired; its stock went back")
            }
            Refusal::ReservationConfirmed(status) => Self::with(
                code,
                "the reservation was confirmed",
                Extra::ReservationStatus(status),
            ),
            Refusal::ReservationNotConfirmed(status) => Self::with(
                code,
                "only confirmed goods can come back",
                Extra::ReservationStatus(status),
            ),
            Refusal::ConfirmExceedsReservation(lines) => Self::with(
                code,
                "more is to be confirmed than is held",
                Extra::Shortages("exceeded", lines),
            ),
            Refusal::ReturnExceedsConfirmed(lines) => Self::with(
                code,
                "more is to come back than is out",
                Extra::Shortages("exceeded", lines),
            ),
            Refusal::TooManyReturns => Self::invalid_field(
                "returnId",
                format!("is one too many: a reservation sees at most {RETURNS_MAX} returns"),
            ),
            Refusal::VersionConflict { current } => {
                let detail = "the stock has another version than expected (0: it does not exist)";
                Self::with(code, detail, Extra::Number("currentVersion", current))
            }
            Refusal::BelowReserved { reserved } => {
                let detail = "open holds have reserved more than was counted";
                Self::with(code, detail, Extra::Number("reservedQuantity", reserved))
            }
            Refusal::StockTooLarge => Self::invalid_field(
                subject.figure,
                format!("would take a figure of the stock over {STOCK_MAX}"),
            ),
            Refusal::SkuInUse {
                available,
                reserved,
            } => {
                let detail = "a stock with units or open holds cannot be retired";
                Self::with(
                    code,
                    detail,
                    Extra::InUse {
                        available,
                        reserved,
                    },
                )
            }
        }
    }

    /// Something is wrong with the store; logged here, at most once a second for each kind.
    pub(crate) fn from_fault(fault: &Fault, subject: &Subject<'_>) -> Self {
        log(fault);
        let code = fault.code();
        match fault {
            Fault::Fenced(_) => Self::new(
                code,
                "Redis may have lost something; writes wait until that is known and restored",
            ),
            Fault::Unavailable(_) => Self::new(
                code,
                "Redis cannot be reached or refuses to write; nothing was changed",
            ),
            Fault::OutcomeUnknown(_) => Self::outcome_unknown(subject),
            Fault::ReapMore => {
                let detail =
                    "many holds are due at once; some were expired, the request was not decided";
                Self {
                    retry_now: true,
                    ..Self::new(code, detail)
                }
            }
            Fault::Corrupt { key } => {
                let detail = "a key in Redis is not what the engine wrote; other requests go on";
                Self::with(code, detail, Extra::Id("key", key.clone()))
            }
            Fault::Protocol(_) => {
                Self::new(code, "an answer of Redis made no sense; this is a bug")
            }
        }
    }
}

/// Logs a fault, at most once a second for each kind: in an outage every request meets it.
fn log(fault: &Fault) {
    static LAST_MS: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let slot = match fault {
        Fault::Fenced(_) => 0,
        Fault::Unavailable(_) => 1,
        Fault::OutcomeUnknown(_) => 2,
        Fault::ReapMore => 3,
        Fault::Corrupt { .. } => 4,
        Fault::Protocol(_) => 5,
    };
    let now = u64::try_from(START.elapsed().as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1_000);
    let last = LAST_MS[slot].load(Ordering::Relaxed);
    if now.saturating_sub(last) >= 1_000
        && LAST_MS[slot]
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    {
        trace::of_request(|request_id, trace_id| match fault {
            Fault::Corrupt { .. } | Fault::Protocol(_) => {
                tracing::error!(request_id, trace_id, %fault, "the store is at fault");
            }
            Fault::Fenced(_)
            | Fault::Unavailable(_)
            | Fault::OutcomeUnknown(_)
            | Fault::ReapMore => {
                tracing::warn!(request_id, trace_id, %fault, "the store is at fault");
            }
        });
    }
}
