//! Stock that is made by inventory-server.

use serde_json::json;

use crate::{place::Place, plan::Plan};

pub(super) fn seed(
    place: &Place,
    plan: &Plan,
    skus: &[String],
    run_id: &str,
) -> Result<(), String> {
    let inventory = place.inventory();
    for sku in skus {
        let mut count = json!({
            "onHandQuantity": plan.units,
            // Created, not counted: nobody else has it.
            "expectedVersion": 0,
            "reason": format!("load {run_id}"),
        });
        if let Some(limit) = plan.max_per_customer {
            count["purchaseLimit"] = json!({"quantity": limit});
        }
        let answer = inventory.put(&format!("/api/inventories/{sku}"), &count)?;
        answer.expect(201, &format!("seeding {sku}"))?;
    }
    Ok(())
}
