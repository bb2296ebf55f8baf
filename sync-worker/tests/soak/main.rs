//! The long tests: a hundred comparisons of both sides while sales go on, of which none may find a
//! difference; and a minute of losses.
//!
//! `cargo dev soak`, or `cargo test --release -p sync-worker --features soak --test soak --
//! --nocapture`.

#[cfg(test)]
#[path = "../it/bench.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
mod bench;
#[cfg(test)]
#[path = "../it/both_sides.rs"]
mod both_sides;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod losses;
#[cfg(test)]
#[path = "../it/sales.rs"]
mod sales;
#[cfg(test)]
#[path = "../it/site.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
mod site;
#[cfg(test)]
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
mod support;

#[cfg(test)]
mod hundred {
    use std::{
        sync::atomic::Ordering,
        time::{Duration, Instant},
    };

    use crate::{bench::*, sales::Load};

    const CHECKS: u32 = 100;
    /// Of each clerk after each sale: everything that was ever sold is compared each time.
    const PAUSE: Duration = Duration::from_millis(20);

    #[tokio::test(flavor = "multi_thread")]
    async fn no_comparison_finds_a_difference_while_sales_go_on() {
        let bench = bench().await;
        let load = Load::begin(&bench.world, PAUSE).await;
        let began = Instant::now();
        for check in 1..=CHECKS {
            let ran = bench.run(&["check", "--wait-seconds", "60"]).await;
            assert_eq!(ran.code, 0, "check {check}: {ran:?}");
            if check % 10 == 0 {
                let (sales, compared) = (load.sales.load(Ordering::Relaxed), ran.json());
                println!("{check} checks, {sales} sales: {}", compared["compared"]);
            }
        }
        let took = began.elapsed();
        let sales = load.end().await;
        println!("{CHECKS} checks during {sales} sales in {took:?}: no difference");
        bench.world.at_rest().await;
        bench.is_clean().await;
    }
}
