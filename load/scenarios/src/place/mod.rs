//! Where a run takes place: a private stack that ends with it, or one that runs already.

mod given;
mod private;

use std::collections::BTreeMap;

use crate::{
    cli::RunOptions,
    http::Api,
    plan::{Needs, Plan},
    say,
};

pub(crate) use private::Private;

/// Addresses of all that a run talks to.
#[derive(Debug, Default)]
pub struct Place {
    /// What it is, for people.
    pub about: String,
    /// The services, by the name of the variable that tells the script.
    pub urls: BTreeMap<&'static str, String>,
    /// For inventory-server; empty where it wants none.
    pub token: String,
    /// Redis of the engine.
    pub redis_url: Option<String>,
    /// Database of the projection.
    pub database_url: Option<String>,
    /// Kafka.
    pub kafka_brokers: Option<String>,
    /// Ops port of sync-worker.
    pub worker_url: Option<String>,
    /// Process of inventory-server, if it runs here.
    pub server_pid: Option<u32>,
    /// Process of sync-worker, if it runs here.
    pub worker_pid: Option<u32>,
    /// The version of its Kafka, where it is known.
    pub kafka_version: Option<&'static str>,
    /// Servers that were started for this run, and end with it.
    pub(crate) _private: Option<Private>,
}

pub(crate) const INVENTORY_URL: &str = "INVENTORY_URL";
pub(crate) const CATALOG_URL: &str = "CATALOG_URL";

impl Place {
    /// Takes what the options name, or starts what is needed.
    ///
    /// # Errors
    /// What does not start or answer.
    pub fn find(options: &RunOptions, plan: &Plan) -> Result<Self, String> {
        let place = match (&options.there.base_url, plan.needs) {
            (Some(base_url), _) => given::place(&options.there, base_url)?,
            (None, Needs::Inventory) => {
                say("starting a private Redis, MariaDB, Kafka, inventory-server and sync-worker");
                private::place(options.durability)?
            }
            (None, Needs::Shop) => {
                return Err(
                    "this scenario needs the whole shop: run it by `cargo dev load`, which starts it, or name one \
                     that runs by --base-url, --auth-url, … and --admin-login"
                        .to_owned(),
                );
            }
        };
        let ready = place.inventory().get("/readyz")?;
        ready.expect(
            200,
            &format!("inventory-server of {} is not ready", place.about),
        )?;
        Ok(place)
    }

    /// inventory-server.
    pub(crate) fn inventory(&self) -> Api {
        self.service(INVENTORY_URL)
    }

    /// The service whose address the script is told by this variable.
    pub(crate) fn service(&self, variable: &str) -> Api {
        Api::new(
            self.urls.get(variable).map_or("", String::as_str),
            &self.token,
        )
    }

    /// Says what cannot be asked here.
    #[must_use]
    pub fn unknown_stores(&self) -> Vec<String> {
        let stores = [
            (&self.redis_url, "the journal in Redis", "--redis-url"),
            (&self.database_url, "MariaDB", "--database-url"),
            (&self.kafka_brokers, "Kafka", "--kafka-brokers"),
        ];
        let absent = stores.into_iter().filter(|(url, ..)| url.is_none());
        absent
            .map(|(_, store, flag)| format!("{store} was not asked: {flag} names it"))
            .collect()
    }
}
