//! Which servers run together.

use serde::{Deserialize, Serialize};

use crate::{
    cli::Part,
    service::{INVENTORY_SERVER, MARIADB, REDIS, SYNC_WORKER, Service},
};

/// What `up` was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stack {
    /// inventory-server alone, on a Redis of its own.
    #[default]
    Inventory,
    /// Everything, on a Redis and a MariaDB that all share.
    Full,
}

impl Stack {
    pub(crate) fn of(only: Option<Part>) -> Self {
        match only {
            Some(Part::Inventory) => Self::Inventory,
            None => Self::Full,
        }
    }

    /// Each after those that it needs.
    pub(crate) fn services(self) -> &'static [&'static Service] {
        match self {
            Self::Inventory => &[&INVENTORY_SERVER],
            Self::Full => &[&REDIS, &MARIADB, &INVENTORY_SERVER, &SYNC_WORKER],
        }
    }

    /// The command that starts it.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Inventory => "cargo dev up --only inventory",
            Self::Full => "cargo dev up",
        }
    }
}
