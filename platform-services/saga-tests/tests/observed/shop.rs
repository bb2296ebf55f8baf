//! The shop, with a collector, and with logs of JSON that say everything.

use std::sync::LazyLock;

use crate::{
    collector::Collector,
    support::{self, Shop, stack::VARIABLES},
};

static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::start);

const PREFIXES: [&str; 7] = [
    "AUTH",
    "CATALOG",
    "INVENTORY",
    "ORDER",
    "PAYMENT",
    "SYNC",
    "USER",
];

/// Everything that our own code says.
const LEVELS: &str = "info,auth_service=debug,catalog_service=debug,inventory_core=debug,\
    inventory_server=debug,order_service=debug,payment_service=debug,service_kit=debug,\
    sync_worker=debug,user_service=debug";

/// The shop of this suite; tests look at what they did themselves.
pub(crate) fn observed() -> (&'static Shop, &'static Collector) {
    VARIABLES.get_or_init(|| {
        let name = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let logs = PREFIXES.iter().flat_map(|prefix| {
            [
                (format!("{prefix}_LOG"), "json".to_owned()),
                (format!("{prefix}_LOG_LEVEL"), LEVELS.to_owned()),
            ]
        });
        let spans = [
            name("OTEL_EXPORTER_OTLP_ENDPOINT", &COLLECTOR.url),
            name("OTEL_SERVICE_NAME", "SERVICE"),
            name("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        logs.chain(spans).collect()
    });
    // Nobody harms a process here, so nobody waits for anybody.
    let (shop, _visit) = support::shop();
    (shop, &COLLECTOR)
}
