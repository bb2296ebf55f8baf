//! Both services, and short names.

use std::{
    path::PathBuf,
    sync::{LazyLock, mpsc},
    time::Duration,
};

use access_token::{Claims, JwksSource, Role, TokenError, Verifier, VerifierSettings};
use devstack::{
    mariadb::{self, MariaDbServer},
    redis::RedisServer,
};
use service_kit::{shutdown::Stop, tls::Trust};
use sqlx::MySqlPool;

pub(crate) use serde_json::{Value, json};
use test_support::free_address;
pub(crate) use test_support::{Answer, Api, Contract, PATIENCE, at_once, eventually};

/// What every answer is held against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(auth_service::http::OPENAPI));

/// A port on which nobody listens.
pub(crate) const NOWHERE: &str = "127.0.0.1:9";

pub(crate) const CLIENTS: &str = r#"{"order-service":"the secret of order-service"}"#;

pub(crate) static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

pub(crate) static REDIS: LazyLock<RedisServer> =
    LazyLock::new(|| RedisServer::builder().tcp().start().unwrap());

static SITE: LazyLock<Site> = LazyLock::new(|| Site::start(&["--attempts-address", "1000000"]));

/// The services that tests share; failures are counted by account only.
pub(crate) fn site() -> &'static Site {
    &SITE
}

pub(crate) struct Site {
    pub(crate) auth: Api,
    pub(crate) user: Users,
    pub(crate) keys_dir: PathBuf,
    stop: Stop,
    user_stop: Stop,
    runtime: tokio::runtime::Runtime,
    pool: MySqlPool,
    verifier: Verifier,
    _files: tempfile::TempDir,
}

/// user-service, whose answers are not ours to check.
pub(crate) struct Users {
    base: String,
    agent: ureq::Agent,
}

impl Users {
    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_json(body).unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&body).unwrap_or_default(),
        )
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> u16 {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bearer {token}"));
        request.call().unwrap().status().as_u16()
    }

    pub(crate) fn delete(&self, path: &str, token: &str) -> u16 {
        let request = self.agent.delete(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bearer {token}"));
        request.call().unwrap().status().as_u16()
    }

    /// How many passwords it has looked at.
    pub(crate) fn verified(&self) -> u64 {
        let asked = self.agent.get(format!("{}/metrics", self.base)).call();
        let metrics = asked.unwrap().body_mut().read_to_string().unwrap();
        let wanted = r#"user_password_hashes_total{operation="verify"} "#;
        let line = metrics.lines().find_map(|line| line.strip_prefix(wanted));
        line.map_or(0, |number| number.parse().unwrap())
    }

    fn is_ready(&self) -> bool {
        let asked = self.agent.get(format!("{}/readyz", self.base)).call();
        asked.is_ok_and(|answer| answer.status() == 200)
    }
}

impl Site {
    pub(crate) fn start(more: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let keys_dir = files.path().join("keys");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // user-service must know where the keys will be.
        let port = free_address();
        let option = |name: &str| {
            let place = more.iter().position(|arg| *arg == name)?;
            more.get(place + 1).copied()
        };
        let kafka = option("--kafka-brokers").unwrap_or(NOWHERE);
        let jwks_url = format!("http://{port}/.well-known/jwks.json");
        let user_url = MARIADB.create_database().unwrap();
        let mut args = vec![
            "user-service",
            "--listen",
            "127.0.0.1:0",
            "--jwks-url",
            &jwks_url,
        ];
        args.extend(["--database-url", &user_url, "--kafka-brokers", kafka]);
        args.extend(["--hash-memory-kib", "8", "--hash-passes", "1"]);
        // Several tests ask many times at once.
        args.extend(["--hash-queue", "1000", "--hash-register-queue", "1000"]);
        let user_service::run::Command::Run(config) =
            user_service::run::Command::from_args(args).unwrap()
        else {
            panic!("no subcommand was given");
        };
        let (tell, told) = mpsc::channel();
        let (stop, user_stop) = (Stop::default(), Stop::default());
        let stopped = user_stop.clone();
        runtime.spawn(async move {
            let tell = move |address| tell.send(address).unwrap();
            Box::pin(user_service::run::run(*config, stopped, tell))
                .await
                .unwrap();
        });
        let users = format!("http://{}", told.recv_timeout(PATIENCE).unwrap());

        let database_url = MARIADB.create_database().unwrap();
        let listen = port.to_string();
        let keys = keys_dir.to_str().unwrap().to_owned();
        let mut args = vec![
            "auth-service",
            "--listen",
            &listen,
            "--database-url",
            &database_url,
        ];
        args.extend([
            "--user-url",
            &users,
            "--keys-dir",
            &keys,
            "--clients",
            CLIENTS,
        ]);
        let redis = REDIS.tcp_url().unwrap();
        for (name, value) in [("--kafka-brokers", NOWHERE), ("--redis-url", &redis)] {
            if option(name).is_none() {
                args.extend([name, value]);
            }
        }
        args.extend(more);
        let auth_service::run::Command::Run(mut config) =
            auth_service::run::Command::from_args(args).unwrap()
        else {
            panic!("no subcommand was given");
        };
        // A busy machine keeps Redis waiting, too; one that is away is given up soon.
        if option("--redis-url").is_none() {
            config.attempts.redis_timeout = PATIENCE;
        }
        let (tell, told) = mpsc::channel();
        let stopped = stop.clone();
        runtime.spawn(async move {
            let tell = move |address| tell.send(address).unwrap();
            Box::pin(auth_service::run::run(*config, stopped, tell))
                .await
                .unwrap();
        });
        let base = format!("http://{}", told.recv_timeout(PATIENCE).unwrap());
        let pool = {
            let _inside = runtime.enter();
            MySqlPool::connect_lazy(&database_url).unwrap()
        };
        let source =
            JwksSource::url(&format!("{base}/.well-known/jwks.json"), &Trust::default()).unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .build();
        let site = Self {
            auth: Api::new(&base, &CONTRACT),
            user: Users {
                base: users,
                agent: agent.into(),
            },
            keys_dir,
            stop,
            user_stop,
            runtime,
            pool,
            verifier: Verifier::new(source, VerifierSettings::default()),
            _files: files,
        };
        eventually("the services are ready", || {
            site.auth.get("/readyz", None).status == 200 && site.user.is_ready()
        });
        site
    }

    /// Somebody new, with the password `password123`.
    pub(crate) fn somebody(&self) -> User {
        let email = unique_email();
        let body = json!({"email": email, "password": "password123", "name": "테스트"});
        let (status, body) = self.user.post("/api/users/register", None, &body);
        assert_eq!(status, 201, "{body}");
        let id = body["userId"].as_str().unwrap().to_owned();
        User { id, email }
    }

    pub(crate) fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.auth.post("/api/auth/login", None, &body)
    }

    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.auth
            .post("/api/auth/refresh", None, &json!({"refreshToken": token}))
    }

    /// A refresh token of a new session.
    pub(crate) fn session(&self, user: &User) -> String {
        let answer = self.login(&user.email, "password123");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("refreshToken")
    }

    /// A token that we sign with the service's own key.
    pub(crate) fn token(&self, sub: &str, role: Role) -> String {
        self.token_with(sub, &[role])
    }

    pub(crate) fn token_with(&self, sub: &str, roles: &[Role]) -> String {
        let keys = auth_service::keys::Keys::open(&self.keys_dir, Duration::ZERO).unwrap();
        let tokens = auth_service::tokens::Tokens::new(
            keys,
            access_token::DEFAULT_ISSUER.to_owned(),
            access_token::DEFAULT_AUDIENCE.to_owned(),
        );
        tokens.issue(sub, roles).unwrap()
    }

    /// What others make of a token.
    pub(crate) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let verified = self.runtime.block_on(self.verifier.verify(token));
        verified.map(|claims| Claims::clone(&claims))
    }

    /// Makes others fetch the keys.
    pub(crate) fn fetch_keys(&self) {
        self.runtime.block_on(self.verifier.refresh()).unwrap();
    }

    /// An admin locks or unlocks an account.
    pub(crate) fn admin(&self, user: &User, what: &str) {
        let path = format!("/api/users/{}/{what}", user.id);
        let token = self.token("an-admin", Role::Admin);
        let (status, body) = self.user.post(&path, Some(&token), &json!({}));
        assert_eq!(status, 200, "{body}");
    }

    /// Texts of the database.
    pub(crate) fn texts(&self, sql: &'static str, id: &str) -> Vec<String> {
        let query = sqlx::query_scalar(sql).bind(id).fetch_all(&self.pool);
        self.runtime.block_on(query).unwrap()
    }

    /// Changes the database, as time would.
    pub(crate) fn change(&self, sql: &'static str, number: impl Into<i64>, id: &str) {
        let query = sqlx::query(sql).bind(number.into()).bind(id);
        let done = self.runtime.block_on(query.execute(&self.pool)).unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
    }

    /// Deletes what is old, as it does by itself from time to time.
    pub(crate) fn clean(&self) {
        let store = auth_service::store::Store::new(self.pool.clone());
        self.runtime.block_on(store.clean()).unwrap();
    }

    /// user-service goes away.
    pub(crate) fn stop_users(&self) {
        self.user_stop.drain.cancel();
        eventually("user-service is away", || {
            std::net::TcpStream::connect(self.user.base.trim_start_matches("http://")).is_err()
        });
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.user_stop.drain.cancel();
    }
}

/// Somebody who registered.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
}

pub(crate) fn unique_email() -> String {
    format!("{}@example.com", service_kit::ids::uuid())
}
