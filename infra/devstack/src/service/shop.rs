//! The services of the shop. They call each other when they have to, and live without each other meanwhile.

use super::{INVENTORY_SERVER, KAFKA, Kind, MARIADB, Program, READY_PATH, REDIS, Service, Value};

/// The keys that verify tokens, at auth-service.
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// Between payment-service and the sandbox, as between a shop and its gateway.
const TOSS_SECRET_KEY: &str = "toss-secret-key";

/// Login and tokens.
pub(crate) static AUTH_SERVICE: Service = Service {
    name: "auth-service",
    base_port: 8089,
    kind: Kind::Built(Program {
        package: "auth-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--redis-url", Value::Url(&REDIS)),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--user-url", Value::Neighbour(&USER_SERVICE, "")),
            ("--keys-dir", Value::Path("auth-keys")),
        ],
        env: &[
            ("AUTH_DATABASE_URL", Value::Database("shop_auth")),
            ("AUTH_CLIENTS", Value::ClientSecrets),
        ],
        ready_path: READY_PATH,
    }),
    needs: &[&REDIS, &MARIADB, &KAFKA],
};

/// Accounts and addresses.
pub(crate) static USER_SERVICE: Service = Service {
    name: "user-service",
    base_port: 8081,
    kind: Kind::Built(Program {
        package: "user-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--publish", Value::Publish),
            ("--connect-url", Value::Connect),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
        ],
        env: &[("USER_DATABASE_URL", Value::Database("shop_user"))],
        ready_path: READY_PATH,
    }),
    needs: &[&MARIADB, &KAFKA],
};

/// Products, categories, brands.
pub(crate) static CATALOG_SERVICE: Service = Service {
    name: "catalog-service",
    base_port: 8084,
    kind: Kind::Built(Program {
        package: "catalog-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--publish", Value::Publish),
            ("--connect-url", Value::Connect),
            ("--inventory-url", Value::Neighbour(&INVENTORY_SERVER, "")),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
        ],
        env: &[("CATALOG_DATABASE_URL", Value::Database("shop_catalog"))],
        ready_path: READY_PATH,
    }),
    needs: &[&MARIADB, &KAFKA],
};

/// Orders and carts.
pub(crate) static ORDER_SERVICE: Service = Service {
    name: "order-service",
    base_port: 8085,
    kind: Kind::Built(Program {
        package: "order-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--publish", Value::Publish),
            ("--connect-url", Value::Connect),
            ("--catalog-url", Value::Neighbour(&CATALOG_SERVICE, "")),
            ("--user-url", Value::Neighbour(&USER_SERVICE, "")),
            ("--inventory-url", Value::Neighbour(&INVENTORY_SERVER, "")),
            ("--auth-url", Value::Neighbour(&AUTH_SERVICE, "")),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
        ],
        env: &[
            ("ORDER_DATABASE_URL", Value::Database("shop_order")),
            ("ORDER_CLIENT_SECRET", Value::ClientSecret),
        ],
        ready_path: READY_PATH,
    }),
    needs: &[&MARIADB, &KAFKA],
};

/// Payments.
pub(crate) static PAYMENT_SERVICE: Service = Service {
    name: "payment-service",
    base_port: 8087,
    kind: Kind::Built(Program {
        package: "payment-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--publish", Value::Publish),
            ("--connect-url", Value::Connect),
            ("--toss-url", Value::Neighbour(&TOSS_SANDBOX, "")),
            ("--inventory-url", Value::Neighbour(&INVENTORY_SERVER, "")),
            ("--auth-url", Value::Neighbour(&AUTH_SERVICE, "")),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
        ],
        env: &[
            ("PAYMENT_DATABASE_URL", Value::Database("shop_payment")),
            ("PAYMENT_CLIENT_SECRET", Value::ClientSecret),
            ("PAYMENT_TOSS_SECRET_KEY", Value::Secret(TOSS_SECRET_KEY)),
        ],
        ready_path: READY_PATH,
    }),
    needs: &[&MARIADB, &KAFKA],
};

/// The gateway that payment-service talks to; no money moves.
pub(crate) static TOSS_SANDBOX: Service = Service {
    name: "toss-sandbox",
    base_port: 8091,
    kind: Kind::Built(Program {
        package: "payment-service",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--state", Value::Path("toss-sandbox.json")),
            (
                "--webhook-url",
                Value::Neighbour(&PAYMENT_SERVICE, "/api/payments/webhook"),
            ),
        ],
        env: &[("SANDBOX_SECRET_KEY", Value::Secret(TOSS_SECRET_KEY))],
        ready_path: READY_PATH,
    }),
    needs: &[],
};
