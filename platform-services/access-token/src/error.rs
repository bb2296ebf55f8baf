/// Why a token does not count. The texts are for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token of a kind we know: not three parts, not JSON, unsigned, a claim missing.
    #[error("the token cannot be read")]
    Malformed,
    /// It is a token for something else.
    #[error("the token is no access token")]
    WrongType,
    /// Nobody we know signed it.
    #[error("the token's key is not known")]
    UnknownKey,
    /// It was changed, or signed with something else.
    #[error("the token's signature is wrong")]
    Signature,
    /// Somebody else issued it.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Its time is still to come, or makes no sense.
    #[error("the token is not valid yet")]
    NotYet,
    /// It may be good; there are no keys to say so.
    #[error("the keys that verify tokens cannot be fetched at the moment")]
    Unavailable,
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("JWKS: {0}")]
pub struct FetchError(pub String);
