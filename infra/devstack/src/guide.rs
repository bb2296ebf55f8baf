//! What a person can do with the stack that is up.

use crate::{
    addresses::Addresses,
    broker,
    compile::Binaries,
    database,
    failure::Failure,
    launch,
    service::{
        AUTH_SERVICE, CATALOG_SERVICE, CONNECT, INVENTORY_SERVER, KAFKA, MARIADB, ORDER_SERVICE,
        PAYMENT_SERVICE, REDIS, SYNC_WORKER, Service, TOSS_SANDBOX, USER_SERVICE,
    },
    shop::people::{self, ADMIN, CUSTOMER},
    stack::Stack,
    workspace::Workspace,
};

pub(crate) fn text(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<String, Failure> {
    if stack.is_full() {
        return full(workspace, stack, addresses, binaries);
    }
    let url = addresses.url(&INVENTORY_SERVER);
    let name = INVENTORY_SERVER.name;
    Ok(format!(
        "
{name} is ready at {url}
  health   {url}/healthz  {url}/readyz
  docs     {url}/docs
  openapi  {url}/openapi.json
  metrics  {url}/metrics
  log      cargo dev logs {name} -f
  stop     cargo dev down

Try:
  curl -s {url}/api/inventories/1
  curl -s -X POST {url}/api/reservations -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first' -d '{{\"items\":[{{\"skuId\":\"1\",\"quantity\":2}}]}}'
  curl -s -X POST {url}/api/reservations/my-first/confirm"
    ))
}

/// Those that speak HTTP, and what for.
static SERVERS: [(&Service, &str); 8] = [
    (&AUTH_SERVICE, "login, tokens"),
    (&USER_SERVICE, "accounts, addresses"),
    (&CATALOG_SERVICE, "products, search"),
    (&INVENTORY_SERVER, "stock, reservations"),
    (&ORDER_SERVICE, "orders, carts"),
    (&PAYMENT_SERVICE, "payments"),
    (&TOSS_SANDBOX, "the gateway: /sandbox/ledger"),
    (
        &SYNC_WORKER,
        "audit, for admins: /api/inventories/logs?skuId=1",
    ),
];

fn full(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<String, Failure> {
    let servers = SERVERS.map(|(service, what)| {
        let url = addresses.url(service);
        format!("  {:<16}  {url}  {what}\n", service.name)
    });
    Ok(format!(
        "
The shop is ready:
{servers}Each has /healthz, /readyz and /metrics; all but {sandbox} and {worker} have /docs and /openapi.json.
  logs     cargo dev logs NAME -f
  state    cargo dev status
  order    cargo dev demo
  stop     cargo dev down

{stores}
{shopping}",
        servers = servers.concat(),
        sandbox = TOSS_SANDBOX.name,
        worker = SYNC_WORKER.name,
        stores = stores(workspace, stack, addresses, binaries)?,
        shopping = shopping(workspace, addresses),
    ))
}

fn stores(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<String, Failure> {
    let env = launch::write_env_file(workspace, addresses)?;
    let env = workspace.shown(&env);
    let reconcile = workspace.shown(binaries.path("reconcile")?);
    let all = database::root_command(workspace);
    let inventory = database::connect_command(workspace);
    let kafka = addresses.address(&KAFKA);
    let jars = broker::tools(workspace)?.class_path();
    let jars = workspace.shown(&jars);
    let publisher = match stack {
        Stack::Debezium => format!(
            "\nconnect, with Debezium, is at {}",
            addresses.url(&CONNECT)
        ),
        Stack::Inventory | Stack::Full => String::new(),
    };
    Ok(format!(
        "redis is at {redis}, mariadb at {mariadb}, kafka at {kafka}{publisher}
  SQL      {all} shop_order
           {inventory}
  compare  . ./{env} && {reconcile} check   # status shows how far the projection is
  events   java -cp '{jars}' org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server {kafka} --include '(order|payment|inventory|product|user)[.].*' --from-beginning --property print.key=true
",
        redis = addresses.url(&REDIS),
        mariadb = addresses.url(&MARIADB),
    ))
}

const JSON: &str = "-H \"Content-Type: application/json\"";
const BEARER: &str = "-H \"Authorization: Bearer $TOKEN\"";

/// The lines in their order make an account and buy something; a line can be copied as it is.
fn shopping(workspace: &Workspace, addresses: &Addresses) -> String {
    let at = |service: &Service| format!("http://localhost:{}", addresses.port(service));
    let (auth, user, catalog) = (at(&AUTH_SERVICE), at(&USER_SERVICE), at(&CATALOG_SERVICE));
    let (order, payment) = (at(&ORDER_SERVICE), at(&PAYMENT_SERVICE));
    let inventory = at(&INVENTORY_SERVER);
    let token = |login: &str| {
        let (url, field) = (format!("{auth}/api/auth/login"), text_field("accessToken"));
        format!("TOKEN=$(curl -s {url} {JSON} -d {login} | {field})")
    };
    let own = token(r#"'{"email":"test@example.com","password":"password123"}'"#);
    let [admin, customer] = [&ADMIN, &CUSTOMER].map(|person| {
        let file = person.login_file(workspace);
        let login = token(&format!("@{}", workspace.shown(&file)));
        format!("  {login}   # {}", person.email)
    });
    let address = people::address();
    format!(
        r#"Shop by hand, line by line:
  curl -X POST {user}/api/users/register {JSON} -d '{{"email":"test@example.com","password":"password123","name":"테스트"}}'
  {own}
  curl -X POST {user}/api/users/me/addresses {BEARER} {JSON} -d '{address}'
  curl -s -G {catalog}/api/products --data-urlencode keyword=신발
  curl -X POST {order}/api/orders {BEARER} {JSON} -d '{{"items":[{{"skuId":1,"quantity":2}}],"shippingAddressId":1}}'
  ORDER=$(curl -s "{order}/api/orders?limit=1" {BEARER} | {order_id})
  AMOUNT=$(curl -s {order}/api/orders/$ORDER {BEARER} | {amount})
  curl -X POST {payment}/api/payments/confirm {BEARER} {JSON} -d "{{\"orderId\":\"$ORDER\",\"paymentKey\":\"my-$ORDER\",\"amount\":$AMOUNT}}"
  curl -s {order}/api/orders/$ORDER {BEARER}
  curl -s {inventory}/api/inventories/1

Tokens of the others, for 15 minutes; their passwords are in these files, which only you may read:
{customer}
{admin}"#,
        order_id = text_field("orderId"),
        amount = "grep -o '\"totalAmount\":[0-9]*' | cut -d: -f2",
    )
}

/// The first text of this name in JSON, with what every machine has.
fn text_field(name: &str) -> String {
    format!("grep -o '\"{name}\":\"[^\"]*' | head -1 | cut -d'\"' -f4")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::state::State;

    #[test]
    fn the_calls_have_the_ports_of_the_stack_and_no_password_of_ours() {
        let workspace = Workspace::at(Path::new("/checkout"));
        let addresses = Addresses::of(&State::default());
        let text = shopping(&workspace, &addresses);
        for expected in [
            r#"  curl -X POST http://localhost:8081/api/users/register -H "Content-Type: application/json" -d '{"email":"test@example.com","password":"password123","name":"테스트"}'"#,
            r#"  curl -X POST http://localhost:8085/api/orders -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"items":[{"skuId":1,"quantity":2}],"shippingAddressId":1}'"#,
            "-d @.devstack/secrets/admin-login.json",
        ] {
            assert!(
                text.lines().any(|line| line.contains(expected)),
                "{expected} in {text}"
            );
        }
    }
}
