//! Attempts are counted in a Redis behind TLS and a login.

use auth_service::attempts::{Attempt, AttemptLimits, AttemptMetrics, Attempts};
use devstack::redis::RedisServer;
use prometheus_client::registry::Registry;
use service_kit::tls::Trust;
use test_support::{redis_login, tls::Authority};

/// With docs/tls.md's account for auth-service.
#[tokio::test]
async fn failures_are_counted_over_tls_by_an_account_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let issued = authority.issue("redis", 2999);
    let redis = RedisServer::builder().tls(issued.certificate, issued.key);
    let redis = redis.start().unwrap();
    redis.command(&redis_login("auth", "geheim")).unwrap();
    let url = redis.tls_url().unwrap();
    let url = url.replace("rediss://", "rediss://auth:geheim@");
    let open = |url: &str, trust: &Trust| {
        let limits = AttemptLimits {
            account_max: 3,
            ..AttemptLimits::default()
        };
        let metrics = AttemptMetrics::register(&mut Registry::default());
        Attempts::new((url, trust), limits, metrics)
    };
    let trust = Trust::open(authority.file()).unwrap();
    let attempts = open(&url, &trust).unwrap();
    attempts.ping().await.unwrap();
    let attempt = Attempt::new("a@example.com", "192.0.2.1");
    for _ in 0..3 {
        attempts.failed(&attempt).await.unwrap();
    }
    attempts.check(&attempt).await.unwrap_err();

    let stranger = open(&url, &Trust::default()).unwrap();
    stranger.ping().await.unwrap_err();
    let blind = open(&format!("{url}#insecure"), &trust).unwrap_err();
    assert!(blind.to_string().contains("--tls-ca"), "{blind}");
    assert!(!blind.to_string().contains("geheim"), "{blind}");
}
