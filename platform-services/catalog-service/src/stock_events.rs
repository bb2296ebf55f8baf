//! Notes which SKUs are sold out, as the inventory tells: for lists and filters, never for the
//! decision whether something may be sold.

use contracts::{
    EventType,
    inventory::{Depleted, Restored},
};
use service_kit::consumer::{Event, Handler, HandlerError, Outcome};
use sqlx::{MySql, Transaction};

use crate::{ids::Id, product::refresh_sold_out};

/// Where what is sold here lies.
const LOCATION: &str = "default";

/// Handles `inventory.depleted` and `inventory.restored`.
#[derive(Debug)]
pub(crate) struct StockEvents;

impl StockEvents {
    pub(crate) const TYPES: [EventType; 2] =
        [EventType::InventoryDepleted, EventType::InventoryRestored];
}

impl Handler for StockEvents {
    fn name(&self) -> &str {
        "catalog"
    }

    async fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Result<Outcome, HandlerError> {
        let (sku_id, location_id, version, sold_out) =
            if event.event_type() == EventType::InventoryDepleted {
                let it = event.decode::<Depleted>()?.data;
                (it.sku_id, it.location_id, it.version, true)
            } else if event.event_type() == EventType::InventoryRestored {
                let it = event.decode::<Restored>()?.data;
                (it.sku_id, it.location_id, it.version, false)
            } else {
                return Ok(Outcome::Skipped("not for catalog"));
            };
        if location_id != LOCATION {
            return Ok(Outcome::Skipped("another location"));
        }
        let product: Option<u64> =
            sqlx::query_scalar("SELECT product_id FROM sku WHERE sku_id = ?")
                .bind(&sku_id)
                .fetch_optional(&mut **transaction)
                .await?;
        let Some(product) = product else {
            return Ok(Outcome::Skipped("unknown sku"));
        };
        // The product before its SKUs, as everybody.
        sqlx::query("SELECT 1 FROM product WHERE product_id = ? FOR UPDATE")
            .bind(product)
            .fetch_one(&mut **transaction)
            .await?;
        let newer = sqlx::query(
            "UPDATE sku SET sold_out = ?, stock_version = ? WHERE sku_id = ? AND stock_version < ?",
        )
        .bind(sold_out)
        .bind(version)
        .bind(&sku_id)
        .bind(version)
        .execute(&mut **transaction)
        .await?;
        if newer.rows_affected() == 0 {
            return Ok(Outcome::Skipped("older than what is known"));
        }
        refresh_sold_out(transaction, Id(product)).await?;
        Ok(Outcome::Done)
    }
}
