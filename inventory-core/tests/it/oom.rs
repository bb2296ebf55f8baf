//! Redis at its memory limit: nothing new is taken on, what is there can be brought to its end.

use std::time::Duration;

use inventory_core::*;

use crate::{ledger::check_books, support::*};

#[tokio::test]
async fn at_the_memory_limit_holds_end_and_no_new_ones_begin() {
    let store = store().await;
    store.put("sku-1", 100).await;
    for id in ["sold", "released", "extended", "due", "sold-before"] {
        let command = Reserve {
            ttl_ms: if id == "due" { 1_000 } else { 60_000 },
            ..reserve(id, &[("sku-1", 1)])
        };
        store.hold(&command).await.unwrap();
    }
    store.confirm(&confirm("sold-before")).await.unwrap();
    store.raw(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let used = info(&store.redis, "used_memory").parse::<u64>().unwrap();
    assert!(used > 1 << 20, "Redis is over the limit: {used}");
    let before = store.dump();
    let is_refused = |fault: &Fault| match fault {
        Fault::Unavailable(why) => why.contains("OOM"),
        Fault::Fenced(_)
        | Fault::OutcomeUnknown(_)
        | Fault::ReapMore
        | Fault::Corrupt { .. }
        | Fault::Protocol(_) => false,
    };
    let command = reserve("new", &[("sku-1", 1)]);
    let fault = store.engine.reserve(S, &command, soon()).await.unwrap_err();
    assert!(is_refused(&fault), "{fault:?}");
    let command = adjust("a", "sku-1", 1);
    let fault = store.engine.adjust(S, &command, soon()).await.unwrap_err();
    assert!(is_refused(&fault), "{fault:?}");
    let command = count("n", "sku-1", 100);
    let fault = store.engine.count(S, &command, soon()).await.unwrap_err();
    assert!(is_refused(&fault), "{fault:?}");
    assert_eq!(store.dump(), before);

    store.confirm(&confirm("sold")).await.unwrap();
    store.release(&release("released")).await.unwrap();
    store.extend(&extend("extended", 120_000)).await.unwrap();
    let back = give_back("sold-before", "t", &[]);
    store.give_back(&back).await.unwrap();
    store.clock.advance_ms(1_000);
    assert_eq!(store.sweep().await.expired, 1);
    assert_eq!(store.figures("sku-1").await, (98, 1, 1));
    assert_eq!(store.status_of("sold").await, Some(Status::Confirmed));
    assert_eq!(store.epoch(), Epoch(T0.0));
    check_books(&store).await;

    // A gate that has to open the shard anew can do so.
    store.raw(&["SCRIPT", "FLUSH"]);
    store.raw(&["REPLICAOF", "127.0.0.1", "1"]);
    store.raw(&["REPLICAOF", "NO", "ONE"]);
    store.in_epoch_after(Epoch(T0.0)).await;
    store.clock.advance_ms(10_000_000);
    let hour = Duration::from_secs(3_600);
    let purged = store.engine.purge(S, hour, hour, 1, soon()).await.unwrap();
    assert!(purged.records >= 5 && purged.entries > 0, "{purged:?}");

    store.raw(&["CONFIG", "SET", "maxmemory", "0"]);
    store.reserve("new", &[("sku-1", 1)]).await.unwrap();
}
