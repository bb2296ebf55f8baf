//! Where Redis is, and how a connection to it begins: as the client of `redis` does it, or over TLS.

use std::{io, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisResult, aio::MultiplexedConnection,
};
use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ConnectError;

const TLS_SCHEME: &str = "rediss://";

/// How long a handshake may take; less than a connection may, so that this is known to be the reason.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(1_500);

const NO_TLS: &str = "perhaps it speaks no TLS there; say its TLS port, or redis://";

/// A URL, read.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// A port or a unix socket.
    Plain(Box<Client>),
    /// A port that speaks TLS.
    Tls(Arc<TlsAddress>),
}

/// What a TLS connection is made of.
#[derive(Debug)]
pub(crate) struct TlsAddress {
    host: String,
    port: u16,
    name: ServerName<'static>,
    trust: Arc<ClientConfig>,
    login: RedisConnectionInfo,
}

impl Address {
    /// `tls` says whom a `rediss://` connection trusts.
    pub(crate) fn parse(url: &str, tls: Option<Arc<ClientConfig>>) -> Result<Self, ConnectError> {
        let Some(rest) = url.strip_prefix(TLS_SCHEME) else {
            return match Client::open(url) {
                Ok(client) => Ok(Self::Plain(Box::new(client))),
                Err(error) => Err(ConnectError::Url(error.to_string())),
            };
        };
        let refused = |why: &str| Err(ConnectError::Url(why.to_owned()));
        if let Some((_, fragment)) = rest.split_once('#') {
            return refused(match fragment {
                "insecure" => {
                    "#insecure would trust any server, and is not taken; name the authority that \
                     signed the certificate of Redis instead (--tls-ca)"
                }
                _ => "rediss:// takes no # and what follows it; in a password it is %23",
            });
        }
        let Some(trust) = tls else {
            return refused("rediss:// needs to know whom to trust: set EngineConfig::tls");
        };
        // The rest of the URL means the same, and is read in the same way.
        let info = match format!("redis://{rest}").into_connection_info() {
            Ok(info) => info,
            Err(error) => return refused(&error.to_string()),
        };
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return refused("rediss:// needs a host");
        };
        let Ok(name) = ServerName::try_from(host.clone()) else {
            return refused("the host of a rediss:// URL must be a name or an address");
        };
        Ok(Self::Tls(Arc::new(TlsAddress {
            host: host.clone(),
            port: *port,
            name,
            trust,
            login: info.redis_settings().clone(),
        })))
    }

    /// A new connection, logged in.
    pub(crate) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        match self {
            Self::Plain(client) => {
                client
                    .get_multiplexed_async_connection_with_config(config)
                    .await
            }
            // Boxed, so that no call carries the size of a handshake.
            Self::Tls(address) => Box::pin(address.connect(config.clone())).await,
        }
    }
}

impl TlsAddress {
    async fn connect(&self, config: AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.trust));
        let handshake = connector.connect(self.name.clone(), tcp);
        let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(done) => done.map_err(|error| self.explained(&error))?,
            Err(_) => return Err(self.explained(&io::ErrorKind::TimedOut.into()).into()),
        };
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
        // It ends with the last handle of the connection.
        drop(tokio::spawn(driver));
        Ok(connection)
    }

    /// What keeps TLS from beginning, and what to do about it.
    fn explained(&self, error: &io::Error) -> io::Error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let advice = match inner {
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                "nobody whom this process trusts has signed its certificate; name the authority \
                 that did by --tls-ca"
            }
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => "its certificate is for another host; say the host that stands in it",
            Some(rustls::Error::InvalidMessage(_)) => NO_TLS,
            // Redis waits for the rest of what is no command.
            None if error.kind() == io::ErrorKind::TimedOut => NO_TLS,
            _ => "see the log of Redis",
        };
        let Self { host, port, .. } = self;
        io::Error::new(
            error.kind(),
            format!("TLS with {host}:{port}: {error}: {advice}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust() -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Arc::new(config)
    }

    fn problem(url: &str, tls: Option<Arc<ClientConfig>>) -> String {
        Address::parse(url, tls).unwrap_err().to_string()
    }

    #[test]
    fn a_tls_url_has_host_port_login_and_database() {
        let url = "rediss://shop:p%23ss@redis.example:6380/3";
        let Address::Tls(address) = Address::parse(url, Some(trust())).unwrap() else {
            panic!("not over TLS");
        };
        assert_eq!(
            (address.host.as_str(), address.port),
            ("redis.example", 6380)
        );
        assert_eq!(address.login.username(), Some("shop"));
        assert_eq!(address.login.password(), Some("p#ss"));
        assert_eq!(address.login.db(), 3);
        assert!(!format!("{address:?}").contains("p#ss"));
        Address::parse("rediss://[::1]", Some(trust())).unwrap();
    }

    #[test]
    fn certificates_are_always_looked_at() {
        let refused = problem("rediss://u:geheim@h:6380/#insecure", Some(trust()));
        assert!(refused.contains("#insecure would trust any"), "{refused}");
        assert!(refused.contains("--tls-ca"), "{refused}");
        assert!(!refused.contains("geheim"), "{refused}");
        let other = problem("rediss://h:6380/#other", Some(trust()));
        assert!(other.contains("%23"), "{other}");
        let unset = problem("rediss://h:6380", None);
        assert!(unset.contains("EngineConfig::tls"), "{unset}");
    }

    #[test]
    fn what_is_plain_stays_plain() {
        for url in ["redis://u:p@h:1/2", "redis+unix:///tmp/redis.sock"] {
            let address = Address::parse(url, Some(trust())).unwrap();
            assert!(matches!(address, Address::Plain(_)), "{url}");
        }
    }
}
