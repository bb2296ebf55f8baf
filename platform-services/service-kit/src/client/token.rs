//! Where a call's credentials come from.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use super::{Client, ClientConfigError, ClientSettings, Outbound};
use crate::config::Secret;

/// A token is renewed when less of its life than this is left, or a quarter of it.
const RENEW_BEFORE_MAX: Duration = Duration::from_secs(60);

/// After a failure nobody asks again for so long.
const FAILED_PAUSE: Duration = Duration::from_millis(500);

/// A token and how long it is good for.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The bearer token.
    pub token: Secret,
    /// From now on.
    pub expires_in: Duration,
}

type Issue = dyn Fn() -> BoxFuture<'static, Result<Grant, String>> + Send + Sync;

/// What a call says about who makes it. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct TokenSource(Source);

#[derive(Clone)]
enum Source {
    None,
    Fixed(HeaderValue),
    Issued(Arc<Issued>),
}

struct Issued {
    issue: Box<Issue>,
    /// Locked while a token is asked for: one asks, the others wait for the same.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    failed: Option<(Instant, String)>,
}

struct Current {
    header: HeaderValue,
    renew_at: Instant,
    expires_at: Instant,
}

impl TokenSource {
    /// Says nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(Source::None)
    }

    /// Always this bearer token; none where it cannot stand in a header.
    #[must_use]
    pub fn fixed(token: &str) -> Self {
        Self(bearer(token).map_or(Source::None, Source::Fixed))
    }

    /// HTTP Basic, as gateways want it.
    #[must_use]
    pub fn basic(user: &str, password: Option<&Secret>) -> Self {
        let both = format!("{user}:{}", password.map_or("", Secret::reveal));
        let header = authorization("Basic", &STANDARD.encode(both));
        Self(header.map_or(Source::None, Source::Fixed))
    }

    /// A bearer token from whoever `issue` asks, kept until shortly before it expires.
    pub fn issued_by<F, A>(issue: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Grant, String>> + Send + 'static,
    {
        Self(Source::Issued(Arc::new(Issued {
            issue: Box::new(move || Box::pin(issue())),
            state: Mutex::default(),
        })))
    }

    /// The service's own token, from auth-service by its client id and secret.
    ///
    /// # Errors
    /// [`ClientConfigError`].
    pub fn client_credentials(
        auth_url: &str,
        client_id: &str,
        client_secret: Secret,
        outbound: &Outbound,
    ) -> Result<Self, ClientConfigError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Issued {
            access_token: String,
            expires_in: u64,
        }
        let settings = ClientSettings::new("auth");
        let auth = Client::new(auth_url, settings, Self::none(), outbound)?;
        let client_id = client_id.to_owned();
        Ok(Self::issued_by(move || {
            let call = auth.post("/api/auth/token").idempotent().json(&json!({
                "grantType": "client_credentials",
                "clientId": client_id,
                "clientSecret": client_secret.reveal(),
            }));
            async move {
                let issued: Issued = call.fetch().await.map_err(|error| error.to_string())?;
                Ok(Grant {
                    token: issued.access_token.into(),
                    expires_in: Duration::from_secs(issued.expires_in),
                })
            }
        }))
    }

    /// The value of `Authorization`, if there is to be one.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        match &self.0 {
            Source::None => Ok(None),
            Source::Fixed(header) => Ok(Some(header.clone())),
            Source::Issued(issued) => issued.token().await.map(Some),
        }
    }

    /// Forgets a token that was refused. Whether another may be had.
    pub(super) async fn forget(&self, refused: Option<&HeaderValue>) -> bool {
        let Source::Issued(issued) = &self.0 else {
            return false;
        };
        let mut state = issued.state.lock().await;
        state.current = state
            .current
            .take()
            .filter(|current| Some(&current.header) != refused);
        true
    }
}

impl Issued {
    async fn token(&self) -> Result<HeaderValue, String> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(current) = &state.current
            && now < current.renew_at
        {
            return Ok(current.header.clone());
        }
        let usable = |state: &State| {
            let current = state.current.as_ref()?;
            (now < current.expires_at).then(|| current.header.clone())
        };
        if let Some((until, reason)) = &state.failed
            && now < *until
        {
            return usable(&state).ok_or_else(|| reason.clone());
        }
        match (self.issue)().await.and_then(|grant| {
            let header = bearer(grant.token.reveal()).ok_or("the token is none")?;
            Ok((header, grant.expires_in))
        }) {
            Ok((header, life)) => {
                let early = RENEW_BEFORE_MAX.min(life / 4);
                state.failed = None;
                state.current = Some(Current {
                    header: header.clone(),
                    renew_at: now + life.saturating_sub(early),
                    expires_at: now + life,
                });
                Ok(header)
            }
            Err(reason) => {
                tracing::warn!(reason, "no token for this service");
                let reason = format!("no token for this service: {reason}");
                state.failed = Some((Instant::now() + FAILED_PAUSE, reason.clone()));
                usable(&state).ok_or(reason)
            }
        }
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    authorization("Bearer", token).filter(|_| !token.is_empty())
}

fn authorization(scheme: &str, credentials: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{scheme} {credentials}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::None => "TokenSource(none)",
            Source::Fixed(_) => "TokenSource(fixed)",
            Source::Issued(_) => "TokenSource(issued)",
        })
    }
}
