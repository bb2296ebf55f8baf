//! TLS of a process: the certificate that its listeners serve, and the authorities that its outgoing
//! connections trust.
//!
//! A process flattens [`TlsFlags`] into its own flags and makes a [`Tls`] of them. Listeners serve
//! [`ServerTls`], whose files are read again when they change; whatever connects to others trusts [`Trust`].
//! rustls with ring, TLS 1.2 and 1.3. It knows no HTTP.

mod files;
mod flags;
mod server;
mod trust;

pub use tokio_rustls::{client::TlsStream as ClientStream, server::TlsStream as ServerStream};

pub use self::{
    flags::{Complaints, Tls, TlsFlags, TrustFlags},
    server::{CHECK_INTERVAL, HANDSHAKE_TIMEOUT, ServerTls},
    trust::Trust,
};

/// Longest file of certificates or of a key that is read, in bytes. A distribution's bundle of authorities has
/// some 250 KiB.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file that is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// That of the certificate.
    #[error("{0}")]
    Certificate(String),
    /// That of the key.
    #[error("{0}")]
    Key(String),
    /// That of the authorities.
    #[error("{0}")]
    Authorities(String),
    /// rustls has no cipher for it.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl TlsError {
    /// The flag whose file it is, without its dashes.
    #[must_use]
    pub const fn flag(&self) -> &'static str {
        match self {
            Self::Certificate(_) | Self::Setup(_) => flags::CERTIFICATE,
            Self::Key(_) => flags::KEY,
            Self::Authorities(_) => flags::CA,
        }
    }
}
