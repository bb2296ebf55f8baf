//! Reservations at fixed times: a slow answer delays no other request.

use std::{
    net::SocketAddr,
    sync::PoisonError,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::Asked;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answered {
    /// When the first was sent.
    pub(crate) began: Instant,
    /// From request to answer, after the warm-up.
    pub(crate) took: Vec<Duration>,
}

/// Sends them; each must be answered 201.
///
/// # Errors
/// Another answer, or none.
pub(crate) async fn at(
    server: SocketAddr,
    rate: u32,
    seconds: u32,
    warm_up: Duration,
    asked: &Asked,
) -> Result<Answered, String> {
    // The client wants to know how it would do TLS, also where it does not. An error: it knows.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .build()
        .map_err(|error| error.to_string())?;
    let url = format!("http://{server}/api/reservations");
    let began = Instant::now();
    let mut sent: JoinSet<Result<(Instant, Duration), String>> = JoinSet::new();
    for number in 0..rate.saturating_mul(seconds) {
        let due = began + Duration::from_secs(1) * number / rate;
        tokio::time::sleep_until(due.into()).await;
        let id = format!("e-{number}");
        let body = format!(
            r#"{{"reservationId":"{id}","items":[{{"skuId":"sku-{}","quantity":1}}]}}"#,
            number.wrapping_mul(31) % crate::SKUS + 1
        );
        let request = client
            .post(&url)
            .header("content-type", "application/json")
            .body(body);
        let asked = std::sync::Arc::clone(asked);
        sent.spawn(async move {
            let at = Instant::now();
            asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, at);
            let answer = request.send().await.map_err(|error| error.to_string())?;
            match answer.status().as_u16() {
                201 => Ok((at, at.elapsed())),
                other => Err(format!("the server answered {other}")),
            }
        });
    }
    let mut took = Vec::new();
    while let Some(answer) = sent.join_next().await {
        let (at, elapsed) = answer.map_err(|error| error.to_string())??;
        if at >= began + warm_up {
            took.push(elapsed);
        }
    }
    Ok(Answered { began, took })
}
