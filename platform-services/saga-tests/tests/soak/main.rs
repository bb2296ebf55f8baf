//! The long tests: rounds in which the stores are killed as well as the services.
//!
//! `cargo dev soak`, or `cargo test --release -p saga-tests --features soak --test soak --
//! --nocapture`.

#[cfg(test)]
#[path = "../it/storm/mod.rs"]
mod storm;
#[cfg(test)]
#[path = "../it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with tests/it")]
mod support;

#[cfg(test)]
mod stores {
    use std::time::Instant;

    use crate::{storm::storm, support::shop_alone};

    const ROUNDS: u32 = 3;

    #[test]
    fn whatever_store_or_service_is_killed_the_books_agree_in_the_end() {
        let (shop, _visit) = shop_alone();
        let kafka = || {
            shop.kafka.kill9().unwrap();
            shop.kafka.start_again().unwrap();
        };
        let mariadb = || {
            shop.mariadb.kill9().unwrap();
            shop.mariadb.start_again().unwrap();
        };
        let redis = || {
            shop.redis.kill9().unwrap();
            shop.redis.start_again().unwrap();
        };
        for round in 1..=ROUNDS {
            let begun = Instant::now();
            storm(
                shop,
                &[
                    &kafka,
                    &|| shop.order.crash(),
                    &mariadb,
                    &|| shop.payment.crash(),
                    &redis,
                    &|| shop.sync.crash(),
                    &|| shop.inventory.crash(),
                    &|| shop.catalog.crash(),
                    &|| shop.user.crash(),
                    &|| shop.auth.crash(),
                ],
            );
            println!("round {round} of {ROUNDS} in {:?}", begun.elapsed());
        }
    }
}
