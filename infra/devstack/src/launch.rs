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
    compile::Binaries,
    database,
    failure::Failure,
    left_behind, private_file,
    service::{INVENTORY_SERVER, Kind, MARIADB, REDIS, Service},
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
}

/// Makes what the server needs on disk, too.
pub(crate) fn prepare(
    workspace: &Workspace,
    stack: Stack,
    service: &Service,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<Launch, Failure> {
    match service.kind {
        Kind::Redis => redis(workspace, addresses),
        Kind::MariaDb => mariadb(workspace, addresses),
        Kind::Http => {
            let program = binaries.path(service.name)?.to_owned();
            if *service == INVENTORY_SERVER {
                let args = inventory_server(workspace, stack, addresses);
                let env = Vec::new();
                Ok(Launch { program, args, env })
            } else {
                let args = sync_worker(service, addresses);
                let env = stores(workspace, addresses)?;
                Ok(Launch { program, args, env })
            }
        }
    }
}

/// Where the stores are, as sync-worker and `reconcile` read it.
pub(crate) fn stores(
    workspace: &Workspace,
    addresses: &Addresses,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let database_url = database::url(workspace, addresses.port(&MARIADB))?;
    Ok(vec![
        ("SYNC_REDIS_URL", addresses.url(&REDIS)),
        ("SYNC_DATABASE_URL", database_url),
    ])
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
    })
}

fn mariadb(workspace: &Workspace, addresses: &Addresses) -> Result<Launch, Failure> {
    let installed = Installed::find()?;
    let port = addresses.port(&MARIADB);
    database::prepare(workspace, &installed, port)?;
    left_behind::stop("mariadbd", &database::data_dir(workspace))?;
    let mut data = OsString::from("--datadir=");
    data.push(database::data_dir(workspace));
    // Before all others, it has to be: nothing of the machine's configuration.
    let mut args = words(&["--no-defaults"]);
    args.extend(mariadb::as_this_user().map(OsString::from));
    args.push(data);
    args.push(format!("--port={port}").into());
    // Relative to the data: the path of a unix socket has to stay under 108 bytes.
    args.extend(words(&[
        "--socket=../mariadb.sock",
        "--pid-file=../mariadb.pid",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve=ON",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
        "--performance-schema=OFF",
        "--innodb-buffer-pool-size=128M",
        "--innodb-log-file-size=64M",
        "--innodb-flush-log-at-trx-commit=1",
    ]));
    Ok(Launch {
        program: installed.server().to_owned(),
        args,
        env: Vec::new(),
    })
}

fn inventory_server(workspace: &Workspace, stack: Stack, addresses: &Addresses) -> Vec<OsString> {
    let mut args = words(&["--listen", &listen(&INVENTORY_SERVER, addresses)]);
    match stack {
        Stack::Inventory => {
            // Relative to the root, where it is started: the path of a unix socket in it has to stay under
            // 108 bytes.
            let redis_dir = workspace.redis_dir();
            let redis_dir = redis_dir
                .strip_prefix(workspace.root())
                .unwrap_or(&redis_dir);
            args.extend(["--embedded-redis".as_ref(), redis_dir].map(|word: &Path| word.into()));
        }
        Stack::Full => {
            let redis = addresses.url(&REDIS);
            args.extend(words(&["--redis-url", &redis, "--projection", "required"]));
        }
    }
    args.extend(words(&["--auth", "none", "--log", "text"]));
    args
}

fn sync_worker(service: &Service, addresses: &Addresses) -> Vec<OsString> {
    let ops = listen(service, addresses);
    words(&["run", "--no-kafka", "--ops-listen", &ops])
}

fn listen(service: &Service, addresses: &Addresses) -> String {
    format!("127.0.0.1:{}", addresses.port(service))
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{service::SYNC_WORKER, state::State};

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
        let args = inventory_server(&workspace, Stack::Inventory, &addresses(100));
        let expected =
            "--listen 127.0.0.1:8183 --embedded-redis .devstack/redis --auth none --log text";
        assert_eq!(line(&args), expected);
    }

    #[test]
    fn in_the_full_stack_all_share_one_and_the_worker_opens_it() {
        let workspace = Workspace::at(Path::new("/checkout"));
        let args = inventory_server(&workspace, Stack::Full, &addresses(1));
        let expected = "--listen 127.0.0.1:8084 --redis-url redis://127.0.0.1:6380 \
                        --projection required --auth none --log text";
        assert_eq!(line(&args), expected);
        let args = sync_worker(&SYNC_WORKER, &addresses(1));
        assert_eq!(line(&args), "run --no-kafka --ops-listen 127.0.0.1:8091");
    }

    #[test]
    fn a_password_is_in_the_environment_only() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let launch = mariadb(&workspace, &addresses(0)).unwrap();
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
