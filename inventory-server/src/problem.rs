//! What went wrong, as RFC 9457 problem details: the one table from refusals and faults to HTTP.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use inventory_core::{
    Code, Fault, LimitExceeded, Refusal, ReservationId, Shortage, Sku, Status, StockKey,
    limits::{RETURNS_MAX, STOCK_MAX},
};

use crate::{body::Body, wire::write::Writer};

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Where, like `items[0].quantity`.
    pub(crate) field: String,
    /// What is wrong there.
    pub(crate) reason: String,
}

/// What a code means over HTTP.
struct Spec {
    status: StatusCode,
    title: &'static str,
    retryable: bool,
    retry_after_seconds: Option<u16>,
}

/// The table.
const fn spec(code: Code) -> Spec {
    const fn row(status: StatusCode, title: &'static str) -> Spec {
        Spec {
            status,
            title,
            retryable: false,
            retry_after_seconds: None,
        }
    }
    const fn busy(title: &'static str, seconds: u16) -> Spec {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Spec {
            status,
            title,
            retryable: true,
            retry_after_seconds: Some(seconds),
        }
    }
    use StatusCode as S;
    match code {
        Code::InvalidRequest => row(S::BAD_REQUEST, "Invalid request"),
        Code::NotFound => row(S::NOT_FOUND, "No such path"),
        Code::MethodNotAllowed => row(S::METHOD_NOT_ALLOWED, "Method not allowed"),
        Code::BodyTooLarge => row(S::PAYLOAD_TOO_LARGE, "Body too large"),
        Code::UnsupportedMediaType => row(S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
        Code::UnknownSku => row(S::NOT_FOUND, "Unknown SKU"),
        Code::InsufficientStock => row(S::CONFLICT, "Insufficient stock"),
        Code::PurchaseLimitExceeded => row(S::CONFLICT, "Purchase limit exceeded"),
        Code::IdempotencyMismatch => row(S::UNPROCESSABLE_ENTITY, "Id used with other content"),
        Code::ReservationNotFound => row(S::NOT_FOUND, "Reservation not found"),
        Code::ReservationReleased => row(S::CONFLICT, "Reservation released"),
        Code::ReservationExpired => row(S::CONFLICT, "Reservation expired"),
        Code::ReservationConfirmed => row(S::CONFLICT, "Reservation confirmed"),
        Code::ReservationNotConfirmed => row(S::CONFLICT, "Reservation not confirmed"),
        Code::ConfirmExceedsReservation => {
            row(S::UNPROCESSABLE_ENTITY, "More to confirm than is held")
        }
        Code::ReturnExceedsConfirmed => {
            row(S::UNPROCESSABLE_ENTITY, "More to return than was sold")
        }
        Code::VersionConflict => row(S::CONFLICT, "Version conflict"),
        Code::BelowReserved => row(S::CONFLICT, "Count below what is reserved"),
        Code::SkuInUse => row(S::CONFLICT, "SKU in use"),
        Code::Overloaded => busy("Overloaded", 1),
        Code::StoreUnavailable => busy("Store unavailable", 1),
        Code::ShardRecovering => busy("Shard recovering", 1),
        Code::JournalFull => busy("Journal full", 5),
        Code::OutcomeUnknown => Spec {
            status: S::GATEWAY_TIMEOUT,
            title: "Outcome unknown",
            retryable: true,
            retry_after_seconds: None,
        },
        Code::StoreCorrupt => row(S::INTERNAL_SERVER_ERROR, "Store corrupt"),
        Code::Internal => row(S::INTERNAL_SERVER_ERROR, "Internal error"),
    }
}

/// The page that explains a code: the last part of `/problems/…` and the file in `docs/problems/`.
pub(crate) fn slug(code: Code) -> String {
    code.as_str().to_ascii_lowercase().replace('_', "-")
}

/// What a problem says beyond its code.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extra {
    None,
    Errors(Vec<FieldError>),
    Shortages(&'static str, Vec<Shortage>),
    Skus(Vec<StockKey>),
    Limits(Vec<LimitExceeded>),
    ReservationStatus(Status),
    Number(&'static str, u64),
    InUse { available: u64, reserved: u64 },
    Id(&'static str, String),
    Allow(&'static str),
}

/// A refusal or fault on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Cow<'static, str>,
    extra: Extra,
    retry_now: bool,
    /// The connection cannot be used any more: part of a body is still to come.
    pub(crate) close: bool,
}

/// What a request was about: which field a refusal of a figure blames, and which id a caller
/// repeats an unsettled request with.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// The field that a figure over [`STOCK_MAX`] is blamed on.
    pub(crate) figure: &'static str,
    /// The name and value of the id to repeat with.
    pub(crate) id: Option<(&'static str, &'a str)>,
}

impl<'a> Subject<'a> {
    /// A command on a reservation.
    pub(crate) fn reservation(id: &'a ReservationId) -> Self {
        Self {
            figure: "items",
            id: Some(("reservationId", id.as_str())),
        }
    }

    /// A read: nothing to repeat, no figure to blame.
    pub(crate) const READ: Subject<'static> = Subject {
        figure: "items",
        id: None,
    };
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            extra: Extra::None,
            retry_now: false,
            close: false,
        }
    }

    fn with(code: Code, detail: impl Into<Cow<'static, str>>, extra: Extra) -> Self {
        Self {
            extra,
            ..Self::new(code, detail)
        }
    }

    /// 400 with every fault found.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.reason),
            many => format!("{} fields are not valid", many.len()),
        };
        Self::with(Code::InvalidRequest, detail, Extra::Errors(errors))
    }

    /// 400 with one fault.
    pub(crate) fn invalid_field(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::invalid(vec![FieldError {
            field: field.into(),
            reason: reason.to_string(),
        }])
    }

    /// 405; `allow` as in the header.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::with(
            Code::MethodNotAllowed,
            format!("this path knows {allow}"),
            Extra::Allow(allow),
        )
    }

    /// 404 for one stock.
    pub(crate) fn unknown_sku(key: StockKey) -> Self {
        Self::from_refusal(Refusal::UnknownSku(vec![key]), &Subject::READ)
    }

    /// 504 that names the id to repeat with.
    pub(crate) fn outcome_unknown(subject: &Subject<'_>) -> Self {
        let detail = "the answer of Redis was lost; the request may have taken effect. Repeating it with the same id is safe";
        let extra = subject
            .id
            .map_or(Extra::None, |(name, id)| Extra::Id(name, id.to_owned()));
        Self::with(Code::OutcomeUnknown, detail, extra)
    }

    /// Closes the connection after the answer.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

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

    fn retry_after(&self) -> Option<u16> {
        let seconds = spec(self.code).retry_after_seconds;
        if self.retry_now {
            seconds.map(|_| 0)
        } else {
            seconds
        }
    }

    /// The members of the problem object.
    pub(crate) fn write(&self, json: &mut Writer) {
        let spec = spec(self.code);
        json.id("type", &format!("/problems/{}", slug(self.code)));
        json.id("title", spec.title);
        json.number("status", u64::from(spec.status.as_u16()));
        json.id("code", self.code.as_str());
        json.text("detail", &self.detail);
        json.boolean("retryable", spec.retryable);
        self.extra.write(json);
    }

    /// The answer.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut json = Writer::object(512);
        self.write(&mut json);
        let body: Bytes = json.finish();
        let mut response = Response::new(Body::full(body));
        *response.status_mut() = spec(self.code).status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Extra::Allow(allow) = self.extra {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Extra {
    fn write(&self, json: &mut Writer) {
        let key = |json: &mut Writer, key: &StockKey| {
            json.id("skuId", key.sku.as_str());
            json.id("locationId", key.location.as_str());
        };
        match self {
            Self::None | Self::Allow(_) => {}
            Self::Errors(errors) => json.array("errors", errors, |json, error| {
                json.text("field", &error.field);
                json.text("reason", &error.reason);
            }),
            Self::Shortages(name, shortages) => json.array(name, shortages, |json, short| {
                key(json, &short.key);
                json.number("requested", short.requested);
                json.number("available", short.available);
            }),
            Self::Skus(keys) => json.array("skus", keys, key),
            Self::Limits(limits) => json.array("limits", limits, |json, limit| {
                json.id("skuId", limit.sku.as_str());
                json.number("limit", limit.limit);
                json.number("used", limit.used);
                json.number("requested", limit.requested);
            }),
            Self::ReservationStatus(status) => json.id("reservationStatus", status.as_str()),
            Self::Number(name, number) => json.number(name, *number),
            Self::InUse {
                available,
                reserved,
            } => {
                json.number("availableQuantity", *available);
                json.number("reservedQuantity", *reserved);
            }
            Self::Id(name, id) => json.text(name, id),
        }
    }
}

/// Logs a fault, at most once a second for each kind: in an outage every request meets it.
fn log(fault: &Fault) {
    static LAST_MS: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
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
        match fault {
            Fault::Corrupt { .. } | Fault::Protocol(_) => {
                tracing::error!(%fault, "the store is at fault");
            }
            Fault::Fenced(_)
            | Fault::Unavailable(_)
            | Fault::OutcomeUnknown(_)
            | Fault::ReapMore => {
                tracing::warn!(%fault, "the store is at fault");
            }
        }
    }
}

#[cfg(test)]
mod tests;
