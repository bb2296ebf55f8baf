//! What each server is started with.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use devstack::{
    mariadb::{self, Installed},
    program,
};

use crate::{
    addresses::Addresses,
    broker,
    compile::Binaries,
    database, debezium,
    failure::Failure,
    left_behind, monitoring_service, private_file, secrets,
    service::{
        self, CONNECT, INVENTORY_SERVER, Kind, MARIADB, Program, REDIS, SYNC_WORKER, Service, Value,
    },
    stack::Stack,
    workspace::Workspace,
};

/// A command line and what goes into its environment.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Holds passwords: neither shown nor kept.
    pub(crate) env: Vec<(&'static str, String)>,
    /// Where it is started; the root of the checkout without one.
    pub(crate) dir: Option<PathBuf>,
}

/// Makes what the server needs on disk, too.
pub(crate) fn prepare(
    workspace: &Workspace,
    stack: Stack,
    service: &Service,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<Launch, Failure> {
    match &service.kind {
        Kind::Redis => redis(workspace, addresses),
        Kind::MariaDb => mariadb(workspace, stack, addresses),
        Kind::Kafka => broker::launch(workspace, addresses),
        Kind::Connect => debezium::launch(workspace, addresses),
        Kind::Prometheus => monitoring_service::launch(workspace, stack, addresses),
        Kind::Built(_) if stack == Stack::Inventory => Ok(Launch {
            program: binaries.path(service.name)?.to_owned(),
            args: engine_alone(workspace, addresses),
            env: Vec::new(),
            dir: None,
        }),
        Kind::Built(program) => {
            let scene = Scene {
                workspace,
                stack,
                service,
                addresses,
            };
            let mut args = words(program.words);
            for (flag, value) in program.flags {
                if let Some(value) = scene.text(value)? {
                    args.extend(words(&[flag, &value]));
                }
            }
            Ok(Launch {
                program: binaries.path(service.name)?.to_owned(),
                args,
                env: scene.texts(program.env)?,
                dir: None,
            })
        }
    }
}

/// What a [`Value`] becomes.
struct Scene<'a> {
    workspace: &'a Workspace,
    stack: Stack,
    service: &'a Service,
    addresses: &'a Addresses,
}

impl Scene<'_> {
    /// `None` is left out.
    fn text(&self, value: &Value) -> Result<Option<String>, Failure> {
        let text = match value {
            Value::Text(text) => (*text).to_owned(),
            Value::Listen => self.addresses.address(self.service),
            Value::Url(other) => self.addresses.url(other),
            Value::Neighbour(other, path) => format!("{}{path}", self.addresses.url(other)),
            Value::Address(other) => self.addresses.address(other),
            Value::Database(name) => {
                database::url(self.workspace, self.addresses.port(&MARIADB), name)?
            }
            Value::Secret(name) => secrets::get(self.workspace, name)?,
            Value::ClientSecret => client_secret(self.workspace, self.service)?,
            Value::ClientSecrets => client_secrets(self.workspace)?,
            Value::Path(name) => {
                let path = self.workspace.devstack_dir().join(name);
                path.display().to_string()
            }
            Value::Publish if self.stack == Stack::Debezium => "debezium".to_owned(),
            Value::Connect if self.stack == Stack::Debezium => self.addresses.url(&CONNECT),
            Value::Publish | Value::Connect => return Ok(None),
        };
        Ok(Some(text))
    }

    fn texts(
        &self,
        values: &[(&'static str, Value)],
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let texts = values
            .iter()
            .map(|(name, value)| Ok(self.text(value)?.map(|text| (*name, text))));
        texts.filter_map(Result::transpose).collect()
    }
}

fn client_secret(workspace: &Workspace, service: &Service) -> Result<String, Failure> {
    secrets::get(workspace, &format!("{}-client", service.name))
}

fn client_secrets(workspace: &Workspace) -> Result<String, Failure> {
    let is_client = |service: &&&Service| service.program().is_some_and(Program::is_client);
    let secrets = service::ALL.iter().filter(is_client).map(|service| {
        let secret = client_secret(workspace, service)?;
        Ok((service.name.to_owned(), secret.into()))
    });
    let secrets = secrets.collect::<Result<serde_json::Map<_, _>, Failure>>()?;
    Ok(serde_json::Value::Object(secrets).to_string())
}

/// The environment of a server, for a program that belongs to it.
pub(crate) fn environment(
    workspace: &Workspace,
    service: &Service,
    addresses: &Addresses,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let scene = Scene {
        workspace,
        stack: Stack::Full,
        service,
        addresses,
    };
    let env = service.program().map(|program| program.env);
    scene.texts(env.unwrap_or_default())
}

/// Where the stores are, as sync-worker and `reconcile` read it.
pub(crate) fn stores(
    workspace: &Workspace,
    addresses: &Addresses,
) -> Result<Vec<(&'static str, String)>, Failure> {
    environment(workspace, &SYNC_WORKER, addresses)
}

/// Writes the same for a person's shell, with the password of MariaDB in it, and says where.
pub(crate) fn write_env_file(
    workspace: &Workspace,
    addresses: &Addresses,
) -> Result<PathBuf, Failure> {
    let path = workspace.devstack_dir().join("sync.env");
    private_file::write(&path, &shell(&stores(workspace, addresses)?))?;
    Ok(path)
}

/// No value has a quote in it.
fn shell(env: &[(&str, String)]) -> String {
    let lines = env.iter();
    lines
        .map(|(name, value)| format!("export {name}='{value}'\n"))
        .collect()
}

fn redis(workspace: &Workspace, addresses: &Addresses) -> Result<Launch, Failure> {
    let folder = workspace.shared_redis_dir();
    fs::create_dir_all(&folder).map_err(Failure::io(format!("making {}", folder.display())))?;
    left_behind::stop("redis-server", &folder)?;
    let port = addresses.port(&REDIS).to_string();
    let mut args = words(&[
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--daemonize",
        "no",
        "--save",
        "",
    ]);
    args.extend(words(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
        "--maxmemory-policy",
        "noeviction",
        "--dir",
    ]));
    args.push(folder.into());
    Ok(Launch {
        program: program::find("redis-server")?,
        args,
        env: Vec::new(),
        dir: None,
    })
}

fn mariadb(workspace: &Workspace, stack: Stack, addresses: &Addresses) -> Result<Launch, Failure> {
    let installed = Installed::find()?;
    let port = addresses.port(&MARIADB);
    database::prepare(workspace, &installed, port)?;
    left_behind::stop("mariadbd", &database::data_dir(workspace))?;
    let mut data = OsString::from("--datadir=");
    data.push(database::data_dir(workspace));
    // Of its own: a MariaDB that starts deletes the temporary tables in its folder, another's too.
    let mut temporary = OsString::from("--tmpdir=");
    temporary.push(workspace.mariadb_dir());
    // Before all others, it has to be: nothing of the machine's configuration.
    let mut args = words(&["--no-defaults"]);
    args.extend(mariadb::as_this_user().map(OsString::from));
    args.push(data);
    args.push(temporary);
    args.push(format!("--port={port}").into());
    // Relative to the data: the path of a unix socket has to stay under 108 bytes.
    args.extend(words(&[
        "--socket=../mariadb.sock",
        "--pid-file=../mariadb.pid",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve=ON",
        "--character-set-server=utf8mb4",
        "--performance-schema=OFF",
        "--innodb-buffer-pool-size=128M",
        "--innodb-log-file-size=64M",
        "--innodb-flush-log-at-trx-commit=1",
    ]));
    args.extend(words(binlog(stack)));
    Ok(Launch {
        program: installed.server().to_owned(),
        args,
        env: Vec::new(),
        dir: None,
    })
}

/// Debezium reads whole rows, and may have been away for days.
fn binlog(stack: Stack) -> &'static [&'static str] {
    match stack {
        Stack::Inventory | Stack::Full => &["--skip-log-bin"],
        Stack::Debezium => &[
            "--log-bin=binlog",
            "--server-id=1",
            "--binlog-format=ROW",
            "--binlog-row-image=FULL",
            "--sync-binlog=1",
            "--expire-logs-days=7",
        ],
    }
}

fn engine_alone(workspace: &Workspace, addresses: &Addresses) -> Vec<OsString> {
    let mut args = words(&["--listen", &addresses.address(&INVENTORY_SERVER)]);
    // Relative to the root, where it is started: the path of a unix socket in it has to stay under 108 bytes.
    let redis_dir = workspace.redis_dir();
    let redis_dir = redis_dir
        .strip_prefix(workspace.root())
        .unwrap_or(&redis_dir);
    args.extend(["--embedded-redis".as_ref(), redis_dir].map(|word: &Path| word.into()));
    args.extend(words(&["--auth", "none", "--log", "text"]));
    args
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        service::{AUTH_SERVICE, ORDER_SERVICE, PAYMENT_SERVICE, TOSS_SANDBOX},
        state::State,
    };

    fn line(args: &[OsString]) -> String {
        args.join(" ".as_ref()).into_string().unwrap()
    }

    fn addresses(offset: u16) -> Addresses {
        Addresses::of(&State {
            port_offset: offset,
            ..State::default()
        })
    }

    #[test]
    fn the_engine_alone_has_a_redis_of_its_own() {
        let workspace = Workspace::at(Path::new("/checkout"));
        let args = engine_alone(&workspace, &addresses(100));
        let expected =
            "--listen 127.0.0.1:8183 --embedded-redis .devstack/redis --auth none --log text";
        assert_eq!(line(&args), expected);
    }

    fn flags(workspace: &Workspace, stack: Stack, service: &Service) -> String {
        let built = Binaries::of(service.name, "/program");
        let launch = prepare(workspace, stack, service, &addresses(1), &built).unwrap();
        line(&launch.args)
    }

    #[test]
    fn in_the_full_stack_all_share_one_and_the_worker_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let installed = Installed::find().unwrap();
        database::prepare(&workspace, &installed, 3307).unwrap();
        let expected = "--listen 127.0.0.1:8084 --redis-url redis://127.0.0.1:6380 \
                        --projection required --auth jwt \
                        --jwks-url http://127.0.0.1:8090/.well-known/jwks.json --log text";
        assert_eq!(flags(&workspace, Stack::Full, &INVENTORY_SERVER), expected);
        let common = "run --ops-listen 127.0.0.1:8091 --kafka-brokers 127.0.0.1:9093";
        let tokens = "--auth jwt --jwks-url http://127.0.0.1:8090/.well-known/jwks.json";
        assert_eq!(
            flags(&workspace, Stack::Full, &SYNC_WORKER),
            format!("{common} {tokens}")
        );
        assert_eq!(
            flags(&workspace, Stack::Debezium, &SYNC_WORKER),
            format!("{common} --publish debezium --connect-url http://127.0.0.1:8094 {tokens}")
        );
    }

    #[test]
    fn the_services_know_each_other_and_share_secrets_by_their_environment() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let order = flags(&workspace, Stack::Debezium, &ORDER_SERVICE);
        for expected in [
            "--publish debezium",
            "--catalog-url http://127.0.0.1:8085 --user-url http://127.0.0.1:8082",
            "--auth-url http://127.0.0.1:8090",
        ] {
            assert!(order.contains(expected), "{order}");
        }
        let sandbox = flags(&workspace, Stack::Full, &TOSS_SANDBOX);
        assert!(sandbox.contains("http://127.0.0.1:8088/api/payments/webhook"));
        let env = |service| {
            let env = environment(&workspace, service, &addresses(0)).unwrap();
            env.into_iter().collect::<BTreeMap<_, _>>()
        };
        let (auth, order) = (env(&AUTH_SERVICE), env(&ORDER_SERVICE));
        let secret = &order["ORDER_CLIENT_SECRET"];
        let known = format!("\"order-service\":\"{secret}\"");
        assert!(auth["AUTH_CLIENTS"].contains(&known));
        assert!(auth["AUTH_CLIENTS"].contains("\"payment-service\""));
        assert!(order["ORDER_DATABASE_URL"].ends_with("@127.0.0.1:3306/shop_order"));
        let (payment, sandbox) = (env(&PAYMENT_SERVICE), env(&TOSS_SANDBOX));
        assert_eq!(
            payment["PAYMENT_TOSS_SECRET_KEY"],
            sandbox["SANDBOX_SECRET_KEY"]
        );
    }

    #[test]
    fn a_password_is_in_the_environment_only() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let launch = mariadb(&workspace, Stack::Full, &addresses(0)).unwrap();
        let env = stores(&workspace, &addresses(0)).unwrap();
        let url = &env[1].1;
        let password = url.split([':', '@']).nth(2).unwrap();
        assert!(password.len() >= 32, "{url}");
        assert!(!line(&launch.args).contains(password));
        let shell = shell(&env);
        let expected = format!("export SYNC_DATABASE_URL='{url}'");
        assert_eq!(shell.lines().nth(1), Some(&*expected));
    }
}
