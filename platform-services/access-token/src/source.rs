//! Where the keys come from.

use std::{fmt, path::PathBuf, pin::Pin, sync::Arc};

use hyper::Uri;
use tls::Trust;

use crate::{FetchError, http};

/// Longest JWKS that is read, in bytes.
pub(crate) const JWKS_BYTES_MAX: usize = 256 * 1024;

type Fetched = Pin<Box<dyn Future<Output = Result<String, FetchError>> + Send>>;

/// Where the keys come from: a URL, a file that is read again like one, or a closure.
#[derive(Clone)]
pub struct JwksSource {
    name: Arc<str>,
    fetch: Arc<dyn Fn() -> Fetched + Send + Sync>,
}

impl JwksSource {
    /// From `http://host[:port]/path` or `https://…`, whose server `trust` must know.
    ///
    /// # Errors
    /// A text that is no such URL.
    pub fn url(url: &str, trust: &Trust) -> Result<Self, FetchError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| FetchError(format!("{url:?} is no URL")))?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if !known || uri.host().is_none() {
            let reason = format!(
                "{url:?} must be like http://host:port/.well-known/jwks.json, or https://…"
            );
            return Err(FetchError(reason));
        }
        let trust = trust.clone();
        Ok(Self::custom(url, move || {
            http::get(uri.clone(), trust.clone())
        }))
    }

    /// From a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::custom(&path.display().to_string(), move || {
            let path = path.clone();
            async move {
                tokio::task::spawn_blocking(move || std::fs::read_to_string(&path))
                    .await
                    .map_err(|error| FetchError(error.to_string()))?
                    .map_err(|error| FetchError(error.to_string()))
            }
        })
    }

    /// From anywhere: a closure that answers the JWKS as JSON. `name` is for the log.
    #[must_use]
    pub fn custom<F, A>(name: &str, fetch: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<String, FetchError>> + Send + 'static,
    {
        Self {
            name: name.into(),
            fetch: Arc::new(move || Box::pin(fetch())),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn fetch(&self) -> Fetched {
        (self.fetch)()
    }
}

impl fmt::Debug for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwksSource").field(&self.name).finish()
    }
}
