#![doc = include_str!("../README.md")]

mod bearer;
mod claims;
mod error;
#[cfg(feature = "flags")]
pub mod flags;
mod http;
mod jwks;
mod recent;
#[cfg(feature = "sign")]
pub mod sign;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use self::{
    bearer::{NotBearer, bearer},
    claims::{Claims, Role},
    error::{FetchError, TokenError},
    source::JwksSource,
    verifier::{Verifier, VerifierSettings},
};

/// The `typ` of an access token's header (RFC 9068).
pub const TYPE: &str = "at+jwt";

/// The issuer where none is configured.
pub const DEFAULT_ISSUER: &str = "inventory-shop";

/// The audience where none is configured.
pub const DEFAULT_AUDIENCE: &str = "inventory-shop";

/// Where the keys are where nothing is configured.
pub const DEFAULT_JWKS_URL: &str = "http://127.0.0.1:8089/.well-known/jwks.json";

/// Longest token that is looked at, in bytes. Ours have about 500.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
