//! An authority, the certificates of servers that it signs, as files, and a client that trusts it.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use crate::PATIENCE;

/// Who signs certificates.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

/// A server's certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key: PKCS#8 without a password, on the curve P-256.
    pub key: PathBuf,
    /// When it ends, in seconds of the epoch: the beginning of the year that was asked for.
    pub not_after: i64,
}

impl Authority {
    /// A new one, with its certificate in a file of this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Two authorities with one name would be taken for each other, until their signatures are looked at.
        let name = format!("authority of {}", folder.display());
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join("ca.pem");
        put(&file, &certificate.pem());
        Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
            file,
        }
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate for `localhost`, `127.0.0.1` and `::1` with a key of its own, good from 2000 to the beginning
    /// of `end_year`, in `NAME.pem` and `NAME.key`; what these files held before is replaced, each at once.
    #[must_use]
    pub fn issue(&self, name: &str, end_year: i32) -> Issued {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), "::1".parse().unwrap()] {
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(end_year, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        let not_after = params.not_after.unix_timestamp();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let issued = Issued {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
            not_after,
        };
        put(&issued.certificate, &certificate.pem());
        put(&issued.key, &key.serialize_pem());
        issued
    }
}

/// Nobody sees half of it.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

impl Issued {
    /// The certificate as a server sends it.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).unwrap()
    }
}

/// A connection over TLS.
#[derive(Debug)]
pub struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// With `localhost` at `address`, which must have a certificate of the authority in the file `ca`. Offers
    /// these protocols by ALPN.
    ///
    /// # Errors
    /// There is nobody, or nobody to be trusted.
    pub fn connect(address: &str, ca: &Path, protocols: &[&str]) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(ca).unwrap())
            .unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self(StreamOwned::new(connection, socket)))
    }

    /// What the server chose of the protocols.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        std::str::from_utf8(self.0.conn.alpn_protocol()?).ok()
    }

    /// The server's own certificate.
    #[must_use]
    pub fn certificate(&self) -> CertificateDer<'static> {
        let chain = self.0.conn.peer_certificates().unwrap();
        chain[0].clone().into_owned()
    }

    /// Asks by HTTP/1.1; the status and the body, which must have a length.
    ///
    /// # Errors
    /// The connection's.
    pub fn get(&mut self, path: &str) -> io::Result<(u16, String)> {
        let asked = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.write_all(asked.as_bytes())?;
        self.0.flush()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body)?;
        Ok((status, String::from_utf8(body).unwrap()))
    }
}
