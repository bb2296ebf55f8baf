//! One server for all tests of this process, and short names.

use std::{
    path::PathBuf,
    sync::{LazyLock, mpsc},
};

use access_token::{Role, testing::Issuer};
use devstack::mariadb::{self, MariaDbServer};
use service_kit::shutdown::Stop;
use sqlx::MySqlPool;
use user_service::run::{Command, run};

pub(crate) use serde_json::{Value, json};
pub(crate) use test_support::{Answer, Api, Contract, PATIENCE, at_once, eventually};

/// What every answer is held against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(user_service::http::OPENAPI));

/// A port on which nobody listens.
pub(crate) const NOWHERE: &str = "127.0.0.1:9";

/// Hashes that cost next to nothing.
pub(crate) const CHEAP: [&str; 4] = ["--hash-memory-kib", "8", "--hash-passes", "1"];

/// The MariaDB of this process.
pub(crate) static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

static SITE: LazyLock<Site> = LazyLock::new(|| Site::start(&[]));

/// The server that all tests share.
pub(crate) fn site() -> &'static Site {
    &SITE
}

/// A server with a database of its own.
pub(crate) struct Site {
    pub(crate) api: Api,
    pub(crate) issuer: Issuer,
    runtime: tokio::runtime::Runtime,
    pool: MySqlPool,
    _files: tempfile::TempDir,
}

impl Site {
    pub(crate) fn start(more: &[&str]) -> Self {
        let database_url = MARIADB.create_database().unwrap();
        let issuer = Issuer::new();
        let files = tempfile::tempdir().unwrap();
        let jwks: PathBuf = files.path().join("jwks.json");
        std::fs::write(&jwks, issuer.jwks_json()).unwrap();
        let jwks = jwks.to_str().unwrap().to_owned();
        let mut args = vec!["user-service", "--listen", "127.0.0.1:0"];
        args.extend(["--database-url", &database_url, "--jwks-file", &jwks]);
        args.extend(CHEAP);
        if !more.contains(&"--kafka-brokers") {
            args.extend(["--kafka-brokers", NOWHERE]);
        }
        args.extend(more);
        let Command::Run(config) = Command::from_args(args).unwrap() else {
            panic!("no subcommand was given");
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            let ran = Box::pin(run(*config, Stop::default(), move |address| {
                tell.send(address).unwrap();
            }));
            ran.await.unwrap();
        });
        let address = told.recv_timeout(PATIENCE).unwrap();
        let pool = {
            let _inside = runtime.enter();
            MySqlPool::connect_lazy(&database_url).unwrap()
        };
        let site = Self {
            api: Api::new(&format!("http://{address}"), &CONTRACT),
            issuer,
            runtime,
            pool,
            _files: files,
        };
        eventually("the service is ready", || {
            site.api.get("/readyz", None).status == 200
        });
        site
    }

    pub(crate) fn token(&self, sub: &str, role: Role) -> String {
        self.issuer.token(sub, &[role])
    }

    pub(crate) fn admin(&self) -> String {
        self.token("an-admin", Role::Admin)
    }

    pub(crate) fn service(&self) -> String {
        self.token("auth-service", Role::Service)
    }

    /// Somebody new.
    pub(crate) fn somebody(&self) -> User {
        let email = unique_email();
        let body = json!({"email": email, "password": "password123", "name": "테스트"});
        let answer = self.api.post("/api/users/register", None, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = answer.text("userId");
        User {
            token: self.token(&id, Role::Customer),
            id,
            email,
        }
    }

    /// What one value the database has.
    pub(crate) fn number(&self, sql: &'static str, id: &str) -> i64 {
        let query = sqlx::query_scalar(sql).bind(id).fetch_one(&self.pool);
        self.runtime.block_on(query).unwrap()
    }

    /// Texts of the database.
    pub(crate) fn texts(&self, sql: &'static str, id: &str) -> Vec<String> {
        let query = sqlx::query_scalar(sql).bind(id).fetch_all(&self.pool);
        self.runtime.block_on(query).unwrap()
    }
}

/// Somebody who registered.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

pub(crate) fn unique_email() -> String {
    format!("{}@example.com", service_kit::ids::uuid())
}
