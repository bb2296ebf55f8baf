//! Orders as answers show them.

use contracts::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::MySqlConnection;

use crate::{
    error::Error,
    shop::moment,
    tables::{
        items::{self, Item},
        orders::Order,
        refunds::{self, Refund, RefundItem},
        timeline::{self, Step},
    },
};

/// An order with everything.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView {
    #[serde(flatten)]
    summary: SummaryView,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortages: Option<Box<RawValue>>,
    reservation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    items: Vec<ItemView>,
    shipping_address: Box<RawValue>,
    refunds: Vec<RefundView>,
    timeline: Vec<StepView>,
}

/// An order in a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryView {
    order_id: String,
    order_no: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_detail: Option<String>,
    total_amount: i64,
    refunded_amount: i64,
    currency: String,
    item_count: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemView {
    sku_id: String,
    product_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_text: Option<String>,
    quantity: u32,
    unit_price: i64,
    line_amount: i64,
    /// Units of refunds that are under way.
    refunding_quantity: u32,
    refunded_quantity: u32,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundView {
    refund_id: String,
    status: String,
    amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    items: Vec<RefundItemView>,
    requested_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundItemView {
    sku_id: String,
    quantity: u32,
}

#[derive(Debug, Clone, Serialize)]
struct StepView {
    status: String,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl SummaryView {
    pub(crate) fn new(order: &Order) -> Result<Self, Error> {
        Ok(Self {
            order_id: order.order_id.clone(),
            order_no: order.order_no.clone(),
            status: order.status.word(),
            cancel_reason: order.cancel_reason.map(|reason| reason.word()),
            cancel_detail: order.cancel_detail.clone(),
            total_amount: order.total_amount,
            refunded_amount: order.refunded_amount,
            currency: order.currency.clone(),
            item_count: order.line_count,
            created_at: moment(order.created_at_ms)?,
            updated_at: moment(order.updated_at_ms)?,
        })
    }
}

impl OrderView {
    /// Reads what belongs to the order.
    pub(crate) async fn read(
        connection: &mut MySqlConnection,
        order: &Order,
    ) -> Result<Self, Error> {
        let id = &order.order_id;
        let items = items::read(connection, id).await?;
        let steps = timeline::read(connection, id).await?;
        let refunds = refunds::read(connection, id).await?;
        let refund_items = if refunds.is_empty() {
            Vec::new()
        } else {
            refunds::read_items(connection, id).await?
        };
        Self::new(order, &items, steps, refunds, &refund_items)
    }

    pub(crate) fn new(
        order: &Order,
        items: &[Item],
        steps: Vec<Step>,
        refunds: Vec<Refund>,
        refund_items: &[RefundItem],
    ) -> Result<Self, Error> {
        Ok(Self {
            summary: SummaryView::new(order)?,
            user_id: order.user_id.clone(),
            shortages: match &order.shortages {
                None => None,
                Some(text) => Some(raw(text)?),
            },
            reservation_id: order.reservation_id.clone(),
            payment_id: order.payment_id.clone(),
            items: items.iter().map(item).collect(),
            shipping_address: raw(&order.shipping_address)?,
            refunds: refunds
                .into_iter()
                .map(|it| refund(it, refund_items))
                .collect::<Result<_, _>>()?,
            timeline: steps.into_iter().map(step).collect::<Result<_, _>>()?,
        })
    }
}

fn raw(text: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text.to_owned()).map_err(|error| Error::Corrupt(error.to_string()))
}

fn item(item: &Item) -> ItemView {
    ItemView {
        sku_id: item.sku_id.clone(),
        product_id: item.product_id.clone(),
        name: item.name.clone(),
        option_text: item.option_text.clone(),
        quantity: item.quantity,
        unit_price: item.unit_price,
        line_amount: item.unit_price.saturating_mul(i64::from(item.quantity)),
        refunding_quantity: item.asked_quantity.saturating_sub(item.refunded_quantity),
        refunded_quantity: item.refunded_quantity,
    }
}

fn refund(refund: Refund, all: &[RefundItem]) -> Result<RefundView, Error> {
    let items = all.iter().filter(|item| item.refund_id == refund.refund_id);
    Ok(RefundView {
        items: items
            .map(|item| RefundItemView {
                sku_id: item.sku_id.clone(),
                quantity: item.quantity,
            })
            .collect(),
        requested_at: moment(refund.requested_at_ms)?,
        done_at: refund.done_at_ms.map(moment).transpose()?,
        refund_id: refund.refund_id,
        status: refund.status,
        amount: refund.amount,
        reason: refund.reason,
    })
}

fn step(step: Step) -> Result<StepView, Error> {
    Ok(StepView {
        at: moment(step.at_ms)?,
        status: step.status,
        reason: step.reason,
    })
}
