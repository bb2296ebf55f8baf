//! Redis behind TLS and a login.

use std::sync::Arc;

use devstack::redis::{RedisServer, Reply};
use inventory_core::engine::{ConnectError, Engine, EngineConfig, ShardClock};
use tempfile::TempDir;
use test_support::{redis_login, tls::Authority};
use tls::Trust;

use crate::support::*;

struct Site {
    redis: Arc<RedisServer>,
    trust: Trust,
    _folder: TempDir,
}

impl Site {
    /// With an account `shop`, whose password is `geheim`, and nobody else.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let issued = authority.issue("redis", 2999);
        let redis = RedisServer::builder()
            .tls(issued.certificate, issued.key)
            .tcp()
            // The certificate is for the first of them only.
            .arg("bind", "127.0.0.1 127.0.0.2")
            .start()
            .unwrap();
        redis.command(&redis_login("shop", "geheim")).unwrap();
        Self {
            redis: Arc::new(redis),
            trust: Trust::open(authority.file()).unwrap(),
            _folder: folder,
        }
    }

    fn url(&self, host: &str, port: u16) -> String {
        format!("rediss://shop:geheim@{host}:{port}")
    }

    fn tls_port(&self) -> u16 {
        let url = self.redis.tls_url().unwrap();
        url.rsplit(':').next().unwrap().parse().unwrap()
    }

    fn config(&self, url: &str, trust: &Trust) -> EngineConfig {
        EngineConfig {
            redis_url: url.to_owned(),
            tls: Some(trust.client_config().unwrap()),
            ..config(&self.redis)
        }
    }

    async fn refused(&self, url: &str, trust: &Trust) -> String {
        let refused = Engine::connect(self.config(url, trust)).await.unwrap_err();
        assert!(matches!(refused, ConnectError::Unreachable(_)), "{refused}");
        let text = refused.to_string();
        assert!(!text.contains("geheim"), "{text}");
        text
    }
}

#[tokio::test]
async fn stock_is_held_over_tls_by_an_account_of_its_own() {
    let site = Site::start();
    let url = site.url("127.0.0.1", site.tls_port());
    let engine = connect(site.config(&url, &site.trust)).await;
    assert!(!format!("{engine:?}").contains("geheim"));
    let store = Store {
        redis: Arc::clone(&site.redis),
        engine,
        clock: ShardClock::Redis,
    };
    store.put("a", 5).await;
    for n in 0..5 {
        store.reserve(&format!("r-{n}"), &[("a", 1)]).await.unwrap();
    }
    store.confirm(&confirm("r-0")).await.unwrap();
    store.release(&release("r-1")).await.unwrap();
    store.sweep().await;
    let clients = raw(&site.redis, &["CLIENT", "LIST"]).text().unwrap();
    assert!(clients.contains("user=shop"), "{clients}");
    // Cut off: the next calls go over new connections.
    raw(&site.redis, &["CLIENT", "KILL", "USER", "shop"]);
    eventually("it is connected again", async || {
        let status = store.engine.status(S, soon()).await;
        status.is_ok_and(|status| status.open_holds == 3)
    })
    .await;
    let denied = raw(&site.redis, &["ACL", "LOG"]);
    assert_eq!(
        denied,
        Reply::Array(Vec::new()),
        "the account may do what the engine does"
    );
}

#[tokio::test]
async fn who_is_not_trusted_is_not_talked_to() {
    let site = Site::start();
    let good = site.url("127.0.0.1", site.tls_port());
    let stranger = site.refused(&good, &Trust::default()).await;
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    assert!(stranger.contains("--tls-ca"), "{stranger}");
    let other = site.url("127.0.0.2", site.tls_port());
    let other = site.refused(&other, &site.trust).await;
    assert!(other.contains("for another host"), "{other}");
    let plain = site.url("127.0.0.1", site.redis.tcp_port().unwrap());
    let plain = site.refused(&plain, &site.trust).await;
    assert!(plain.contains("perhaps it speaks no TLS"), "{plain}");
    let wrong = good.replace("geheim", "falsch");
    let wrong = site.refused(&wrong, &site.trust).await;
    assert!(wrong.to_lowercase().contains("password"), "{wrong}");
}
