use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::{ClientStream, TlsError, files};

/// Which authorities outgoing connections trust: the system's, and those of one file. The file is read once;
/// after a change the process is restarted. Cheap to clone. The default trusts the system's only.
#[derive(Clone, Default)]
pub struct Trust(Arc<Inner>);

#[derive(Default)]
struct Inner {
    file: Option<PathBuf>,
    pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
    /// The system's are many: they are looked at when something connects by TLS, and once.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Beside the system's those of this file (PEM).
    ///
    /// # Errors
    /// [`TlsError::Authorities`].
    pub fn open(file: &Path) -> Result<Self, TlsError> {
        let pem = files::read(file).map_err(TlsError::Authorities)?;
        let certificates = files::certificates(file, &pem).map_err(TlsError::Authorities)?;
        let mut checked = RootCertStore::empty();
        for certificate in &certificates {
            checked
                .add(certificate.clone())
                .map_err(|error| TlsError::Authorities(format!("{}: {error}", file.display())))?;
        }
        Ok(Self(Arc::new(Inner {
            file: Some(file.to_owned()),
            pem,
            certificates,
            config: OnceLock::new(),
        })))
    }

    /// The file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// What the file holds, if there is one.
    #[must_use]
    pub fn pem(&self) -> Option<&[u8]> {
        self.0.file.as_ref().map(|_| self.0.pem.as_slice())
    }

    /// All that are trusted as PEM, the system's too: for clients that are not set up by
    /// [`Trust::client_config`].
    #[must_use]
    pub fn all_pem(&self) -> String {
        let mut usable = RootCertStore::empty();
        let ours = self.0.certificates.iter();
        ours.chain(system())
            .filter(|certificate| usable.add((*certificate).clone()).is_ok())
            .map(|certificate| files::pem(certificate))
            .collect()
    }

    /// What a TLS client is set up with; it offers no protocol by ALPN. One for all clones, so that they share
    /// sessions.
    ///
    /// # Errors
    /// [`TlsError::Setup`].
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system().iter().cloned());
        roots.add_parsable_certificates(self.0.certificates.iter().cloned());
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(self.0.config.get_or_init(|| Arc::new(config))))
    }

    /// Speaks TLS over `stream` with `host`, a name or an address that its certificate must have.
    ///
    /// # Errors
    /// Of the stream, or because the server is not trusted.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<ClientStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = self.client_config().map_err(io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trust").field(&self.0.file).finish()
    }
}

/// The system's authorities, read once in a process; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn system() -> &'static [CertificateDer<'static>] {
    static SYSTEM: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "some authorities of the system cannot be read");
        }
        found.certs
    })
}
