//! Who asks: the extractor [`Principal`] and the flags that every service has for it.
//!
//! [`App::auth`](super::App::auth) gives the verifier to all routes; a handler that takes a
//! [`Principal`] answers 401 without a good token, one that takes `Option<Principal>` also serves
//! strangers (but not bad tokens). What somebody may is the handler's first line:
//!
//! ```
//! use service_kit::http::{Json, Problem, auth::{Principal, Role}};
//!
//! async fn my_orders(principal: Principal) -> Result<Json<Vec<String>>, Problem> {
//!     principal.require(&[Role::Customer, Role::Admin])?;
//!     Ok(Json(vec![format!("an order of {}", principal.subject())]))
//! }
//! ```
//!
//! Take it before the body: who may not ask should not learn what is wrong with the question.

use std::sync::Arc;

use access_token::{Claims, TokenError, bearer};
pub use access_token::{Role, Verifier, flags::TokenFlags};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use hyper::{StatusCode, http::request::Parts};

use super::{Problem, RequestContext};

/// Who asks, by a good token.
#[derive(Debug, Clone)]
pub struct Principal(Arc<Claims>);

impl Principal {
    /// Whom the token is about: a user's id, or a service's name.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.sub
    }

    /// Whether they are that.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.has(role)
    }

    /// Everything the token says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    /// Goes on for who has one of the roles.
    ///
    /// # Errors
    /// 403 `FORBIDDEN` that names the roles.
    pub fn require(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.has(*role)) {
            return Ok(());
        }
        let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let names = names.join(" or ");
        Err(Problem::forbidden(format!("this needs the role {names}")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match principal(parts).await? {
            Some(principal) => Ok(principal),
            None => Err(Problem::unauthenticated(
                "there is no token: send Authorization: Bearer with an access token from POST /api/auth/login",
            )),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        principal(parts).await
    }
}

async fn principal(parts: &mut Parts) -> Result<Option<Principal>, Problem> {
    if let Some(principal) = parts.extensions.get::<Principal>() {
        return Ok(Some(principal.clone()));
    }
    let Some(token) =
        bearer(&parts.headers).map_err(|error| Problem::unauthenticated(error.to_string()))?
    else {
        return Ok(None);
    };
    let Some(verifier) = parts.extensions.get::<Verifier>() else {
        tracing::error!("a route wants a token, but the App has no verifier");
        return Err(Problem::internal());
    };
    let claims = verifier.verify(token).await.map_err(refusal)?;
    let principal = Principal(claims);
    if let Some(context) = parts.extensions.get::<RequestContext>() {
        let highest = [Role::Admin, Role::Service, Role::Customer]
            .into_iter()
            .find(|role| principal.has(*role));
        let role = highest.map_or("nobody", Role::as_str);
        let role = role.to_ascii_lowercase();
        let is_admin = highest == Some(Role::Admin);
        context.asked.by(&role, principal.subject(), is_admin);
    }
    parts.extensions.insert(principal.clone());
    Ok(Some(principal))
}

fn refusal(error: TokenError) -> Problem {
    match error {
        TokenError::Unavailable => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "AUTH_UNAVAILABLE",
            "Authentication unavailable",
            error.to_string(),
        )
        .retry_after(1),
        TokenError::Malformed
        | TokenError::WrongType
        | TokenError::UnknownKey
        | TokenError::Signature
        | TokenError::Issuer
        | TokenError::Audience
        | TokenError::Expired
        | TokenError::NotYet => Problem::unauthenticated(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use access_token::{FetchError, JwksSource, VerifierSettings, testing::Issuer};
    use hyper::{
        Request,
        header::{AUTHORIZATION, HeaderValue},
    };

    use super::*;

    fn verifier(jwks: Result<String, FetchError>) -> Verifier {
        let source = JwksSource::custom("test", move || {
            let jwks = jwks.clone();
            async move { jwks }
        });
        Verifier::new(source, VerifierSettings::default())
    }

    fn parts(verifier: Verifier, authorization: &[&str]) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        for value in authorization {
            let value = HeaderValue::from_str(value).expect("a header value");
            parts.headers.append(AUTHORIZATION, value);
        }
        parts.extensions.insert(verifier);
        parts
    }

    async fn required(parts: &mut Parts) -> Result<Principal, Problem> {
        <Principal as FromRequestParts<()>>::from_request_parts(parts, &()).await
    }

    async fn optional(parts: &mut Parts) -> Result<Option<Principal>, Problem> {
        <Principal as OptionalFromRequestParts<()>>::from_request_parts(parts, &()).await
    }

    #[tokio::test]
    async fn a_good_token_says_who_asks() {
        let issuer = Issuer::new();
        let verifier = verifier(Ok(issuer.jwks_json()));
        let token = issuer.token("u-1", &[Role::Customer]);
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let mut parts = parts(verifier.clone(), &[&format!("{scheme} {token}")]);
            let principal = required(&mut parts).await.expect("good");
            assert_eq!(principal.subject(), "u-1");
            principal
                .require(&[Role::Admin, Role::Customer])
                .expect("one of them");
            let refused = principal.require(&[Role::Admin]).expect_err("a customer");
            assert_eq!(
                (refused.status().as_u16(), refused.code()),
                (403, "FORBIDDEN")
            );
        }
    }

    #[tokio::test]
    async fn without_a_good_token_nobody_asks() {
        let issuer = Issuer::new();
        let verifier = verifier(Ok(issuer.jwks_json()));
        let token = issuer.token("u-1", &[Role::Customer]);
        let good = format!("Bearer {token}");
        let basic = format!("Basic {token}");
        let bad: [&[&str]; 6] = [
            &["Bearer"],
            &["Bearer "],
            &["Bearer x.y.z"],
            &[&basic],
            &[&token],
            &[&good, &good],
        ];
        for headers in bad {
            let mut parts = parts(verifier.clone(), headers);
            // Also where a token may be missing: a bad one is not none.
            for refused in [
                required(&mut parts).await.map(drop),
                optional(&mut parts).await.map(drop),
            ] {
                let refused = refused.expect_err("no good token");
                assert_eq!(refused.code(), "UNAUTHENTICATED", "{headers:?}");
            }
        }
        let mut parts = parts(verifier, &[]);
        assert_eq!(required(&mut parts).await.expect_err("none").status(), 401);
        assert!(optional(&mut parts).await.expect("none is fine").is_none());
    }

    #[tokio::test]
    async fn without_keys_it_is_not_the_callers_fault() {
        let token = format!("Bearer {}", Issuer::new().token("u-1", &[]));
        let mut parts = parts(verifier(Err(FetchError("away".to_owned()))), &[&token]);
        let refused = required(&mut parts).await.expect_err("no keys");
        assert_eq!(
            (refused.status().as_u16(), refused.code()),
            (503, "AUTH_UNAVAILABLE")
        );
    }
}
