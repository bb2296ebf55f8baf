//! The servers of the stack.

use std::{ffi::OsString, path::Path};

use crate::{failure::Failure, workspace::Workspace};

/// A server of the stack: package, binary, log and `cargo dev` name are the same word.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    base_port: u16,
}

pub(crate) const INVENTORY_SERVER: Service = Service {
    name: "inventory-server",
    base_port: 8083,
};

const ALL: [&Service; 1] = [&INVENTORY_SERVER];

impl Service {
    pub(crate) fn named(name: &str) -> Result<&'static Self, Failure> {
        ALL.into_iter()
            .find(|service| service.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = ALL.iter().map(|service| service.name).collect();
                let message = format!("there is no server called {name}");
                Failure::usage(message, format!("one of: {}", names.join(", ")))
            })
    }

    pub(crate) fn port(&self, offset: u16) -> u16 {
        self.base_port.saturating_add(offset)
    }

    pub(crate) fn url(&self, offset: u16) -> String {
        format!("http://127.0.0.1:{}", self.port(offset))
    }

    /// Its command line. The data folder is relative to the root, where it is started: the path of a unix
    /// socket in it has to stay under 108 bytes.
    pub(crate) fn args(&self, workspace: &Workspace, offset: u16) -> Vec<OsString> {
        let redis_dir = workspace.redis_dir();
        let redis_dir = redis_dir
            .strip_prefix(workspace.root())
            .unwrap_or(&redis_dir);
        let listen = format!("127.0.0.1:{}", self.port(offset));
        let args: [&Path; 8] = [
            "--listen".as_ref(),
            listen.as_ref(),
            "--embedded-redis".as_ref(),
            redis_dir,
            "--auth".as_ref(),
            "none".as_ref(),
            "--log".as_ref(),
            "text".as_ref(),
        ];
        args.map(OsString::from).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_the_port_everywhere() {
        let workspace = Workspace::at(Path::new("/checkout"));
        assert_eq!(INVENTORY_SERVER.url(100), "http://127.0.0.1:8183");
        let args = INVENTORY_SERVER.args(&workspace, 100);
        let line = args.join(" ".as_ref()).into_string().unwrap();
        let expected =
            "--listen 127.0.0.1:8183 --embedded-redis .devstack/redis --auth none --log text";
        assert_eq!(line, expected);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let failure = Service::named("redis").unwrap_err();
        assert!(
            failure.next.contains("inventory-server"),
            "{}",
            failure.next
        );
        assert_eq!(failure.code, 64);
    }
}
