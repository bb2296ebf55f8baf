//! Every refusal, and the one table that says what HTTP calls it.

use axum::http::StatusCode;
use service_kit::http::Problem;

use crate::domain::Status;

/// Seconds after which to ask again when a neighbour is away and does not say when.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Why a request is not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The catalog does not know these.
    UnknownSku(Vec<String>),
    /// The catalog does not sell these now.
    SkuNotForSale(Vec<String>),
    /// The user has no such address.
    UnknownAddress(String),
    /// The hold cannot be used for this order.
    ReservationMismatch(String),
    /// The order would cost nothing, or too much.
    TotalOutOfRange,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// There is none, or not for whom asks.
    OrderNotFound,
    /// The order is not in a state for it.
    InvalidOrderState {
        /// In which it is.
        status: Status,
        /// What does not go.
        detail: String,
    },
    /// There is nothing to check out.
    CartEmpty,
    /// The cart was changed while it was checked out, again and again.
    CartChanged,
    /// The cart has no such SKU.
    CartItemNotFound(String),
    /// A service that is needed for it does not answer.
    NeighbourUnavailable {
        /// Which.
        neighbour: &'static str,
        /// When to ask again, in seconds, if it said so.
        retry_after_seconds: Option<u32>,
    },
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownSku(skus) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "UNKNOWN_SKU",
                "Unknown SKU",
                format!("the catalog does not know {}", skus.join(", ")),
            )
            .with("skuIds", skus),
            Refusal::SkuNotForSale(skus) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "SKU_NOT_FOR_SALE",
                "SKU not for sale",
                format!("not for sale now: {}", skus.join(", ")),
            )
            .with("skuIds", skus),
            Refusal::UnknownAddress(id) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "UNKNOWN_ADDRESS",
                "Unknown address",
                format!(
                    "you have no address {id}: add one with POST /api/users/me/addresses and order with its addressId"
                ),
            )
            .with("shippingAddressId", id),
            Refusal::ReservationMismatch(why) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "RESERVATION_MISMATCH",
                "Reservation does not fit",
                format!("{why}; order without reservationId, or reserve exactly these items first"),
            ),
            Refusal::TotalOutOfRange => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "ORDER_TOTAL_OUT_OF_RANGE",
                "Order total out of range",
                format!(
                    "an order costs 1 to {} KRW; change its items",
                    crate::limits::TOTAL_AMOUNT_MAX
                ),
            ),
            Refusal::IdempotencyMismatch => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_MISMATCH",
                "Key used with another request",
                "this Idempotency-Key was used before, with another request; nothing was changed. Use a new key for a new request",
            ),
            Refusal::OrderNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "ORDER_NOT_FOUND",
                "Order not found",
                "there is no such order of yours; GET /api/orders lists yours",
            ),
            Refusal::InvalidOrderState { status, detail } => Self::new(
                StatusCode::CONFLICT,
                "INVALID_ORDER_STATE",
                "Order in another state",
                detail,
            )
            .with("orderStatus", status.word()),
            Refusal::CartEmpty => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "CART_EMPTY",
                "Cart is empty",
                "there is nothing in the cart: add something with POST /api/carts/me/items",
            ),
            Refusal::CartChanged => Self::new(
                StatusCode::CONFLICT,
                "CART_CHANGED",
                "Cart changed",
                "the cart was changed while it was checked out; nothing was ordered. Look at it and check out again",
            )
            .retryable(),
            Refusal::CartItemNotFound(sku) => Self::new(
                StatusCode::NOT_FOUND,
                "CART_ITEM_NOT_FOUND",
                "Cart item not found",
                format!("the cart has no {sku}; GET /api/carts/me shows what it has"),
            ),
            Refusal::NeighbourUnavailable {
                neighbour,
                retry_after_seconds,
            } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "NEIGHBOUR_UNAVAILABLE",
                "A service does not answer",
                format!("{neighbour} does not answer; nothing was changed, the same request may succeed later"),
            )
            .with("neighbour", neighbour)
            .retry_after(retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS)),
        }
    }
}
