//! One attempt: sent, answered, read and sorted.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{StatusCode, header::RETRY_AFTER};
use serde::de::DeserializeOwned;

use super::{ClientError, ClientSettings, Remote, error::chain};

/// An answer of 2xx.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, whole.
    pub body: Bytes,
    pub(super) neighbour: &'static str,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`ClientError::Unknown`]: it was done, but what was answered is not what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ClientError::unknown(
                self.neighbour,
                format!("the answer cannot be read: {error}"),
            )
        })
    }
}

pub(super) async fn attempt(
    http: reqwest::Client,
    settings: ClientSettings,
    request: reqwest::Request,
    timeout: Duration,
) -> Result<Answer, ClientError> {
    let neighbour = settings.neighbour;
    match tokio::time::timeout(timeout, send(&http, settings, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(ClientError::unknown(
            neighbour,
            format!("no answer within {} ms", timeout.as_millis()),
        )),
    }
}

async fn send(
    http: &reqwest::Client,
    settings: ClientSettings,
    request: reqwest::Request,
) -> Result<Answer, ClientError> {
    let neighbour = settings.neighbour;
    let mut response = http.execute(request).await.map_err(|error| {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            ClientError::unavailable(neighbour, chain(&error))
        } else {
            ClientError::unknown(neighbour, chain(&error))
        }
    })?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let read = body(&mut response, settings.body_bytes_max).await;
    if status.is_success() {
        return match read {
            Ok(body) => Ok(Answer {
                status: status.as_u16(),
                body,
                neighbour,
            }),
            Err(reason) => Err(ClientError::unknown(neighbour, reason)),
        };
    }
    // The status says enough where the rest is lost.
    let remote = Box::new(Remote::read(status.as_u16(), &read.unwrap_or_default()));
    Err(if status == StatusCode::SERVICE_UNAVAILABLE {
        ClientError::Unavailable {
            neighbour,
            reason: remote.to_string(),
            remote: Some(remote),
            retry_after,
        }
    } else if status.is_server_error() {
        ClientError::Unknown {
            neighbour,
            reason: remote.to_string(),
            remote: Some(remote),
        }
    } else {
        ClientError::Refused { neighbour, remote }
    })
}

async fn body(response: &mut reqwest::Response, bytes_max: usize) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| chain(&error.without_url()))?
    {
        if body.len() + chunk.len() > bytes_max {
            return Err(format!("the answer has more than {bytes_max} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
