//! What a person can do with the stack that is up.

use crate::{
    addresses::Addresses,
    compile::Binaries,
    database,
    failure::Failure,
    launch,
    service::{INVENTORY_SERVER, MARIADB, REDIS, SYNC_WORKER},
    stack::Stack,
    workspace::Workspace,
};

pub(crate) fn text(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<String, Failure> {
    let url = addresses.url(&INVENTORY_SERVER);
    let more = match stack {
        Stack::Inventory => String::new(),
        Stack::Full => full(workspace, addresses, binaries)?,
    };
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
{more}
Try:
  curl -s {url}/api/inventories/1
  curl -s -X POST {url}/api/reservations -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first' -d '{{\"items\":[{{\"skuId\":\"1\",\"quantity\":2}}]}}'
  curl -s -X POST {url}/api/reservations/my-first/confirm"
    ))
}

fn full(
    workspace: &Workspace,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<String, Failure> {
    let url = addresses.url(&SYNC_WORKER);
    let name = SYNC_WORKER.name;
    let env = launch::write_env_file(workspace, addresses)?;
    let env = workspace.shown(&env);
    let reconcile = workspace.shown(binaries.path("reconcile")?);
    let sql = database::connect_command(workspace);
    Ok(format!(
        "
{name} is ready at {url}
  health   {url}/healthz  {url}/readyz
  metrics  {url}/metrics
  audit    {url}/api/inventories/logs?skuId=1
  log      cargo dev logs {name} -f

redis is at {redis}, mariadb at {mariadb}
  SQL      {sql}
  compare  . ./{env} && {reconcile} check
",
        redis = addresses.url(&REDIS),
        mariadb = addresses.url(&MARIADB),
    ))
}
