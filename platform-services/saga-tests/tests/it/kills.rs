//! Each service is killed once, and started again.

use crate::{storm::storm, support::shop_alone};

#[test]
fn whatever_service_is_killed_the_books_agree_in_the_end() {
    let (shop, _visit) = shop_alone();
    // The sandbox is the outside world.
    storm(
        shop,
        &[
            &|| shop.order.crash(),
            &|| shop.payment.crash(),
            &|| shop.sync.crash(),
            &|| shop.inventory.crash(),
            &|| shop.catalog.crash(),
            &|| shop.user.crash(),
            &|| shop.auth.crash(),
        ],
    );
}
