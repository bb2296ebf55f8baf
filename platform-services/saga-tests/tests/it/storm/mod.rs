//! 200 orders of all kinds at once, while processes are killed and started again in their midst.
//! Then everything settles, and money and units are where the orders say.

mod books;
mod script;
mod steady;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use self::{
    books::settle,
    script::{Goods, Kind, play},
};
use crate::support::{Shop, until};

const ORDERS: usize = 200;
const CUSTOMERS: usize = 10;
/// Units of what is scarce: less than is asked for.
const SCARCE: i64 = 5;
const PLENTY: i64 = 10_000;

/// Lets customers shop, harms somebody each time some more orders are placed, and compares the books.
pub(crate) fn storm(shop: &'static Shop, harms: &[&dyn Fn()]) {
    let goods = Goods {
        cup: shop.goods("cup", 7_000, PLENTY),
        pot: shop.goods("pot", 11_000, PLENTY),
        rare: shop.goods("rare", 90_000, SCARCE),
    };
    let customers: Vec<_> = (0..CUSTOMERS).map(|_| shop.customer()).collect();
    let placed = AtomicUsize::new(0);
    let orders: Vec<_> = thread::scope(|scope| {
        let playing: Vec<_> = (0..ORDERS)
            .map(|nth| {
                let (goods, placed) = (&goods, &placed);
                let customer = customers[nth % CUSTOMERS];
                let kind = Kind::ALL[nth % Kind::ALL.len()];
                scope.spawn(move || {
                    let order = play(customer, goods, kind, || {
                        placed.fetch_add(1, Ordering::Relaxed);
                    });
                    (kind, order)
                })
            })
            .collect();
        for (nth, harm) in harms.iter().enumerate() {
            let enough = (nth + 1) * ORDERS / (harms.len() + 1);
            until("some more orders are placed", || {
                placed.load(Ordering::Relaxed) >= enough
            });
            harm();
        }
        playing.into_iter().map(|one| one.join().unwrap()).collect()
    });
    settle(shop, &goods, &orders);
}
