//! Where things are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// The checkout, found from the current folder upwards.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self, Failure> {
        let here = env::current_dir().map_err(Failure::io("finding the current folder"))?;
        let root = here
            .ancestors()
            .find(|folder| is_root(folder))
            .ok_or_else(|| {
                let message = format!(
                    "{} is not inside a checkout of this project",
                    here.display()
                );
                Failure::new(message, "cd to the checkout and repeat")
            })?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Everything that a running stack leaves on disk.
    pub(crate) fn devstack_dir(&self) -> PathBuf {
        self.root.join(".devstack")
    }

    /// Data of the Redis that inventory-server starts.
    pub(crate) fn redis_dir(&self) -> PathBuf {
        self.devstack_dir().join("redis")
    }

    /// Data of the Redis that the servers of the full stack share. Not that of inventory-server alone: once a
    /// worker has attached to a store, a server without a worker may not open it.
    pub(crate) fn shared_redis_dir(&self) -> PathBuf {
        self.devstack_dir().join("shared-redis")
    }

    /// Data, account and socket of MariaDB.
    pub(crate) fn mariadb_dir(&self) -> PathBuf {
        self.devstack_dir().join("mariadb")
    }

    /// Data and settings of Kafka.
    pub(crate) fn kafka_dir(&self) -> PathBuf {
        self.devstack_dir().join("kafka")
    }

    /// Settings of Kafka Connect; what it remembers is in Kafka.
    pub(crate) fn connect_dir(&self) -> PathBuf {
        self.devstack_dir().join("connect")
    }

    /// Passwords, keys and client secrets, each drawn once.
    pub(crate) fn secrets_dir(&self) -> PathBuf {
        self.devstack_dir().join("secrets")
    }

    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        self.devstack_dir().join("logs").join(format!("{name}.log"))
    }

    /// A path as people write it, from the root.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn is_root(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim() == "[workspace]")
        && folder.join("infra/devstack/Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_folder_with_the_workspace_manifest() {
        let workspace = Workspace::find().unwrap();
        assert!(
            workspace
                .root()
                .join("infra/devstack/src/workspace.rs")
                .is_file()
        );
        assert!(!is_root(&workspace.root().join("infra/devstack")));
    }
}
