//! Placing an order: neighbours are asked first, then one transaction writes everything.

use contracts::KRW;
use serde_json::{Value, json};
use service_kit::{clock, db, http::RequestContext, ids, telemetry};

use crate::{
    domain::{Line, Status, order_no, total},
    error::Error,
    limits::TRANSACTION_TRIES,
    neighbours::{Hold, Resolved},
    refusal::Refusal,
    saga::Cause,
    shop::{Asker, Outcome, Shop, moment, take_key},
    tables::{
        carts,
        idempotency::Key,
        items::{self, Item},
        orders::{self, Order},
        timeline::{self, Step},
    },
    view::OrderView,
};

/// Longest snapshot of a name or an option, in characters.
const NAME_LEN_MAX: usize = 500;

/// Where sync-worker holds the units of orders.
const LOCATION: &str = "default";

/// What is to be ordered, checked as far as the request itself goes.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Each SKU once.
    pub(crate) lines: Vec<Line>,
    pub(crate) address_id: String,
    /// A hold that the customer has.
    pub(crate) reservation_id: Option<String>,
}

impl Wanted {
    /// What must be the same when an `Idempotency-Key` is used again; the order of the lines need
    /// not.
    pub(crate) fn request(&self) -> Value {
        let mut lines: Vec<(&str, u32)> = self
            .lines
            .iter()
            .map(|line| (line.sku_id.as_str(), line.quantity))
            .collect();
        lines.sort_unstable();
        json!(["place", lines, self.address_id, self.reservation_id])
    }
}

/// An order that only needs an id, a number and a moment.
struct Draft {
    lines: Vec<Line>,
    items: Vec<Item>,
    total_amount: i64,
    shipping_address: String,
    reservation_id: Option<String>,
    from_cart: bool,
}

enum Written {
    Done(Box<OrderView>),
    KeyTaken,
    /// It is not what was priced.
    CartChanged,
}

impl Shop {
    /// Places an order of what is wanted.
    pub(crate) async fn place(
        &self,
        asker: &Asker,
        wanted: Wanted,
        key: Option<Key>,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        if let Some(replayed) = self.replay(asker, key.as_ref()).await? {
            return Ok(replayed);
        }
        let draft = self.draft(asker, wanted, false, context).await?;
        match self.write(asker, &draft, key.as_ref(), context).await? {
            Written::Done(order) => Ok(placed(*order)),
            Written::KeyTaken => self.replay_taken(asker, key.as_ref()).await,
            Written::CartChanged => Err(Refusal::CartChanged.into()),
        }
    }

    /// Places an order of what is in the cart, and empties it in the same transaction.
    pub(crate) async fn checkout(
        &self,
        asker: &Asker,
        address_id: String,
        reservation_id: Option<String>,
        key: Option<Key>,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        for _ in 0..TRANSACTION_TRIES {
            if let Some(replayed) = self.replay(asker, key.as_ref()).await? {
                return Ok(replayed);
            }
            let lines = carts::read(&mut *self.pool.acquire().await?, &asker.user_id).await?;
            if lines.is_empty() {
                return Err(Refusal::CartEmpty.into());
            }
            let wanted = Wanted {
                lines,
                address_id: address_id.clone(),
                reservation_id: reservation_id.clone(),
            };
            let draft = self.draft(asker, wanted, true, context).await?;
            match self.write(asker, &draft, key.as_ref(), context).await? {
                Written::Done(order) => return Ok(placed(*order)),
                Written::KeyTaken => return self.replay_taken(asker, key.as_ref()).await,
                // Somebody changed it meanwhile: priced again.
                Written::CartChanged => {}
            }
        }
        Err(Refusal::CartChanged.into())
    }

    async fn replay_taken(&self, asker: &Asker, key: Option<&Key>) -> Result<Outcome, Error> {
        self.replay(asker, key)
            .await?
            .ok_or_else(|| Error::Corrupt("a key that is taken stands for nothing".to_owned()))
    }

    async fn draft(
        &self,
        asker: &Asker,
        wanted: Wanted,
        from_cart: bool,
        context: &RequestContext,
    ) -> Result<Draft, Error> {
        let sku_ids: Vec<&str> = wanted.lines.iter().map(|it| it.sku_id.as_str()).collect();
        let hold = async {
            match &wanted.reservation_id {
                None => Ok(None),
                Some(id) => self.neighbours.hold(id, context).await.map(Some),
            }
        };
        let (resolved, address, hold) = tokio::join!(
            self.neighbours.resolve(&sku_ids, context),
            self.neighbours
                .address(&asker.user_id, &wanted.address_id, context),
            hold,
        );
        let items = priced(&wanted.lines, resolved?)?;
        let mut address = address?;
        // Which address is the default says nothing about this order.
        address.remove("isDefault");
        if let Some(hold) = hold? {
            fits(hold.as_ref(), &asker.user_id, &wanted.lines)
                .map_err(|why| Refusal::ReservationMismatch(why.to_owned()))?;
        }
        let total_amount = total(items.iter().map(|item| (item.quantity, item.unit_price)))
            .ok_or(Refusal::TotalOutOfRange)?;
        Ok(Draft {
            items,
            total_amount,
            shipping_address: Value::Object(address).to_string(),
            lines: wanted.lines,
            reservation_id: wanted.reservation_id,
            from_cart,
        })
    }

    async fn write(
        &self,
        asker: &Asker,
        draft: &Draft,
        key: Option<&Key>,
        context: &RequestContext,
    ) -> Result<Written, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let cause = Cause::request(context);
            let now_ms = clock::unix_ms();
            let order = self.new_order(asker, draft, now_ms)?;
            telemetry::correlate(&order.order_id);
            let error = match self.write_once(&order, draft, key, &cause).await {
                Ok(written) => {
                    self.relay.wake();
                    return Ok(written);
                }
                Err(error) => error,
            };
            let constraint = match &error {
                Error::Sql(error) => db::constraint(error),
                Error::Refused(_) | Error::Invalid(_) | Error::Outbox(_) | Error::Corrupt(_) => {
                    None
                }
            };
            if constraint == Some("orders_reservation") {
                return Err(Refusal::ReservationMismatch(
                    "another order has used this reservation".to_owned(),
                )
                .into());
            }
            let again = error.is_contention() || constraint == Some("orders_order_no");
            if !again || tries >= TRANSACTION_TRIES {
                return Err(error);
            }
        }
    }

    fn new_order(&self, asker: &Asker, draft: &Draft, now_ms: i64) -> Result<Order, Error> {
        let order_id = ids::uuid();
        let check_at_ms = now_ms.saturating_add(self.saga.deadlines.placed_ms);
        let own_hold = draft.reservation_id.clone();
        Ok(Order {
            order_no: order_no(moment(now_ms)?, ids::random()),
            user_id: asker.user_id.clone(),
            status: Status::Placed,
            cancel_reason: None,
            cancel_detail: None,
            shortages: None,
            own_hold: own_hold.is_some(),
            reservation_id: own_hold.unwrap_or_else(|| format!("order-{order_id}")),
            sold_early: false,
            payment_id: None,
            total_amount: draft.total_amount,
            refunded_amount: 0,
            currency: KRW.to_owned(),
            line_count: u32::try_from(draft.items.len())
                .map_err(|error| Error::Corrupt(error.to_string()))?,
            units: draft.items.iter().map(|it| u64::from(it.quantity)).sum(),
            units_refunded: 0,
            shipping_address: draft.shipping_address.clone(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            check_at_ms: Some(check_at_ms),
            step_at_ms: now_ms,
            redrives: 0,
            order_id,
        })
    }

    async fn write_once(
        &self,
        order: &Order,
        draft: &Draft,
        key: Option<&Key>,
        cause: &Cause,
    ) -> Result<Written, Error> {
        let mut transaction = db::begin(&self.pool).await?;
        let (id, now_ms) = (&order.order_id, order.created_at_ms);
        if !take_key(&mut transaction, key, id, now_ms).await? {
            return Ok(Written::KeyTaken);
        }
        if draft.from_cart {
            carts::lock(&mut transaction, &order.user_id, now_ms).await?;
            if carts::read(&mut transaction, &order.user_id).await? != draft.lines {
                return Ok(Written::CartChanged);
            }
            carts::clear(&mut transaction, &order.user_id).await?;
        }
        orders::insert(&mut transaction, order).await?;
        items::insert(&mut transaction, id, &draft.items).await?;
        timeline::insert(&mut transaction, id, order.status, None, now_ms, &cause.id).await?;
        self.saga
            .emitter
            .placed(&mut transaction, order, &draft.items, cause, now_ms)
            .await?;
        transaction.commit().await?;
        self.saga.metrics.moved(order, now_ms);
        let step = Step {
            status: order.status.word().to_owned(),
            reason: None,
            at_ms: now_ms,
        };
        let view = OrderView::new(order, &draft.items, vec![step], Vec::new(), &[])?;
        Ok(Written::Done(Box::new(view)))
    }
}

const fn placed(order: OrderView) -> Outcome {
    Outcome {
        order,
        replayed: false,
    }
}

/// The lines with the catalog's names and prices.
fn priced(lines: &[Line], resolved: Resolved) -> Result<Vec<Item>, Error> {
    if !resolved.unknown.is_empty() {
        return Err(Refusal::UnknownSku(resolved.unknown).into());
    }
    let missing = |line: &&Line| !resolved.skus.iter().any(|sku| sku.sku_id == line.sku_id);
    let missing: Vec<String> = lines
        .iter()
        .filter(missing)
        .map(|it| it.sku_id.clone())
        .collect();
    if !missing.is_empty() {
        return Err(Refusal::UnknownSku(missing).into());
    }
    let not_for_sale: Vec<String> = resolved
        .skus
        .iter()
        .filter(|sku| !sku.for_sale)
        .map(|sku| sku.sku_id.clone())
        .collect();
    if !not_for_sale.is_empty() {
        return Err(Refusal::SkuNotForSale(not_for_sale).into());
    }
    let items = lines.iter().zip(1..).filter_map(|(line, line_no)| {
        let sku = resolved.skus.iter().find(|sku| sku.sku_id == line.sku_id)?;
        Some(Item {
            line_no,
            sku_id: line.sku_id.clone(),
            product_id: cut(&sku.product_id),
            name: cut(&sku.name),
            option_text: sku.option_text.as_deref().map(cut),
            quantity: line.quantity,
            unit_price: sku.price,
            asked_quantity: 0,
            refunded_quantity: 0,
        })
    });
    Ok(items.collect())
}

fn cut(text: &str) -> String {
    text.chars().take(NAME_LEN_MAX).collect()
}

/// Whether a hold can be that of an order of these lines.
fn fits(hold: Option<&Hold>, user_id: &str, lines: &[Line]) -> Result<(), &'static str> {
    // One of somebody else is none. One of nobody belongs to the first order that names it, as the
    // engine has it.
    let hold = hold
        .filter(|hold| {
            hold.customer_id
                .as_deref()
                .is_none_or(|owner| owner == user_id)
        })
        .ok_or("there is no such reservation of yours")?;
    if hold.order_id.is_some() {
        return Err("the reservation belongs to an order already");
    }
    if hold.status != "RESERVED" {
        return Err("the reservation is not open any more");
    }
    let mut held: Vec<(&str, u32)> = Vec::with_capacity(hold.items.len());
    for line in &hold.items {
        if line.location_id != LOCATION {
            return Err(
                "the reservation holds units at another location than orders are sent from",
            );
        }
        held.push((&line.sku_id, line.quantity));
    }
    let mut wanted: Vec<(&str, u32)> = lines
        .iter()
        .map(|line| (line.sku_id.as_str(), line.quantity))
        .collect();
    held.sort_unstable();
    wanted.sort_unstable();
    if held == wanted {
        Ok(())
    } else {
        Err("the reservation holds other items than are ordered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neighbours::HeldLine;

    fn hold() -> Hold {
        Hold {
            status: "RESERVED".to_owned(),
            items: vec![HeldLine {
                sku_id: "a".to_owned(),
                location_id: LOCATION.to_owned(),
                quantity: 2,
            }],
            order_id: None,
            customer_id: Some("u-1".to_owned()),
        }
    }

    fn lines(quantity: u32) -> Vec<Line> {
        vec![Line {
            sku_id: "a".to_owned(),
            quantity,
        }]
    }

    #[test]
    fn a_hold_fits_its_owners_order_of_the_same_items() {
        let fine = hold();
        assert_eq!(fits(Some(&fine), "u-1", &lines(2)), Ok(()));
        let nobodys = Hold {
            customer_id: None,
            ..hold()
        };
        assert_eq!(fits(Some(&nobodys), "u-1", &lines(2)), Ok(()));
    }

    #[test]
    fn any_other_does_not() {
        fits(None, "u-1", &lines(2)).expect_err("none");
        fits(Some(&hold()), "u-2", &lines(2)).expect_err("somebody else's");
        fits(Some(&hold()), "u-1", &lines(1)).expect_err("other items");
        let mut other = hold();
        other.items[0].location_id = "store-7".to_owned();
        fits(Some(&other), "u-1", &lines(2)).expect_err("another location");
        let expired = Hold {
            status: "EXPIRED".to_owned(),
            ..hold()
        };
        fits(Some(&expired), "u-1", &lines(2)).expect_err("not open");
        let bound = Hold {
            order_id: Some("o-1".to_owned()),
            ..hold()
        };
        fits(Some(&bound), "u-1", &lines(2)).expect_err("another order's");
    }
}
