//! What other services are asked. Always before a transaction, never in one.

use contracts::Amount;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::{
    client::{Client, ClientError},
    http::RequestContext,
};

use crate::{error::Error, refusal::Refusal};

/// The services that orders are made of. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    /// catalog-service.
    pub(crate) catalog: Client,
    /// user-service.
    pub(crate) user: Client,
    /// inventory-server.
    pub(crate) inventory: Client,
}

/// A SKU as the catalog sells it now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sku {
    pub(crate) sku_id: String,
    pub(crate) product_id: String,
    pub(crate) name: String,
    pub(crate) option_text: Option<String>,
    pub(crate) price: Amount,
    pub(crate) for_sale: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resolved {
    pub(crate) skus: Vec<Sku>,
    pub(crate) unknown: Vec<String>,
}

/// A hold, as far as an order is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hold {
    pub(crate) status: String,
    pub(crate) items: Vec<HeldLine>,
    pub(crate) order_id: Option<String>,
    pub(crate) customer_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldLine {
    pub(crate) sku_id: String,
    pub(crate) location_id: String,
    pub(crate) quantity: u32,
}

impl Neighbours {
    /// What the catalog says about SKUs, at most 100.
    pub(crate) async fn resolve(
        &self,
        sku_ids: &[&str],
        context: &RequestContext,
    ) -> Result<Resolved, Error> {
        let call = self
            .catalog
            .post("/internal/skus/resolve")
            .json(&json!({"skuIds": sku_ids}))
            .idempotent()
            .context(context);
        call.fetch().await.map_err(away)
    }

    /// An address of a user, as it is now. Both ids can stand in a path.
    pub(crate) async fn address(
        &self,
        user_id: &str,
        address_id: &str,
        context: &RequestContext,
    ) -> Result<Map<String, Value>, Error> {
        let path = format!("/internal/users/{user_id}/addresses/{address_id}");
        match self.user.get(&path).context(context).fetch().await {
            Ok(address) => Ok(address),
            Err(error) if is_not_found(&error) => {
                Err(Refusal::UnknownAddress(address_id.to_owned()).into())
            }
            Err(error) => Err(away(error)),
        }
    }

    /// A hold; `None` when there is none. The id can stand in a path.
    pub(crate) async fn hold(
        &self,
        reservation_id: &str,
        context: &RequestContext,
    ) -> Result<Option<Hold>, Error> {
        let path = format!("/api/reservations/{reservation_id}");
        match self.inventory.get(&path).context(context).fetch().await {
            Ok(hold) => Ok(Some(hold)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(away(error)),
        }
    }
}

fn is_not_found(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { remote, .. } if remote.status == 404)
}

/// Every other failure is one of the shop, not of who asks.
fn away(error: ClientError) -> Error {
    let retry_after_seconds = match &error {
        ClientError::Refused { .. } => {
            tracing::error!(%error, "a neighbour refuses this service");
            None
        }
        ClientError::Unavailable { retry_after, .. } => {
            tracing::warn!(%error, "a neighbour is away");
            retry_after.and_then(|after| u32::try_from(after.as_secs()).ok())
        }
        ClientError::Unknown { .. } => {
            tracing::warn!(%error, "a neighbour does not answer");
            None
        }
    };
    let (ClientError::Refused { neighbour, .. }
    | ClientError::Unavailable { neighbour, .. }
    | ClientError::Unknown { neighbour, .. }) = error;
    Refusal::NeighbourUnavailable {
        neighbour,
        retry_after_seconds,
    }
    .into()
}
