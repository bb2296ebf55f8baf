//! `GET /openapi.json`, `GET /docs` and `GET /problems/{code}`: all embedded in the binary.

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};
use inventory_core::Code;

use super::{Answer, json};
use crate::{
    body::Body,
    problem::{self, Problem},
};

/// The document that describes every operation.
pub(crate) const OPENAPI: &str = include_str!("../../openapi.json");
const PAGE: &str = include_str!("../../../docs/openapi.html");
const POLICY: &str = include_str!("../../../docs/openapi.csp");

pub(super) fn openapi() -> Response<Body> {
    cached(json(StatusCode::OK, Bytes::from_static(OPENAPI.as_bytes())))
}

pub(super) fn page() -> Response<Body> {
    let mut page = text(PAGE, "text/html; charset=utf-8");
    page.headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    page
}

pub(super) fn problem(slug: &str) -> Answer {
    let code = Code::ALL.iter().find(|code| problem::slug(**code) == slug);
    code.map(|code| text(explanation(*code), "text/markdown; charset=utf-8"))
        .ok_or_else(|| Problem::new(Code::NotFound, "there is no problem of this name"))
}

fn text(text: &'static str, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::full(Bytes::from_static(text.as_bytes())));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    cached(response)
}

fn cached(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

/// The page in `docs/problems/` of a code.
pub(crate) const fn explanation(code: Code) -> &'static str {
    macro_rules! page {
        ($name:literal) => {
            include_str!(concat!("../../../docs/problems/", $name, ".md"))
        };
    }
    match code {
        Code::InvalidRequest => page!("invalid-request"),
        Code::NotFound => page!("not-found"),
        Code::MethodNotAllowed => page!("method-not-allowed"),
        Code::Unauthenticated => page!("unauthenticated"),
        Code::Forbidden => page!("forbidden"),
        Code::AuthUnavailable => page!("auth-unavailable"),
        Code::BodyTooLarge => page!("body-too-large"),
        Code::UnsupportedMediaType => page!("unsupported-media-type"),
        Code::UnknownSku => page!("unknown-sku"),
        Code::InsufficientStock => page!("insufficient-stock"),
        Code::PurchaseLimitExceeded => page!("purchase-limit-exceeded"),
        Code::IdempotencyMismatch => page!("idempotency-mismatch"),
        Code::ReservationNotFound => page!("reservation-not-found"),
        Code::ReservationReleased => page!("reservation-released"),
        Code::ReservationExpired => page!("reservation-expired"),
        Code::ReservationConfirmed => page!("reservation-confirmed"),
        Code::ReservationNotConfirmed => page!("reservation-not-confirmed"),
        Code::ConfirmExceedsReservation => page!("confirm-exceeds-reservation"),
        Code::ReturnExceedsConfirmed => page!("return-exceeds-confirmed"),
        Code::VersionConflict => page!("version-conflict"),
        Code::BelowReserved => page!("below-reserved"),
        Code::SkuInUse => page!("sku-in-use"),
        Code::Overloaded => page!("overloaded"),
        Code::StoreUnavailable => page!("store-unavailable"),
        Code::ShardRecovering => page!("shard-recovering"),
        Code::JournalFull => page!("journal-full"),
        Code::OutcomeUnknown => page!("outcome-unknown"),
        Code::StoreCorrupt => page!("store-corrupt"),
        Code::Internal => page!("internal"),
    }
}

#[cfg(test)]
mod tests;
