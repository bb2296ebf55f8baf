//! Who may ask for what: `--auth none` lets everybody on this machine do everything, `--auth jwt` wants
//! an access token for all but reading stock.

mod caller;
mod need;

use access_token::{TokenError, Verifier, bearer};
use hyper::header::HeaderMap;
use inventory_core::Code;

pub(crate) use self::{
    caller::{Caller, bound_to_order},
    need::Need,
};
use crate::{config::Auth, problem::Problem};

/// How callers are known.
#[derive(Debug)]
pub(crate) enum Access {
    /// Not at all.
    Anybody,
    /// By an access token.
    Tokens(Verifier),
}

impl Access {
    pub(crate) fn of(auth: &Auth) -> Self {
        match auth {
            Auth::None => Self::Anybody,
            Auth::Jwt(verifier) => Self::Tokens(verifier.clone()),
        }
    }

    /// Who asks, and why they may not ask for this at all. Where nobody needs to be known, no token is
    /// looked at.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        need: Need,
    ) -> (Caller, Option<Problem>) {
        let Self::Tokens(verifier) = self else {
            return (Caller::Anybody, None);
        };
        if need == Need::Nothing {
            return (Caller::Stranger, None);
        }
        let caller = match known(verifier, headers).await {
            Ok(caller) => caller,
            Err(problem) => return (Caller::Stranger, Some(problem)),
        };
        let refused = match (need, &caller) {
            (_, Caller::Staff(_)) | (Need::Holder, Caller::Customer(_)) => None,
            (Need::Staff, _) => Some("this needs the role SERVICE or ADMIN"),
            (Need::Holder | Need::Nothing, _) => Some(
                "this needs the role CUSTOMER, SERVICE or ADMIN, and a customer's `sub` that can be a customerId",
            ),
        };
        (caller, refused.map(forbidden))
    }
}

async fn known(verifier: &Verifier, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers).map_err(|error| unauthenticated(error.to_string()))?;
    let Some(token) = token else {
        return Err(unauthenticated(
            "there is no token: send Authorization: Bearer with an access token from POST /api/auth/login",
        ));
    };
    let claims = verifier.verify(token).await.map_err(refused)?;
    Ok(Caller::of(&claims))
}

fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Unavailable => Problem::new(Code::AuthUnavailable, error.to_string()),
        TokenError::Malformed
        | TokenError::WrongType
        | TokenError::UnknownKey
        | TokenError::Signature
        | TokenError::Issuer
        | TokenError::Audience
        | TokenError::Expired
        | TokenError::NotYet => unauthenticated(error.to_string()),
    }
}

fn unauthenticated(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}

pub(crate) fn forbidden(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::Forbidden, detail)
}
