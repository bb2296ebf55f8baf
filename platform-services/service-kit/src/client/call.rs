//! A call: a place, a token, and as many attempts as it may have.

use reqwest::{
    Method,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{Answer, Client, ClientError, breaker::Attempted};
use crate::backoff::Backoff;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A call that is being put together. Nothing happens before [`Call::send`] or [`Call::fetch`].
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    idempotent: bool,
    fault: Option<String>,
}

impl Call {
    pub(super) fn new(client: Client, method: Method, path: &str) -> Self {
        Self {
            client,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            query: Vec::new(),
            body: None,
            idempotent: false,
            fault: None,
        }
    }

    /// With a body of JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.body = Some(body),
            Err(error) => self.fault = Some(format!("the body cannot be written: {error}")),
        }
        self
    }

    /// With a parameter in the query, encoded as it needs.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a header, such as `idempotency-key`; `name` in lower case.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.fault = Some(format!("{name}: not a header's value")),
        }
        self
    }

    /// Doing it twice is doing it once: it may be repeated after a failure.
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Passes on the ids of the request that this call is made for.
    #[cfg(feature = "http")]
    pub fn context(self, context: &crate::http::RequestContext) -> Self {
        self.caused_by(Some(&context.request_id), context.traceparent.as_deref())
    }

    /// Passes on the ids of what this call is made for; those that cannot stand in a header are
    /// left out.
    pub fn caused_by(mut self, request_id: Option<&str>, traceparent: Option<&str>) -> Self {
        for (name, id) in [(X_REQUEST_ID, request_id), (TRACEPARENT, traceparent)] {
            if let Some(value) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
                self.headers.insert(name, value);
            }
        }
        self
    }

    /// Calls, and reads the answer as JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        self.send().await?.json()
    }

    /// Calls. An answer that is not 2xx is an error.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(self) -> Result<Answer, ClientError> {
        let client = self.client.clone();
        let begun = Instant::now();
        let answered = self.within_time().await;
        let outcome = answered
            .as_ref()
            .map_or_else(ClientError::outcome, |_| "fulfilled");
        let neighbour = client.0.settings.neighbour;
        client.0.metrics.called(neighbour, outcome, begun.elapsed());
        if let Err(error @ (ClientError::Unavailable { .. } | ClientError::Unknown { .. })) =
            &answered
        {
            tracing::debug!(%error, "a call failed");
        }
        answered
    }

    async fn within_time(self) -> Result<Answer, ClientError> {
        let inner = &self.client.0;
        let neighbour = inner.settings.neighbour;
        let deadline = Instant::now() + inner.settings.timeout;
        if let Some(fault) = self.fault {
            return Err(ClientError::unavailable(neighbour, fault));
        }
        let before_sending = async {
            let place = inner.places.acquire().await.ok();
            (place, inner.tokens.authorization().await)
        };
        let Ok((_place, authorization)) = tokio::time::timeout_at(deadline, before_sending).await
        else {
            return Err(ClientError::unavailable(
                neighbour,
                "no place or no token in time: too many calls are under way",
            ));
        };
        let mut authorization =
            authorization.map_err(|reason| ClientError::unavailable(neighbour, reason))?;
        let mut backoff = Backoff::new(inner.settings.pause_first, inner.settings.pause_longest);
        let mut retries = if self.idempotent {
            inner.settings.retries
        } else {
            0
        };
        let mut token_renewed = false;
        loop {
            let request = self.request(authorization.as_ref())?;
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = inner.settings.attempt_timeout.min(left);
            let error = match inner.guarded.attempt(request, timeout).await {
                Attempted::Answered(answer) => return Ok(answer),
                Attempted::Barred => {
                    return Err(ClientError::unavailable(
                        neighbour,
                        "it failed several times in a row and is left alone for a moment",
                    ));
                }
                Attempted::Failed(error) => error,
            };
            // Keys may have changed: a token that was refused did nothing, another may do.
            if error.status() == Some(401)
                && !token_renewed
                && inner.tokens.forget(authorization.as_ref()).await
            {
                token_renewed = true;
                authorization =
                    match tokio::time::timeout_at(deadline, inner.tokens.authorization()).await {
                        Ok(Ok(authorization)) => authorization,
                        Ok(Err(_)) | Err(_) => return Err(error),
                    };
                continue;
            }
            let wished = match &error {
                ClientError::Refused { .. } => return Err(error),
                ClientError::Unavailable { retry_after, .. } => *retry_after,
                ClientError::Unknown { .. } => None,
            };
            let pause = backoff.pause().max(wished.unwrap_or_default());
            if retries == 0 || Instant::now() + pause >= deadline {
                return Err(error);
            }
            retries -= 1;
            inner.metrics.retried(neighbour);
            tokio::time::sleep(pause).await;
        }
    }

    fn request(
        &self,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Request, ClientError> {
        let inner = &self.client.0;
        let neighbour = inner.settings.neighbour;
        let bad = |reason: String| ClientError::unavailable(neighbour, reason);
        let url = format!("{}{}", inner.base_url, self.path);
        let mut url = reqwest::Url::parse(&url).map_err(|error| bad(error.to_string()))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = inner.http.request(self.method.clone(), url);
        request = request.headers(self.headers.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &self.body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        request
            .build()
            .map_err(|error| bad(super::error::chain(&error.without_url())))
    }
}
