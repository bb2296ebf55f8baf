//! What every HTTP service does the same way: problems, request ids, limits, health, metrics,
//! documents, and stopping without dropping a request.
//!
//! ```no_run
//! # async fn serve() -> Result<(), std::io::Error> {
//! use axum::{Router, routing::get};
//! use service_kit::{http::{App, Settings}, metrics, shutdown::Stop};
//!
//! let mut registry = metrics::registry("order", env!("CARGO_PKG_VERSION"));
//! // … other parts register theirs here …
//! let app = App::new(registry)
//!     .check("mariadb", || async { Ok(()) })
//!     .openapi(r#"{"openapi":"3.1.0"}"#);
//! let routes = Router::new().route("/api/orders", get(|| async { "none" }));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8085").await?;
//! app.serve(listener, routes, Settings::default(), &Stop::on_signals()?).await;
//! # Ok(())
//! # }
//! ```

mod app;
#[cfg(feature = "auth")]
pub mod auth;
mod extract;
mod form;
mod guarded;
mod health;
mod layer;
mod listen;
mod metrics;
mod problem;
mod request_id;
mod server;
mod timed_body;

pub use self::{
    app::{App, H2_STREAMS_MAX, HEAD_BYTES_MAX, HEADERS_MAX, Settings},
    extract::{Json, Path, Query},
    form::Form,
    listen::{ListenError, listen},
    problem::{FieldError, Problem},
    request_id::{RequestContext, X_REQUEST_ID},
    server::{PeerAddress, serve},
};
