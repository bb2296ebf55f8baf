//! Nodes of a Redis Cluster.

use std::time::Duration;

use super::RedisServer;
use crate::{Error, Result, wait};

/// How long a cluster may take until it agrees. A node waits two seconds before it takes writes.
const AGREED_TIMEOUT: Duration = Duration::from_secs(60);

const ALL_SLOTS: [&str; 4] = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];

impl RedisServer {
    /// Takes all slots that nobody has, and returns when the node answers for them. Of a server that was started
    /// with [`super::Builder::cluster`].
    ///
    /// # Errors
    /// [`Error::Refused`] when a slot is another node's; [`Error::TimedOut`]; those of [`RedisServer::command`].
    pub fn take_slots(&self) -> Result<()> {
        self.command(&ALL_SLOTS)?;
        self.wait_until_cluster_is_ok()
    }

    /// Returns when the cluster, as this node sees it, takes writes.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn wait_until_cluster_is_ok(&self) -> Result<()> {
        wait::until(AGREED_TIMEOUT, "the cluster is ok", || {
            self.told(&["CLUSTER", "INFO"])
                .contains("cluster_state:ok\r")
        })
    }

    /// Makes one cluster of this node and another, and returns when each knows the other. Both need
    /// [`super::Builder::tcp`].
    ///
    /// # Errors
    /// [`Error::Protocol`] of a node that has no port; [`Error::TimedOut`]; those of [`RedisServer::command`].
    pub fn meet(&self, other: &Self) -> Result<()> {
        let (Some(port), Some(bus)) = (other.tcp_port(), other.kind.cluster_port) else {
            return Err(Error::Protocol("that node has no port".to_owned()));
        };
        let (port, bus) = (port.to_string(), bus.to_string());
        self.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        let (one, two) = (self.node_id()?, other.node_id()?);
        wait::until(AGREED_TIMEOUT, "two nodes know each other", || {
            let knows = |node: &Self, id: &str| node.told(&["CLUSTER", "NODES"]).contains(id);
            knows(self, &two) && knows(other, &one)
        })
    }

    /// The name of this node in its cluster.
    ///
    /// # Errors
    /// Those of [`RedisServer::command`].
    pub fn node_id(&self) -> Result<String> {
        let id = self.command(&["CLUSTER", "MYID"])?;
        id.text()
            .ok_or_else(|| Error::Protocol("a node without a name".to_owned()))
    }

    fn told(&self, command: &[&str]) -> String {
        let told = self.command(command).ok();
        told.and_then(|reply| reply.text()).unwrap_or_default()
    }
}
