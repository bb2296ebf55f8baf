//! The stock of a run: SKUs that nobody has seen before.

mod catalog;
mod inventory;

use crate::{
    place::Place,
    plan::{Needs, Plan},
};

/// What a run sells.
#[derive(Debug)]
pub(crate) struct Goods {
    /// In order; the first is the hot one, where there is a hot one.
    pub(crate) skus: Vec<String>,
    /// What all of them begin with, and no other.
    pub(crate) prefix: String,
}

/// Makes the SKUs, with their units.
pub(crate) fn seed(place: &Place, plan: &Plan, run_id: &str) -> Result<Goods, String> {
    let prefix = format!("load-{run_id}-");
    let skus: Vec<String> = (1..=plan.skus)
        .map(|number| format!("{prefix}{number}"))
        .collect();
    match plan.needs {
        _ if skus.is_empty() => {}
        Needs::Inventory => inventory::seed(place, plan, &skus, run_id)?,
        Needs::Shop => catalog::seed(place, plan, &skus, run_id)?,
    }
    Ok(Goods { skus, prefix })
}
