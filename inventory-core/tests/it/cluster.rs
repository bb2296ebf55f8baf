//! A Redis Cluster whose slot of the shard is not wholly at the node that is asked: nothing is done
//! by halves, and it goes on when the slot is back.

use std::{sync::Arc, time::Duration};

use devstack::redis::RedisServer;
use inventory_core::{engine::RestoreStep, *};

use crate::{ledger::check_books, support::*};

/// CRC16 of `s0`, modulo 16384.
const SLOT: &str = "11097";

fn node() -> Arc<RedisServer> {
    Arc::new(RedisServer::builder().cluster().tcp().start().unwrap())
}

/// Something that every kind of call could change.
async fn stocked_store(node: Arc<RedisServer>) -> Store {
    let store = store_on(node).await;
    for stock in ["sku-1", "sku-2", "west|sku-2"] {
        store.put(stock, 100).await;
    }
    let limit = PurchaseLimit::new(5, Some(60)).unwrap();
    let limited = Count {
        limit: LimitChange::Set(limit),
        ..count("limited", "sku-2", 100)
    };
    store.count(&limited).await.unwrap();
    store.put("empty", 0).await;
    for id in ["held", "sold", "over"] {
        let hold = reserve_for(id, "c-1", &[("sku-1", 1), ("sku-2", 1)]);
        store.hold(&hold).await.unwrap();
    }
    let due = Reserve {
        ttl_ms: 1_000,
        ..reserve("due", &[("sku-1", 1)])
    };
    store.hold(&due).await.unwrap();
    store.confirm(&confirm("sold")).await.unwrap();
    store.release(&release("over")).await.unwrap();
    store.clock.advance_ms(2_000);
    store
}

/// What comes of one call of each kind. Those that read are there as well: a stock that is at the
/// other node is no corrupt one.
async fn one_call_each(store: &Store) -> Vec<(&'static str, Result<(), Fault>)> {
    let engine = &store.engine;
    let bite = Expire { max: 10 };
    let retire = Retire {
        key: key("empty"),
        context: Context::default(),
    };
    let hold = reserve_for("new", "c-2", &[("sku-1", 1), ("sku-2", 1)]);
    let (adjustment, counted) = (adjust("a", "sku-1", 1), count("n", "sku-1", 7));
    let returned = give_back("sold", "t", &[]);
    let hour = Duration::from_secs(3_600);
    vec![
        ("reserve", engine.reserve(S, &hold, soon()).await.map(drop)),
        (
            "confirm",
            engine.confirm(S, &confirm("held"), soon()).await.map(drop),
        ),
        (
            "release",
            engine.release(S, &release("held"), soon()).await.map(drop),
        ),
        (
            "extend",
            engine
                .extend(S, &extend("held", 9_000), soon())
                .await
                .map(drop),
        ),
        (
            "return",
            engine.return_goods(S, &returned, soon()).await.map(drop),
        ),
        (
            "adjust",
            engine.adjust(S, &adjustment, soon()).await.map(drop),
        ),
        ("count", engine.count(S, &counted, soon()).await.map(drop)),
        ("retire", engine.retire(S, &retire, soon()).await.map(drop)),
        ("expire", engine.expire(S, bite, soon()).await.map(drop)),
        (
            "purge",
            engine.purge(S, hour, hour, 1 << 30, soon()).await.map(drop),
        ),
        (
            "stock",
            engine.stock(S, &[key("sku-1")], soon()).await.map(drop),
        ),
        (
            "reservation",
            engine.reservation(S, &rid("held"), soon()).await.map(drop),
        ),
        (
            "list",
            engine.list_stock(S, None, 10, soon()).await.map(drop),
        ),
        ("status", engine.status(S, soon()).await.map(drop)),
    ]
}

async fn nothing_is_done(store: &Store, when: &str) {
    for (call, outcome) in one_call_each(store).await {
        assert!(
            matches!(outcome, Err(Fault::Unavailable(_))),
            "{call}, {when}: {outcome:?}"
        );
    }
    let begin = RestoreStep::Begin {
        lineage: "0123456789abcdef".to_owned(),
        expected: Some(store.epoch()),
        even_open: true,
    };
    let restore = store.engine.restore(S, "token", &begin).await;
    assert!(
        matches!(restore, Err(Fault::Unavailable(_))),
        "restore, {when}: {restore:?}"
    );
}

async fn all_is_done(store: &Store) {
    for (call, outcome) in one_call_each(store).await {
        assert_eq!(outcome, Ok(()), "{call}");
    }
    check_books(store).await;
}

#[tokio::test]
async fn a_node_without_the_slot_does_nothing_until_it_has_it() {
    let node = node();
    node.take_slots().unwrap();
    let store = stocked_store(node).await;
    let before = store.dump();
    store.raw(&["CLUSTER", "DELSLOTS", SLOT]);
    nothing_is_done(&store, "without the slot").await;
    store.raw(&["CLUSTER", "ADDSLOTS", SLOT]);
    store.redis.wait_until_cluster_is_ok().unwrap();
    assert_eq!(store.dump(), before);
    all_is_done(&store).await;
}

/// Two nodes of one cluster, the first with all slots.
fn two_nodes() -> (Arc<RedisServer>, Arc<RedisServer>) {
    let (here, there) = (node(), node());
    here.take_slots().unwrap();
    here.meet(&there).unwrap();
    there.wait_until_cluster_is_ok().unwrap();
    (here, there)
}

fn begin_to_move(from: &RedisServer, to: &RedisServer) {
    let (giver, taker) = (from.node_id().unwrap(), to.node_id().unwrap());
    raw(to, &["CLUSTER", "SETSLOT", SLOT, "IMPORTING", &giver]);
    raw(from, &["CLUSTER", "SETSLOT", SLOT, "MIGRATING", &taker]);
}

fn call_it_off(nodes: &[&RedisServer]) {
    for node in nodes {
        raw(node, &["CLUSTER", "SETSLOT", SLOT, "STABLE"]);
    }
}

fn move_keys(from: &RedisServer, to: &RedisServer, names: &[String]) {
    let port = to.tcp_port().unwrap().to_string();
    let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "10000", "KEYS"];
    command.extend(names.iter().map(String::as_str));
    raw(from, &command);
}

#[tokio::test]
async fn while_the_slot_moves_nothing_is_done_by_halves() {
    let (here, there) = two_nodes();
    let store = stocked_store(Arc::clone(&here)).await;
    let before = store.dump();
    let everything = names(&here);

    begin_to_move(&here, &there);
    nothing_is_done(&store, "before the first key has moved").await;
    assert_eq!(store.dump(), before);

    // Each key alone may be the one that is missing: most are not declared by most scripts.
    for name in &everything {
        let moved = std::slice::from_ref(name);
        move_keys(&here, &there, moved);
        nothing_is_done(&store, &format!("without {name}")).await;
        call_it_off(&[&here]);
        move_keys(&there, &here, moved);
        assert_eq!(store.dump(), before, "without {name}");
        begin_to_move(&here, &there);
    }

    call_it_off(&[&here, &there]);
    all_is_done(&store).await;
}

#[tokio::test]
async fn after_the_move_the_other_node_goes_on_with_all_there_was() {
    let (here, there) = two_nodes();
    let store = stocked_store(Arc::clone(&here)).await;
    let before = store.epoch();
    let figures = store.figures("sku-1").await;

    begin_to_move(&here, &there);
    move_keys(&here, &there, &names(&here));
    let taker = there.node_id().unwrap();
    for node in [&there, &here] {
        raw(node, &["CLUSTER", "SETSLOT", SLOT, "NODE", &taker]);
    }
    nothing_is_done(&store, "after the move").await;

    let moved = store_on(there).await;
    moved.clock.advance_ms(2_000);
    assert!(moved.epoch() > before, "another process is another life");
    assert_eq!(moved.figures("sku-1").await, figures);
    all_is_done(&moved).await;
}
