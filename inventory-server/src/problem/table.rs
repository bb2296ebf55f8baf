use hyper::StatusCode;
use inventory_core::Code;

/// What a code means over HTTP.
pub(super) struct Spec {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) retryable: bool,
    pub(super) retry_after_seconds: Option<u16>,
}

/// The table.
pub(super) const fn spec(code: Code) -> Spec {
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
        Code::Unauthenticated => row(S::UNAUTHORIZED, "Unauthenticated"),
        Code::Forbidden => row(S::FORBIDDEN, "Forbidden"),
        Code::AuthUnavailable => busy("Authentication unavailable", 1),
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
