//! Whether a server does its work.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use devstack::kafka;

use crate::{
    database, debezium, http,
    service::{Kind, Service},
    stack::Stack,
    state::Process,
    workspace::Workspace,
};

const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// The error says in a line why it does not.
pub(crate) fn check(
    workspace: &Workspace,
    stack: Stack,
    service: &Service,
    process: &Process,
) -> Result<(), String> {
    let port = process.port().unwrap_or_default();
    match &service.kind {
        Kind::Built(program) => http::check_ready(&process.url, program.ready_path),
        Kind::Redis => ping(port),
        Kind::MariaDb => database::check(workspace),
        Kind::Kafka if kafka::is_ready(&workspace.kafka_dir(), port) => Ok(()),
        Kind::Kafka => Err("it does not name itself to its clients".to_owned()),
        Kind::Connect => debezium::check(stack, &process.url),
        Kind::Prometheus => http::check_ready(&process.url, "/-/ready"),
    }
}

/// While Redis loads its data, the answer is an error.
fn ping(port: u16) -> Result<(), String> {
    let ask = || {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, REDIS_TIMEOUT)?;
        stream.set_read_timeout(Some(REDIS_TIMEOUT))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 128];
        let length = stream.read(&mut answer)?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    match ask() {
        Ok(answer) if answer.starts_with("+PONG") => Ok(()),
        Ok(answer) => Err(format!("PING answers {}", answer.trim_end())),
        Err(error) => Err(format!("PING: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use devstack::redis::RedisServer;

    use super::*;

    #[test]
    fn a_redis_is_ready_when_it_answers() {
        let redis = RedisServer::builder().tcp().start().unwrap();
        let port = redis.tcp_port().unwrap();
        ping(port).unwrap();
        redis.stop().unwrap();
        assert!(ping(port).unwrap_err().starts_with("PING: "));
    }
}
