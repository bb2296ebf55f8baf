//! Which servers run together.

use serde::{Deserialize, Serialize};

use crate::{
    cli::{Cdc, Part, UpOptions},
    service::{self, CONNECT, INVENTORY_SERVER, Kind, PROMETHEUS, Service},
};

/// What `up` was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stack {
    /// inventory-server alone, on a Redis of its own.
    #[default]
    Inventory,
    /// Everything, on a Redis, a MariaDB and a Kafka that all share.
    Full,
    /// Everything, and Debezium publishes the outboxes, not the services themselves.
    Debezium,
}

impl Stack {
    pub(crate) fn of(options: &UpOptions) -> Self {
        match (options.only, options.cdc) {
            (Some(Part::Inventory), _) => Self::Inventory,
            (None, Some(Cdc::Debezium)) => Self::Debezium,
            (None, None) => Self::Full,
        }
    }

    /// Each after those that it needs.
    pub(crate) fn services(self) -> Vec<&'static Service> {
        let all = service::ALL.into_iter();
        all.filter(|service| self.has(service)).collect()
    }

    fn has(self, service: &Service) -> bool {
        match self {
            Self::Inventory => *service == INVENTORY_SERVER,
            Self::Full => *service != CONNECT && *service != PROMETHEUS,
            Self::Debezium => *service != PROMETHEUS,
        }
    }

    /// Those of them that are built here.
    pub(crate) fn built(self) -> impl Iterator<Item = &'static Service> {
        let services = self.services().into_iter();
        services.filter(|service| matches!(service.kind, Kind::Built(_)))
    }

    /// Whether it is more than the engine.
    pub(crate) fn is_full(self) -> bool {
        match self {
            Self::Inventory => false,
            Self::Full | Self::Debezium => true,
        }
    }

    /// The command that starts it.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Inventory => "cargo dev up --only inventory",
            Self::Full => "cargo dev up",
            Self::Debezium => "cargo dev up --cdc debezium",
        }
    }
}
