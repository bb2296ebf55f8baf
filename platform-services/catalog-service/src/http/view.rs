//! How a product is shown.

use std::collections::BTreeMap;

use contracts::{KRW, Timestamp};
use serde::Serialize;

use crate::{
    availability::Units,
    brand::Brand,
    category::Category,
    ids::Id,
    product::{Product, Sku, Status},
    search::list::Listed,
};

/// A product in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    product_id: Id,
    name: String,
    price: i64,
    currency: &'static str,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    sold_out: bool,
    available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
}

impl Summary {
    /// With what is known of its SKUs: `units` of those in `asked`.
    pub(super) fn of(listed: Listed, asked: Option<&[String]>, units: &Units) -> Self {
        Self {
            product_id: listed.id,
            name: listed.name,
            price: listed.price,
            currency: KRW,
            status: listed.status,
            category_id: listed.category,
            brand_id: listed.brand,
            brand_name: listed.brand_name,
            image_url: listed.image_url,
            sold_out: listed.sold_out,
            available: asked.and_then(|skus| available(skus, units)),
            created_at: Timestamp::from_unix_ms(listed.created_at_ms).ok(),
        }
    }
}

/// Whether any of the SKUs is there; unknown where none is known to be, and not all are known.
fn available(skus: &[String], units: &Units) -> Option<bool> {
    let known: Vec<u64> = skus
        .iter()
        .filter_map(|sku| units.get(sku).copied())
        .collect();
    if known.iter().any(|units| *units > 0) {
        Some(true)
    } else if known.len() == skus.len() {
        Some(false)
    } else {
        None
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    value: String,
    additional_price: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    values: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSku {
    sku_id: String,
    options: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_text: Option<String>,
    price: i64,
    currency: &'static str,
    for_sale: bool,
    sold_out: bool,
    available_quantity: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    category_id: Id,
    name: String,
}

/// A product with everything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    product_id: Id,
    name: String,
    description: String,
    price: i64,
    currency: &'static str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_id: Option<Id>,
    category_path: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<Brand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    option_groups: Vec<Group>,
    skus: Vec<ShownSku>,
    sold_out: bool,
    available: Option<bool>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
}

impl Detail {
    pub(super) fn of(
        product: Product,
        path: Vec<Category>,
        brand: Option<Brand>,
        units: &Units,
    ) -> Self {
        let skus = product.skus.iter().map(|sku| shown(&product, sku, units));
        let skus = skus.collect();
        let live = product.skus.iter().filter(|sku| sku.active);
        let live: Vec<String> = live.map(|sku| sku.sku_id.clone()).collect();
        let step = |category: Category| Step {
            category_id: category.category_id,
            name: category.name,
        };
        Self {
            product_id: product.id,
            available: available(&live, units),
            name: product.name,
            description: product.description,
            price: product.price,
            currency: KRW,
            status: product.status,
            category_id: product.category,
            category_path: path.into_iter().map(step).collect(),
            brand,
            image_url: product.image_url,
            option_groups: product
                .groups
                .into_iter()
                .map(|group| Group {
                    name: group.name,
                    values: group
                        .values
                        .into_iter()
                        .map(|value| Value {
                            value: value.value,
                            additional_price: value.additional_price,
                        })
                        .collect(),
                })
                .collect(),
            skus,
            sold_out: product.sold_out,
            version: product.version,
            created_at: Timestamp::from_unix_ms(product.created_at_ms).ok(),
            updated_at: Timestamp::from_unix_ms(product.updated_at_ms).ok(),
        }
    }
}

fn shown(product: &Product, sku: &Sku, units: &Units) -> ShownSku {
    let values: Vec<&str> = sku
        .options(&product.groups)
        .map(|(_, value)| value)
        .collect();
    ShownSku {
        sku_id: sku.sku_id.clone(),
        options: sku
            .options(&product.groups)
            .map(|(group, value)| (group.to_owned(), value.to_owned()))
            .collect(),
        option_text: (!values.is_empty()).then(|| values.join(" / ")),
        price: sku.price,
        currency: KRW,
        for_sale: sku.active && product.status == Status::OnSale,
        sold_out: sku.sold_out,
        available_quantity: units.get(&sku.sku_id).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let skus = ["a".to_owned(), "b".to_owned()];
        let with = |units: &[(&str, u64)]| {
            let units = units.iter().map(|(sku, n)| ((*sku).to_owned(), *n));
            available(&skus, &units.collect())
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("a", 0)]), None);
        assert_eq!(with(&[("a", 1)]), Some(true));
        assert_eq!(with(&[("a", 0), ("b", 0)]), Some(false));
        assert_eq!(with(&[("a", 0), ("b", 2)]), Some(true));
    }
}
