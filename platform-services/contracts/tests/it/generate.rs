//! Every event that a producer may write.

use contracts::{Amount, Envelope, EventData, Timestamp, catalog, inventory, order, payment, user};
use proptest::{collection::vec, option, prelude::*};

const STOCK_MAX: u64 = (1 << 53) - 1;

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._:-]{1,64}"
}

fn order_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._:-]{1,58}"
}

fn reservation_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._:-]{1,80}"
}

fn location() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._-]{1,64}"
}

/// Free text, control characters and all.
fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

/// Free text that says something.
fn words() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("not empty", |text| !text.is_empty())
}

fn currency() -> impl Strategy<Value = String> {
    "[A-Z]{3}"
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![0..1_000_000_i64, 0..=i64::MAX]
}

fn quantity() -> impl Strategy<Value = i64> {
    1..=1_000_000_i64
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN_MS..=Timestamp::MAX_MS)
        .prop_map(|ms| Timestamp::from_unix_ms(ms).expect("in range"))
}

fn lines(at_least: usize) -> impl Strategy<Value = Vec<inventory::Line>> {
    let line = (id(), location(), 1..=1_000_000_u32);
    let line = line.prop_map(|(sku_id, location_id, quantity)| inventory::Line {
        sku_id,
        location_id,
        quantity,
    });
    vec(line, at_least..4)
}

fn items() -> impl Strategy<Value = Vec<order::Item>> {
    let item = (id(), quantity()).prop_map(|(sku_id, quantity)| order::Item { sku_id, quantity });
    vec(item, 1..4)
}

/// An event around `data`, with every attribute it may have.
pub(crate) fn event<T: EventData + std::fmt::Debug>(
    data: impl Strategy<Value = T>,
) -> impl Strategy<Value = Envelope<T>> {
    let ids = (
        option::of(words()),
        option::of(words()),
        option::of(words()),
    );
    ("[!-~]{1,255}", moment(), ids, data).prop_map(|(id, time, ids, data)| Envelope {
        correlation_id: ids.0,
        causation_id: ids.1,
        traceparent: ids.2,
        ..Envelope::new(id, time, data)
    })
}

prop_compose! {
    pub(crate) fn reserved()(
        reservation_id in reservation_id(),
        order_id in option::of(order_id()),
        customer_id in option::of(id()),
        items in lines(1),
        expires_at in moment(),
    ) -> inventory::Reserved {
        inventory::Reserved { reservation_id, order_id, customer_id, items, expires_at }
    }
}

prop_compose! {
    fn shortage()(
        sku_id in id(),
        location_id in location(),
        requested in 1..=STOCK_MAX,
        available in 0..=STOCK_MAX,
    ) -> inventory::Shortage {
        inventory::Shortage { sku_id, location_id, requested, available }
    }
}

prop_compose! {
    pub(crate) fn reservation_failed()(
        order_id in words(),
        reason in words(),
        shortages in vec(shortage(), 0..4),
    ) -> inventory::ReservationFailed {
        inventory::ReservationFailed { order_id, reason, shortages }
    }
}

prop_compose! {
    pub(crate) fn confirmed()(
        reservation_id in reservation_id(),
        order_id in option::of(order_id()),
        items in lines(1),
    ) -> inventory::Confirmed {
        inventory::Confirmed { reservation_id, order_id, items }
    }
}

prop_compose! {
    pub(crate) fn confirm_failed()(
        reservation_id in words(),
        order_id in option::of(words()),
        items in lines(0),
        reason in words(),
    ) -> inventory::ConfirmFailed {
        inventory::ConfirmFailed { reservation_id, order_id, items, reason }
    }
}

prop_compose! {
    pub(crate) fn released()(
        reservation_id in reservation_id(),
        order_id in option::of(order_id()),
        items in lines(0),
        reason in option::of(text()),
    ) -> inventory::Released {
        inventory::Released { reservation_id, order_id, items, reason }
    }
}

prop_compose! {
    pub(crate) fn expired()(
        reservation_id in reservation_id(),
        order_id in option::of(order_id()),
        items in lines(1),
    ) -> inventory::Expired {
        inventory::Expired { reservation_id, order_id, items }
    }
}

prop_compose! {
    pub(crate) fn returned()(
        reservation_id in reservation_id(),
        order_id in option::of(order_id()),
        items in lines(1),
        reason in option::of(text()),
    ) -> inventory::Returned {
        inventory::Returned { reservation_id, order_id, items, reason }
    }
}

prop_compose! {
    pub(crate) fn depleted()(
        sku_id in id(),
        location_id in location(),
        version in 1..=STOCK_MAX,
    ) -> inventory::Depleted {
        inventory::Depleted { sku_id, location_id, available_quantity: 0, version }
    }
}

prop_compose! {
    pub(crate) fn restored()(
        sku_id in id(),
        location_id in location(),
        available_quantity in 1..=STOCK_MAX,
        version in 1..=STOCK_MAX,
    ) -> inventory::Restored {
        inventory::Restored { sku_id, location_id, available_quantity, version }
    }
}

prop_compose! {
    pub(crate) fn adjusted()(
        sku_id in id(),
        location_id in location(),
        delta in -STOCK_MAX.cast_signed()..=STOCK_MAX.cast_signed(),
        reason in text(),
        available_quantity in 0..=STOCK_MAX,
        version in 1..=STOCK_MAX,
    ) -> inventory::Adjusted {
        inventory::Adjusted { sku_id, location_id, delta, reason, available_quantity, version }
    }
}

prop_compose! {
    fn priced_item()(
        sku_id in id(),
        quantity in quantity(),
        unit_price in amount(),
    ) -> order::PricedItem {
        order::PricedItem { sku_id, quantity, unit_price }
    }
}

prop_compose! {
    pub(crate) fn order_placed()(
        order_id in order_id(),
        user_id in id(),
        reservation_id in option::of(reservation_id()),
        items in vec(priced_item(), 1..4),
        total_amount in amount(),
        currency in currency(),
    ) -> order::Placed {
        order::Placed { order_id, user_id, reservation_id, items, total_amount, currency }
    }
}

prop_compose! {
    pub(crate) fn order_confirmed()(
        order_id in order_id(),
        reservation_id in reservation_id(),
        items in items(),
    ) -> order::Confirmed {
        order::Confirmed { order_id, reservation_id, items }
    }
}

prop_compose! {
    pub(crate) fn order_cancelled()(
        order_id in order_id(),
        reservation_id in reservation_id(),
        items in items(),
        reason in option::of(words()),
    ) -> order::Cancelled {
        order::Cancelled { order_id, reservation_id, items, reason }
    }
}

prop_compose! {
    pub(crate) fn refund_requested()(
        order_id in order_id(),
        reservation_id in reservation_id(),
        items in items(),
        reason in option::of(text()),
        refund_id in id(),
        refund_amount in amount(),
    ) -> order::RefundRequested {
        order::RefundRequested { order_id, reservation_id, items, reason, refund_id, refund_amount }
    }
}

prop_compose! {
    pub(crate) fn payment_created()(
        payment_id in words(),
        order_id in order_id(),
        amount in amount(),
        currency in currency(),
    ) -> payment::Created {
        payment::Created { payment_id, order_id, amount, currency }
    }
}

prop_compose! {
    pub(crate) fn payment_completed()(
        it in payment_created(),
        gateway_transaction_id in option::of(words()),
    ) -> payment::Completed {
        payment::Completed {
            payment_id: it.payment_id,
            order_id: it.order_id,
            amount: it.amount,
            currency: it.currency,
            gateway_transaction_id,
        }
    }
}

prop_compose! {
    pub(crate) fn payment_failed()(
        it in payment_completed(),
        reason in option::of(words()),
    ) -> payment::Failed {
        payment::Failed {
            payment_id: it.payment_id,
            order_id: it.order_id,
            amount: it.amount,
            currency: it.currency,
            gateway_transaction_id: it.gateway_transaction_id,
            reason,
        }
    }
}

prop_compose! {
    pub(crate) fn payment_cancelled()(
        it in payment_completed(),
        reason in option::of(text()),
        cancelled_amount in option::of(amount()),
        refund_id in option::of(id()),
        reservation_id in option::of(reservation_id()),
        items in option::of(items()),
    ) -> payment::Cancelled {
        payment::Cancelled {
            payment_id: it.payment_id,
            order_id: it.order_id,
            amount: it.amount,
            currency: it.currency,
            gateway_transaction_id: it.gateway_transaction_id,
            reason,
            cancelled_amount,
            refund_id,
            reservation_id,
            items,
        }
    }
}

prop_compose! {
    pub(crate) fn sku_created()(
        sku_id in id(),
        product_id in words(),
        price in amount(),
        initial_quantity in 0..=STOCK_MAX.cast_signed(),
    ) -> catalog::SkuCreated {
        catalog::SkuCreated { sku_id, product_id, price, initial_quantity }
    }
}

prop_compose! {
    pub(crate) fn product_changed()(
        product_id in words(),
        name in words(),
        price in amount(),
        status in words(),
        category_id in option::of(words()),
        brand_id in option::of(words()),
    ) -> catalog::ProductChanged {
        catalog::ProductChanged { product_id, name, price, status, category_id, brand_id }
    }
}

prop_compose! {
    pub(crate) fn user_registered()(
        user_id in id(),
        email in option::of(words()),
    ) -> user::Registered {
        user::Registered { user_id, email }
    }
}

prop_compose! {
    pub(crate) fn user_locked()(
        user_id in id(),
        email in option::of(words()),
    ) -> user::Locked {
        user::Locked { user_id, email }
    }
}
