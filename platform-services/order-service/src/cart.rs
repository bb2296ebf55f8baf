//! Carts: SKUs and quantities, one cart for each user. Prices are the catalog's of the moment.

use serde::Serialize;
use service_kit::{clock, db, http::RequestContext};

use crate::{
    domain::Line,
    error::Error,
    limits::{LINE_QUANTITY_MAX, ORDER_LINES_MAX, TRANSACTION_TRIES},
    neighbours::Resolved,
    refusal::Refusal,
    shop::Shop,
    tables::carts,
};

/// A cart as answers show it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CartView {
    items: Vec<CartItemView>,
    /// `null` while the catalog does not answer, or sells one of the items no more.
    total_amount: Option<i64>,
    currency: &'static str,
}

/// Everything but SKU and quantity is `null` while the catalog does not answer, or does not know
/// the SKU any more.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct CartItemView {
    sku_id: String,
    quantity: u32,
    name: Option<String>,
    option_text: Option<String>,
    unit_price: Option<i64>,
    line_amount: Option<i64>,
    for_sale: Option<bool>,
}

/// How a line of a cart is changed.
#[derive(Debug, Clone, Copy)]
enum Change {
    Add(u32),
    Set(u32),
    Remove,
    Clear,
}

impl Shop {
    pub(crate) async fn cart(
        &self,
        user_id: &str,
        context: &RequestContext,
    ) -> Result<CartView, Error> {
        let lines = carts::read(&mut *self.pool.acquire().await?, user_id).await?;
        let sku_ids: Vec<&str> = lines.iter().map(|line| line.sku_id.as_str()).collect();
        let resolved = if sku_ids.is_empty() {
            None
        } else {
            self.neighbours.resolve(&sku_ids, context).await.ok()
        };
        Ok(view(lines, resolved))
    }

    /// Adds units of a SKU that the catalog sells.
    pub(crate) async fn add_to_cart(
        &self,
        user_id: &str,
        line: Line,
        context: &RequestContext,
    ) -> Result<(), Error> {
        let resolved = self.neighbours.resolve(&[&line.sku_id], context).await?;
        match resolved.skus.iter().find(|sku| sku.sku_id == line.sku_id) {
            None => return Err(Refusal::UnknownSku(vec![line.sku_id]).into()),
            Some(sku) if !sku.for_sale => {
                return Err(Refusal::SkuNotForSale(vec![line.sku_id]).into());
            }
            Some(_) => {}
        }
        self.change_cart(user_id, &line.sku_id, Change::Add(line.quantity))
            .await
    }

    /// Sets how many of a SKU that is in it.
    pub(crate) async fn set_in_cart(&self, user_id: &str, line: &Line) -> Result<(), Error> {
        self.change_cart(user_id, &line.sku_id, Change::Set(line.quantity))
            .await
    }

    pub(crate) async fn remove_from_cart(&self, user_id: &str, sku_id: &str) -> Result<(), Error> {
        self.change_cart(user_id, sku_id, Change::Remove).await
    }

    pub(crate) async fn clear_cart(&self, user_id: &str) -> Result<(), Error> {
        self.change_cart(user_id, "", Change::Clear).await
    }

    async fn change_cart(&self, user_id: &str, sku_id: &str, change: Change) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.change_cart_once(user_id, sku_id, change).await {
                Err(error) if error.is_contention() && tries < TRANSACTION_TRIES => {}
                settled => return settled,
            }
        }
    }

    async fn change_cart_once(
        &self,
        user_id: &str,
        sku_id: &str,
        change: Change,
    ) -> Result<(), Error> {
        let mut transaction = db::begin(&self.pool).await?;
        carts::lock(&mut transaction, user_id, clock::unix_ms()).await?;
        let lines = carts::read(&mut transaction, user_id).await?;
        let known = lines.iter().find(|line| line.sku_id == sku_id);
        let missing = || Error::from(Refusal::CartItemNotFound(sku_id.to_owned()));
        let quantity = match (change, known) {
            (Change::Add(_), None) if lines.len() >= ORDER_LINES_MAX => {
                return Err(Error::field(
                    "skuId",
                    format_args!("a cart has at most {ORDER_LINES_MAX} items; take one out first"),
                ));
            }
            (Change::Add(more), None) => Some(more),
            (Change::Add(more), Some(line)) => {
                let sum = line.quantity.saturating_add(more);
                if sum > LINE_QUANTITY_MAX {
                    return Err(Error::field(
                        "quantity",
                        format_args!("would make {sum} in the cart; at most {LINE_QUANTITY_MAX}"),
                    ));
                }
                Some(sum)
            }
            (Change::Set(quantity), Some(_)) => Some(quantity),
            (Change::Set(_) | Change::Remove, None) => return Err(missing()),
            (Change::Remove, Some(_)) | (Change::Clear, _) => None,
        };
        match quantity {
            Some(quantity) => {
                let line = Line {
                    sku_id: sku_id.to_owned(),
                    quantity,
                };
                carts::put(&mut transaction, user_id, &line).await?;
            }
            None if matches!(change, Change::Clear) => {
                carts::clear(&mut transaction, user_id).await?;
            }
            None => {
                carts::remove(&mut transaction, user_id, sku_id).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}

fn view(lines: Vec<Line>, resolved: Option<Resolved>) -> CartView {
    let skus = resolved.map(|resolved| resolved.skus).unwrap_or_default();
    let items: Vec<CartItemView> = lines
        .into_iter()
        .map(|line| {
            let sku = skus.iter().find(|sku| sku.sku_id == line.sku_id);
            CartItemView {
                name: sku.map(|sku| sku.name.clone()),
                option_text: sku.and_then(|sku| sku.option_text.clone()),
                unit_price: sku.map(|sku| sku.price),
                line_amount: sku.map(|sku| sku.price.saturating_mul(i64::from(line.quantity))),
                for_sale: sku.map(|sku| sku.for_sale),
                sku_id: line.sku_id,
                quantity: line.quantity,
            }
        })
        .collect();
    let sellable = items.iter().all(|item| item.for_sale == Some(true));
    CartView {
        total_amount: sellable.then(|| {
            let amounts = items.iter().filter_map(|item| item.line_amount);
            amounts.fold(0, i64::saturating_add)
        }),
        items,
        currency: contracts::KRW,
    }
}
