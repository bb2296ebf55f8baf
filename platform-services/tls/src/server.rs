use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use prometheus_client::{
    metrics::gauge::Gauge,
    registry::{Registry, Unit},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use x509_cert::{Certificate, der::Decode as _};

use crate::{ServerStream, TlsError, files};

/// Time that a client gets for its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the files are looked at.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Every listener here speaks both.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a listener serves: a certificate whose files are read again when they change, and HTTP/2 and HTTP/1.1
/// by ALPN. Cheap to clone; clones serve the same.
#[derive(Clone)]
pub struct ServerTls {
    paths: Arc<Paths>,
    served: Arc<Served>,
    acceptor: TlsAcceptor,
}

struct Paths {
    certificate: PathBuf,
    key: PathBuf,
}

/// What both files hold.
#[derive(PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// What is served at the moment.
struct Served {
    current: RwLock<Arc<CertifiedKey>>,
    not_after: Gauge,
}

/// A pair that fits.
struct Checked {
    key: Arc<CertifiedKey>,
    /// When the first certificate of the chain ends, in seconds of the epoch.
    not_after: i64,
}

impl ServerTls {
    /// Of these files (PEM).
    ///
    /// # Errors
    /// A file that cannot be read or is none, a key that is not the certificate's.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let paths = Paths {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let checked = paths.check(&paths.read()?)?;
        let served = Arc::new(Served {
            current: RwLock::new(checked.key),
            not_after: Gauge::default(),
        });
        served.not_after.set(checked.not_after);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&served) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Self {
            paths: Arc::new(paths),
            served,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Adds `tls_certificate_not_after_timestamp_seconds`, behind the registry's prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "tls_certificate_not_after_timestamp",
            "When the certificate that is served ends, or the first of its chain",
            Unit::Seconds,
            self.served.not_after.clone(),
        );
    }

    /// When the certificate that is served ends, or the first of its chain, in seconds of the epoch.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.served.not_after.get()
    }

    /// Speaks TLS with who connected. Call it in the connection's own task: it may take
    /// [`HANDSHAKE_TIMEOUT`].
    ///
    /// # Errors
    /// The client speaks something else, does not trust us, went away, or took too long.
    pub async fn handshake<S>(&self, stream: S) -> io::Result<ServerStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream)).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(
                ErrorKind::TimedOut,
                format!("no handshake within {} s", HANDSHAKE_TIMEOUT.as_secs()),
            )),
        }
    }

    /// Looks at the files every [`CHECK_INTERVAL`] and serves what they hold to new connections. What is of no
    /// use is logged once, and the last good pair goes on. Never ends by itself; dropping it does no harm.
    pub async fn keep_fresh(self) {
        let mut ticks = tokio::time::interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut watch = Watch::default();
        loop {
            ticks.tick().await;
            let paths = Arc::clone(&self.paths);
            match tokio::task::spawn_blocking(move || paths.read()).await {
                Ok(read) => watch.look(&self, read),
                Err(error) => tracing::debug!(%error, "the certificate was not looked at"),
            }
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("certificate", &self.paths.certificate)
            .field("key", &self.paths.key)
            .finish_non_exhaustive()
    }
}

/// What was seen of the files.
#[derive(Default)]
struct Watch {
    last: Option<Result<Pair, TlsError>>,
    /// It was no use, and nobody has been told yet.
    untold: Option<TlsError>,
}

impl Watch {
    /// Two files do not change at the same moment, so it counts only what stands for two looks that the pair
    /// is of no use; a good one counts at once.
    fn look(&mut self, tls: &ServerTls, read: Result<Pair, TlsError>) {
        if self.last.as_ref() == Some(&read) {
            if let Some(error) = self.untold.take() {
                tracing::error!(
                    flag = error.flag(),
                    %error,
                    "the new certificate is of no use, the old one is served on; put a good pair in place"
                );
            }
            return;
        }
        let checked = match &read {
            Ok(pair) => tls.paths.check(pair),
            Err(error) => Err(error.clone()),
        };
        self.untold = match checked {
            Ok(checked) => {
                tls.served.replace(checked);
                None
            }
            Err(error) => Some(error),
        };
        self.last = Some(read);
    }
}

impl Paths {
    fn read(&self) -> Result<Pair, TlsError> {
        Ok(Pair {
            certificate: files::read(&self.certificate).map_err(TlsError::Certificate)?,
            key: files::read(&self.key).map_err(TlsError::Key)?,
        })
    }

    fn check(&self, pair: &Pair) -> Result<Checked, TlsError> {
        let Self { certificate, key } = self;
        let chain =
            files::certificates(certificate, &pair.certificate).map_err(TlsError::Certificate)?;
        let not_after = not_after(&chain).map_err(|reason| {
            TlsError::Certificate(format!("{}: {reason}", certificate.display()))
        })?;
        let private = files::key(key, &pair.key).map_err(TlsError::Key)?;
        let provider = ring::default_provider();
        let certified = CertifiedKey::from_der(chain, private, &provider);
        let key = certified.map_err(|error| {
            let (key, certificate) = (key.display(), certificate.display());
            TlsError::Key(if matches!(error, rustls::Error::InconsistentKeys(_)) {
                format!("{key} is not the key of the certificate in {certificate}")
            } else {
                format!("{key} cannot be used with the certificate in {certificate}: {error}")
            })
        })?;
        Ok(Checked {
            key: Arc::new(key),
            not_after,
        })
    }
}

/// When the first of a chain ends, in seconds of the epoch.
fn not_after(chain: &[CertificateDer<'_>]) -> Result<i64, String> {
    let mut first = i64::MAX;
    for certificate in chain {
        let parsed = Certificate::from_der(certificate)
            .map_err(|error| format!("a certificate cannot be read: {error}"))?;
        let end = parsed.tbs_certificate.validity.not_after;
        let end = end.to_unix_duration().as_secs();
        first = first.min(i64::try_from(end).unwrap_or(i64::MAX));
    }
    Ok(first)
}

impl Served {
    fn replace(&self, new: Checked) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // The first look finds what was read at the start.
        if current.cert != new.key.cert {
            tracing::info!(
                not_after_unix_s = new.not_after,
                "a new certificate is served"
            );
        }
        *current = new.key;
        self.not_after.set(new.not_after);
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("not_after", &self.not_after.get())
            .finish_non_exhaustive()
    }
}
