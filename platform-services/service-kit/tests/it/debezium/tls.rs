//! Both stores behind TLS, and a login of Kafka, as docs/tls.md says.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use devstack::program;
use serde_json::json;
use test_support::tls::Authority;

use super::*;

const KAFKA_USER: &str = "connect";
const KAFKA_PASSWORD: &str = "geheim";

static GUARDED: LazyLock<Site> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let issued = authority.issue("server", 2999);
    let mariadb = MariaDbServer::builder()
        .row_binlog()
        .tls(&issued.certificate, &issued.key)
        // The certificate is for the first of them only.
        .arg("bind-address", "127.0.0.1,127.0.0.2")
        .start()
        .unwrap();
    mariadb.grant("BINLOG MONITOR").unwrap();
    let kafka = KafkaServer::builder()
        .tls(&issued.certificate, &issued.key)
        .sasl(KAFKA_USER, KAFKA_PASSWORD)
        .start()
        .unwrap();
    let brokers = kafka.secure_bootstrap().unwrap();
    let stores = Stores {
        database_host: "127.0.0.1",
        database_port: mariadb.port(),
        user: connect::USER,
        password: PASSWORD,
        kafka: &brokers,
    };
    let login = format!(
        "org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"{KAFKA_USER}\" password=\"{KAFKA_PASSWORD}\";"
    );
    let trust = trust_store(authority.file());
    let mut connect = ConnectServer::builder(&brokers)
        .java_option(&format!("-Djavax.net.ssl.trustStore={}", trust.display()))
        .java_option(&format!(
            "-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
        ))
        .stores(&stores)
        .variable("DEBEZIUM_DATABASE_SSL_MODE", "verify-full")
        .variable("DEBEZIUM_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
        .variable("DEBEZIUM_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
        .variable("DEBEZIUM_KAFKA_SASL_JAAS_CONFIG", &login);
    for prefix in ["", "producer."] {
        connect = connect
            .property(&format!("{prefix}security.protocol"), "SASL_SSL")
            .property(&format!("{prefix}sasl.mechanism"), "SCRAM-SHA-512")
            .property(&format!("{prefix}sasl.jaas.config"), &login);
    }
    Site {
        connect: connect.start().unwrap(),
        mariadb,
        kafka,
        _folder: Some(folder),
        one_at_a_time: Mutex::const_new(()),
    }
});

const STORE_PASSWORD: &str = "changeit";

/// A file with these authorities, as docs/tls.md makes it, beside the one that Java cannot read.
fn trust_store(authority: &Path) -> PathBuf {
    let store = authority.with_extension("p12");
    let mut make = Command::new(program::find("keytool").unwrap());
    make.args(["-importcert", "-noprompt", "-alias", "shop", "-file"])
        .arg(authority)
        .args(["-storetype", "PKCS12", "-storepass", STORE_PASSWORD])
        .arg("-keystore")
        .arg(&store);
    let made = make.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_is_published_over_tls_and_by_no_other_way() {
    let shop = Shop::open_at(&GUARDED, "guarded").await;
    let config = shop.config();
    let only_tls = format!("ALTER USER '{}'@'%' REQUIRE SSL", connect::USER);
    shop.site.mariadb.sql(&only_tls).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let stranger = trust_store(Authority::new(folder.path()).file());
    for (setting, value, sign) in [
        ("database.ssl.mode", "disable", "Access denied"),
        (
            "database.ssl.truststore",
            stranger.to_str().unwrap(),
            "unable to find valid certification path",
        ),
        ("database.hostname", "127.0.0.2", "127.0.0.2"),
    ] {
        let mut config = config.clone();
        config.insert(setting.to_owned(), json!(value));
        if setting == "database.ssl.truststore" {
            let password = json!(STORE_PASSWORD);
            config.insert("database.ssl.truststore.password".to_owned(), password);
        }
        let refused = shop
            .rest(move |rest, name| Ok(rest.register(name, &config).unwrap_err().to_string()))
            .await;
        assert!(refused.contains(sign), "{setting}: {refused}");
    }

    let rows: Vec<Row> = (0..50).map(|n| Row::new("guarded", n, n % 7)).collect();
    let (before, after) = rows.split_at(20);
    shop.write(before).await.unwrap();
    shop.register().await;
    let account = format!("SHOW CREATE USER '{}'@'%'", connect::USER);
    let account = shop.site.mariadb.sql(&account).unwrap();
    assert!(account.contains("REQUIRE SSL"), "{account}");
    // These come by the binary log.
    shop.write(after).await.unwrap();
    let published = published(&shop.brokers(), &rows).await;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), rows.len());
    shop.close().await;
}
