//! Where a request comes from: what attempts are counted by.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use hyper::{
    header::{HeaderMap, USER_AGENT},
    http::request::Parts,
};
use service_kit::http::{PeerAddress, Problem};

use crate::{http::Service, limits::USER_AGENT_CHARS_MAX};

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    mask: u128,
}

impl Network {
    /// From `10.0.0.0/8`, `::1` and the like.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address or network, like 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = match bits {
            None => all,
            Some(bits) => bits.parse().map_err(|_| wrong())?,
        };
        if bits > all {
            return Err(wrong());
        }
        // An IPv4 address is the end of an IPv6 one.
        let mask = u128::MAX.checked_shl(all - bits).unwrap_or(0);
        Ok(Self {
            address: number(address) & mask,
            mask,
        })
    }

    fn has(&self, address: IpAddr) -> bool {
        number(address) & self.mask == self.address
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Where a request comes from, as an extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The address: of the connection, or what trusted proxies say.
    pub address: IpAddr,
    /// The user agent, cut; empty where none is sent.
    pub user_agent: String,
}

impl Caller {
    /// What attempts are counted by: an IPv4 address, or the 64 bits of an IPv6 network that one
    /// customer gets.
    #[must_use]
    pub fn counted_by(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                format!("{}/64", Ipv6Addr::from(network))
            }
        }
    }
}

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Some(PeerAddress(peer)) = parts.extensions.get() else {
            tracing::error!("the server does not say where a request comes from");
            return Err(Problem::internal());
        };
        let agent = parts.headers.get(USER_AGENT).map(|value| value.as_bytes());
        let agent = String::from_utf8_lossy(agent.unwrap_or_default());
        Ok(Self {
            address: origin(*peer, &parts.headers, &service.trusted_proxies),
            user_agent: agent.chars().take(USER_AGENT_CHARS_MAX).collect(),
        })
    }
}

/// The last address that no trusted proxy vouches for. Everything in front of it anybody can write.
fn origin(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.has(address));
    let mut origin = peer.ip();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.into_iter().rev() {
        if !is_trusted(origin) {
            break;
        }
        let Ok(address) = hop.trim().parse() else {
            break;
        };
        origin = address;
    }
    origin.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let headers = forwarded.iter().map(|value| {
            (
                "x-forwarded-for".parse().expect("a name"),
                value.parse().expect("a value"),
            )
        });
        let trusted: Vec<Network> = trusted
            .iter()
            .map(|text| Network::parse(text).expect("a network"))
            .collect();
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        origin(peer, &headers.collect(), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(of("1.2.3.4", &["9.9.9.9"], &[]), "1.2.3.4");
        assert_eq!(of("10.0.0.1", &["9.9.9.9"], &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(
            of("10.0.0.1", &["6.6.6.6, 9.9.9.9"], &["10.0.0.0/8"]),
            "9.9.9.9"
        );
        assert_eq!(
            of(
                "10.0.0.1",
                &["6.6.6.6", "9.9.9.9, 10.0.0.2"],
                &["10.0.0.0/8"]
            ),
            "9.9.9.9"
        );
        assert_eq!(of("10.0.0.1", &["rubbish"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(of("::1", &["9.9.9.9"], &["::1"]), "9.9.9.9");
        assert_eq!(
            of("::ffff:10.0.0.1", &["9.9.9.9"], &["10.0.0.0/8"]),
            "9.9.9.9"
        );
        assert_eq!(of("11.0.0.1", &["9.9.9.9"], &["0.0.0.0/0"]), "9.9.9.9");
        assert_eq!(of("fe80::1", &["9.9.9.9"], &["0.0.0.0/0"]), "fe80::1");
    }

    #[test]
    fn networks_are_read_exactly() {
        for bad in [
            "",
            "10",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "a/8",
            "10.0.0.0/-1",
        ] {
            Network::parse(bad).expect_err(bad);
        }
    }

    #[test]
    fn an_ipv6_customer_is_a_network() {
        let caller = |address: &str| Caller {
            address: address.parse().expect("an address"),
            user_agent: String::new(),
        };
        assert_eq!(
            caller("2001:db8:1:2:3::4").counted_by(),
            "2001:db8:1:2::/64"
        );
        assert_eq!(caller("::ffff:1.2.3.4").counted_by(), "1.2.3.4");
    }
}
