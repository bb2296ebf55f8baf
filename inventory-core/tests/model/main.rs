//! The scripts and the reference model in lock-step: random command sequences run on both, every
//! reply is compared, and after every step the whole state, the journal and the invariants.
//!
//! Ids, SKUs and times are few on purpose, so that commands meet each other. A failing case is
//! shrunk, printed, and its seed kept in `tests/proptest-regressions/`; put the printed steps into
//! `examples.rs` when they show something new. `PROPTEST_CASES` changes the number of cases.

#[cfg(test)]
mod examples;
#[cfg(test)]
mod lockstep;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod steps;

#[cfg(test)]
mod random {
    use devstack::redis::RedisServer;
    use proptest::test_runner::{Config, TestCaseError, TestRunner};

    use crate::{
        lockstep::run_case,
        steps::{Mix, cases},
    };

    const CASES: u32 = 600;

    /// Of each mix, on a node of a cluster: what differs there is which keys a script may touch.
    const CASES_IN_A_CLUSTER: u32 = 60;

    /// Each test has a Redis of its own, so they run side by side.
    fn run(mix: &Mix) {
        run_on(&RedisServer::builder().start().unwrap(), mix, CASES);
    }

    fn run_on(redis: &RedisServer, mix: &Mix, cases_by_default: u32) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut config = Config {
            source_file: Some(file!()),
            ..Config::default()
        };
        // proptest's own default means that nobody asked for another number.
        if config.cases == 256 {
            config.cases = cases_by_default;
        }
        config.max_shrink_iters = 20_000;
        let outcome = TestRunner::new(config).run(&cases(mix), |case| {
            runtime
                .block_on(run_case(redis, &case))
                .map_err(TestCaseError::fail)
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
    }

    #[test]
    fn holds_and_sales() {
        run(&Mix::HOLDS);
    }

    #[test]
    fn purchase_limits() {
        run(&Mix::LIMITS);
    }

    #[test]
    fn stock_that_comes_and_goes() {
        run(&Mix::STOCK);
    }

    #[test]
    fn records_that_are_purged() {
        run(&Mix::PURGES);
    }

    #[test]
    fn all_of_it_on_a_node_of_a_cluster() {
        let redis = RedisServer::builder().cluster().start().unwrap();
        redis.take_slots().unwrap();
        for mix in [Mix::HOLDS, Mix::LIMITS, Mix::STOCK, Mix::PURGES] {
            run_on(&redis, &mix, CASES_IN_A_CLUSTER);
        }
    }
}
