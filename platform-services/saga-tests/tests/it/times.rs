//! How long the saga takes for one customer at a time; printed, for people.

use std::time::{Duration, Instant};

use crate::support::shop_alone;

const ORDERS: usize = 20;
/// Far more than it takes, and less than any of the saga's own patience.
const TOO_LONG: Duration = Duration::from_secs(10);

#[test]
fn an_order_goes_through_in_moments() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 1_000, 100);
    let customer = shop.customer();
    let mut times: Vec<_> = (0..ORDERS)
        .map(|_| {
            let begun = Instant::now();
            let order = customer.order(&[(&cup, 1)]);
            order.until_payable();
            let payable = begun.elapsed();
            let asked = Instant::now();
            order.pay("key").expect(200);
            order.until("CONFIRMED");
            (payable, asked.elapsed())
        })
        .collect();
    times.sort_by_key(|(payable, sold)| *payable + *sold);
    let (payable, sold) = times[ORDERS / 2];
    let (_, last) = (times[0], times[ORDERS - 1]);
    println!(
        "placed to payable {payable:?}, pay to confirmed {sold:?} (median); slowest {:?}",
        last.0 + last.1
    );
    assert!(payable + sold < TOO_LONG, "{times:?}");
}
