//! What this machine needs, and whether it has it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use devstack::program;

/// A program that something here calls, or a header that something here is compiled with.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// Name of a program, or the path of a header.
    pub(crate) binary: &'static str,
    /// Prints its version; on either stream, whatever its exit code.
    version_arg: &'static str,
    /// Oldest version that will do, as major and minor.
    pub(crate) minimum: Option<(u32, u32)>,
    /// Debian and Ubuntu package.
    pub(crate) package: &'static str,
    pub(crate) purpose: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    Found(String),
    TooOld(String),
    Missing,
}

pub(crate) const C_COMPILER: Requirement = Requirement {
    binary: "cc",
    version_arg: "--version",
    minimum: None,
    package: "build-essential",
    purpose: "linking",
};

pub(crate) const REDIS_SERVER: Requirement = Requirement {
    binary: "redis-server",
    version_arg: "--version",
    minimum: Some((7, 0)),
    package: "redis-server",
    purpose: "the stack and the tests",
};

pub(crate) const MARIADB_SERVER: Requirement = Requirement {
    binary: "mariadbd",
    version_arg: "--version",
    minimum: Some((10, 11)),
    package: "mariadb-server",
    purpose: "the stack and the tests",
};

/// Its configuration asks for one, though it is C.
pub(crate) const CPP_COMPILER: Requirement = Requirement {
    binary: "c++",
    version_arg: "--version",
    minimum: None,
    package: "build-essential",
    purpose: "building the Kafka client",
};

pub(crate) const MAKE: Requirement = Requirement {
    binary: "make",
    version_arg: "--version",
    minimum: None,
    package: "build-essential",
    purpose: "building the Kafka client",
};

pub(crate) const ZLIB: Requirement = Requirement {
    binary: "/usr/include/zlib.h",
    version_arg: "",
    minimum: None,
    package: "zlib1g-dev",
    purpose: "building the Kafka client",
};

pub(crate) const OPENSSL: Requirement = Requirement {
    binary: "/usr/include/openssl/ssl.h",
    version_arg: "",
    minimum: None,
    package: "libssl-dev",
    purpose: "building the Kafka client",
};

/// Says where OpenSSL is.
pub(crate) const PKG_CONFIG: Requirement = Requirement {
    binary: "pkg-config",
    version_arg: "--version",
    minimum: None,
    package: "pkg-config",
    purpose: "building the Kafka client",
};

pub(crate) const JAVA: Requirement = Requirement {
    binary: "java",
    version_arg: "-version",
    minimum: Some((17, 0)),
    package: "default-jre-headless",
    purpose: "Kafka",
};

pub(crate) const MAVEN: Requirement = Requirement {
    binary: "mvn",
    version_arg: "--version",
    minimum: None,
    package: "maven",
    purpose: "fetching Kafka and Debezium",
};

pub(crate) const PROMETHEUS: Requirement = Requirement {
    binary: "prometheus",
    version_arg: "--version",
    minimum: Some((2, 40)),
    package: "prometheus",
    purpose: "cargo dev up --monitoring, and the tests of the alerts",
};

/// Of any age: it fetches a newer one where it has to.
pub(crate) const GO: Requirement = Requirement {
    binary: "go",
    version_arg: "version",
    minimum: None,
    package: "golang-go",
    purpose: "building k6, for cargo dev load and cargo dev test",
};

pub(crate) const REDIS_BENCHMARK: Requirement = Requirement {
    binary: "redis-benchmark",
    version_arg: "--version",
    minimum: None,
    package: "redis-tools",
    purpose: "cargo dev load compare",
};

pub(crate) const WRK: Requirement = Requirement {
    binary: "wrk",
    version_arg: "--version",
    minimum: None,
    package: "wrk",
    purpose: "cargo dev load compare",
};

pub(crate) const PERF: Requirement = Requirement {
    binary: "perf",
    version_arg: "--version",
    minimum: None,
    // Ubuntu calls it linux-tools-generic.
    package: "linux-perf",
    purpose: "profiling",
};

pub(crate) const STRACE: Requirement = Requirement {
    binary: "strace",
    version_arg: "--version",
    minimum: None,
    package: "strace",
    purpose: "the durability tests, which watch Redis fsync",
};

pub(crate) const SETPRIV: Requirement = Requirement {
    binary: "setpriv",
    version_arg: "--version",
    minimum: None,
    package: "util-linux",
    purpose: "no server outlives a killed test",
};

impl Requirement {
    pub(crate) fn check(&self) -> Check {
        if self.binary.starts_with('/') {
            return match Path::new(self.binary).exists() {
                true => Check::Found("present".to_owned()),
                false => Check::Missing,
            };
        }
        let Ok(path) = program::find(self.binary) else {
            return Check::Missing;
        };
        let output = Command::new(path)
            .arg(self.version_arg)
            .stdin(Stdio::null())
            .output();
        let text = output.map(|output| {
            let bytes = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        self.judge(&text.unwrap_or_default())
    }

    fn judge(&self, version_text: &str) -> Check {
        let version = first_version(version_text).unwrap_or("of unknown version");
        let is_old = self
            .minimum
            .is_some_and(|minimum| major_minor(version) < Some(minimum));
        if is_old {
            Check::TooOld(version.to_owned())
        } else {
            Check::Found(version.to_owned())
        }
    }
}

/// The first thing in a text that looks like `1.2` or `1.2.3`.
fn first_version(text: &str) -> Option<&str> {
    text.split(|character: char| !(character.is_ascii_digit() || character == '.'))
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(first_version(redis), Some("7.0.15"));
        assert_eq!(
            first_version("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012"),
            Some("4.1.0")
        );
        assert_eq!(first_version("no version here."), None);
    }

    #[test]
    fn the_mariadb_of_debian_will_do() {
        let text =
            "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(
            MARIADB_SERVER.judge(text),
            Check::Found("10.11.14".to_owned())
        );
        let old = text.replace("10.11.14", "10.6.18");
        assert!(matches!(MARIADB_SERVER.judge(&old), Check::TooOld(_)));
    }

    #[test]
    fn the_images_for_docker_have_the_same_versions() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let images: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("image: "))
            .collect();
        let oldest = |name: &str, requirement: &Requirement| {
            let (major, minor) = requirement.minimum.unwrap();
            format!("{name}:{major}.{minor}")
        };
        let expected = [
            oldest("redis", &REDIS_SERVER),
            oldest("mariadb", &MARIADB_SERVER),
            format!("apache/kafka:{}", devstack::kafka::KAFKA_VERSION),
            format!(
                "quay.io/debezium/connect:{}",
                devstack::connect::DEBEZIUM_VERSION
            ),
        ];
        for expected in &expected {
            // Of the oldest version any later patch.
            let is_it = |image: &&str| {
                let rest = image.strip_prefix(expected.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            assert!(images.iter().any(is_it), "{expected} in {images:?}");
        }
        // Nobody but this machine gets in.
        let ports = text
            .lines()
            .filter(|line| line.ends_with(":6379\"") || line.contains("_PORT:-"));
        assert!(ports.clone().count() >= 4);
        let mut published = ports.filter(|line| line.trim().starts_with("- "));
        assert!(published.all(|line| line.contains("\"127.0.0.1:")));
    }

    #[test]
    fn an_old_redis_will_not_do() {
        let judge = |version: &str| REDIS_SERVER.judge(&format!("Redis server v={version} sha=0"));
        assert_eq!(judge("6.0.16"), Check::TooOld("6.0.16".to_owned()));
        assert_eq!(judge("7.0.0"), Check::Found("7.0.0".to_owned()));
        assert_eq!(judge("8.2.1"), Check::Found("8.2.1".to_owned()));
        assert!(matches!(REDIS_SERVER.judge("?"), Check::TooOld(_)));
    }
}
