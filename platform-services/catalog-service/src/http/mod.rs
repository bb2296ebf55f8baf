//! The HTTP interface: decode, check, do, show.

mod admin;
mod brands;
mod categories;
mod check;
mod internal;
mod products;
mod view;
mod who;

use axum::{
    Router,
    routing::{get, patch, post},
};
use service_kit::{outbox::Outbox, relay::Waker};
use sqlx::MySqlPool;

use crate::{availability::Availability, search::reindex::Reindex};

/// What the handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) pool: MySqlPool,
    pub(crate) outbox: Outbox,
    pub(crate) relay: Waker,
    pub(crate) reindex: Reindex,
    pub(crate) availability: Availability,
}

pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/api/products", get(products::list).post(admin::create))
        .route(
            "/api/products/{product_id}",
            get(products::one)
                .put(admin::update)
                .delete(admin::withdraw),
        )
        .route(
            "/api/products/{product_id}/status",
            patch(admin::set_status),
        )
        .route(
            "/api/products/{product_id}/options",
            post(admin::add_values),
        )
        .route(
            "/api/products/{product_id}/skus/{sku_id}",
            patch(admin::set_sku_status),
        )
        .route("/api/categories", post(categories::create))
        .route("/api/categories/tree", get(categories::tree))
        .route(
            "/api/categories/{category_id}",
            get(categories::one)
                .put(categories::update)
                .delete(categories::delete),
        )
        .route("/api/brands", get(brands::page).post(brands::create))
        .route(
            "/api/brands/{brand_id}",
            get(brands::one).put(brands::update).delete(brands::delete),
        )
        .route("/internal/skus/resolve", post(internal::resolve))
        .with_state(shop)
}
