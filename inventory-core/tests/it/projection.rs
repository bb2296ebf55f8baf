//! What a projection's worker does with a shard: look at it, open it in an epoch of its own, say how
//! far it has got, and go.

use std::sync::Arc;

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{Engine, EngineConfig, Issued, MetaState, ProjectionMode, RestoreStep, Survey},
    *,
};

use crate::{ledger::entries, support::*};

async fn survey(engine: &Engine) -> Survey {
    engine.survey(S).await.unwrap()
}

/// The next epoch as a worker would issue it.
fn issued(seen: &Survey) -> Issued {
    let meta = seen.meta.as_ref().map_or(0, |meta| meta.epoch.0);
    Issued {
        epoch: Epoch(meta.max(seen.now.0) + 1),
        projection: "mariadb".to_owned(),
        lineage: None,
        previous: None,
        who: "a worker".to_owned(),
        why: "a test".to_owned(),
    }
}

/// Opens the shard as a worker does.
async fn bless(engine: &Engine) -> JournalId {
    let seen = survey(engine).await;
    engine.bless_issued(S, &seen, &issued(&seen)).await.unwrap()
}

fn fenced<T>(code: &str) -> Result<T, Fault> {
    Err(Fault::Fenced(code.to_owned()))
}

async fn blessing(engine: &Engine, at: JournalId) -> (String, Option<JournalId>) {
    let all = entries(engine).await;
    let entry = all.iter().find(|entry| entry.id == at).unwrap();
    let EntryBody::Bless {
        lineage, previous, ..
    } = &entry.body
    else {
        panic!("{entry:?}");
    };
    (lineage.clone(), *previous)
}

/// Restarts Redis, until the worker can reach it again.
async fn restart(redis: &RedisServer, worker: &Engine) {
    redis.stop().unwrap();
    redis.start_again().unwrap();
    eventually("the worker is connected again", async || {
        worker.survey(S).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_survey_sees_an_empty_redis_and_then_all_that_meta_says() {
    let redis = plain_redis();
    let worker = waiting(&redis).await;
    let seen = survey(&worker).await;
    assert!(seen.master && !seen.loading && !seen.alive());
    assert_eq!((&seen.meta, seen.first, seen.last), (&None, None, None));
    assert_eq!(info(&redis, "run_id"), seen.run_id);
    assert_eq!(info(&redis, "master_replid"), seen.replid);
    assert!(names(&redis).is_empty(), "it only looks");

    let at = bless(&worker).await;
    let store = live_store_on(Arc::clone(&redis)).await;
    store.put("sku-1", 5).await;
    let seen = survey(&worker).await;
    assert!(seen.alive());
    let last = JournalId {
        epoch: at.epoch,
        n: 1,
    };
    assert_eq!((seen.first, seen.last), (Some(at), Some(last)));
    assert_eq!(seen.entries, 2);
    let meta = seen.meta.unwrap();
    assert_eq!((meta.epoch, meta.state), (at.epoch, MetaState::Open));
    assert_eq!(meta.projection.as_deref(), Some("mariadb"));
    assert_eq!((meta.token, meta.projected), (None, None));
    // An emptied journal still knows where it ended.
    raw(&redis, &["XTRIM", &k("journal"), "MAXLEN", "0"]);
    let seen = survey(&worker).await;
    assert_eq!((seen.first, seen.last), (None, Some(last)));
}

#[tokio::test]
async fn a_survey_of_what_cannot_be_asked_is_a_fault_and_never_an_empty_shard() {
    let redis = redis_with_aof(Appendonly::Always);
    let store = live_store_on(Arc::clone(&redis)).await;
    store.raw(&["HSET", &k("meta"), "state", "AJAR"]);
    let seen = store.engine.survey(S).await;
    assert!(matches!(seen, Err(Fault::Corrupt { .. })), "{seen:?}");
    redis.stop().unwrap();
    let seen = store.engine.survey(S).await;
    assert!(matches!(seen, Err(Fault::Unavailable(_))), "{seen:?}");
}

#[tokio::test]
async fn a_life_that_was_not_blessed_is_not_alive() {
    let redis = redis_with_aof(Appendonly::Always);
    let worker = waiting(&redis).await;
    bless(&worker).await;
    assert!(survey(&worker).await.alive());
    restart(&redis, &worker).await;
    let seen = survey(&worker).await;
    assert!(!seen.alive());
    assert_eq!(seen.meta.unwrap().state, MetaState::Open);
}

#[tokio::test]
async fn an_issued_epoch_opens_a_shard_that_never_was() {
    let redis = plain_redis();
    let worker = waiting(&redis).await;
    let seen = survey(&worker).await;
    let issued = Issued {
        lineage: Some("00112233445566778899aabbccddeeff".to_owned()),
        ..issued(&seen)
    };
    let at = worker.bless_issued(S, &seen, &issued).await.unwrap();
    assert_eq!((at.epoch, at.n), (issued.epoch, 0));
    assert_eq!(worker.opened(S, soon()).await, Ok(issued.epoch));
    let said = blessing(&worker, at).await;
    assert_eq!(Some(said), issued.lineage.map(|lineage| (lineage, None)));
    // The same again: meta is not as it was seen any more.
    let again = Issued {
        epoch: Epoch(issued.epoch.0 + 1),
        lineage: None,
        ..issued
    };
    let conflict = worker.bless_issued(S, &seen, &again).await;
    assert_eq!(conflict, fenced("bless: CONFLICT"));
}

#[tokio::test]
async fn every_engine_learns_of_an_attached_projection_at_its_next_call() {
    let store = live_store().await;
    store.put("sku-1", 5).await;
    let before = survey(&store.engine).await;
    let at = bless(&store.engine).await;
    let epoch = store.in_epoch_after(before.meta.unwrap().epoch).await;
    assert_eq!(epoch, at.epoch);
    assert_eq!(blessing(&store.engine, at).await.1, before.last);
    let status = store.engine.status(S, soon()).await.unwrap();
    assert!(status.projected);
    assert_eq!(status.lost_entries, 0);
    store.reserve("r", &[("sku-1", 1)]).await.unwrap();
}

#[tokio::test]
async fn a_blessing_is_refused_when_anything_has_changed_since_it_was_seen() {
    let redis = redis_with_aof(Appendonly::Always);
    let worker = waiting(&redis).await;
    bless(&worker).await;
    let seen = survey(&worker).await;
    let before = dump(&redis);
    let is_refused = async |seen: &Survey, issued: &Issued, code: &str| {
        let answer = worker.bless_issued(S, seen, issued).await;
        assert_eq!(answer, fenced(&format!("bless: {code}")));
    };
    let good = issued(&seen);
    for epoch in [Epoch(1), seen.meta.as_ref().unwrap().epoch] {
        let late = Issued {
            epoch,
            ..good.clone()
        };
        is_refused(&seen, &late, "LATE").await;
    }
    let other = Issued {
        lineage: Some("another".to_owned()),
        ..good.clone()
    };
    is_refused(&seen, &other, "CONFLICT").await;
    let mut others = [seen.clone(), seen.clone(), seen.clone(), seen.clone()];
    others[0].meta = None;
    others[1].run_id = "another".to_owned();
    others[2].replid = "another".to_owned();
    others[3].meta.as_mut().unwrap().epoch = Epoch(7);
    for other in &others {
        is_refused(other, &good, "CONFLICT").await;
    }
    assert_eq!(dump(&redis), before);
    // Another life of the same data.
    restart(&redis, &worker).await;
    is_refused(&seen, &good, "CONFLICT").await;
    let mut seen = survey(&worker).await;
    let begin = RestoreStep::Begin {
        lineage: seen.meta.as_ref().unwrap().lineage.clone(),
        expected: seen.meta.as_ref().map(|meta| meta.epoch),
        even_open: false,
    };
    worker.restore(S, "t", &begin).await.unwrap();
    is_refused(&seen, &good, "CONFLICT").await;
    seen = survey(&worker).await;
    assert_eq!(seen.meta.as_ref().unwrap().token.as_deref(), Some("t"));
    is_refused(&seen, &good, "RECOVERING").await;
}

#[tokio::test]
async fn another_projection_begins_with_nothing() {
    let store = live_store().await;
    let at = bless(&store.engine).await;
    store.engine.projected(S, at.epoch, at, None).await.unwrap();
    let seen = survey(&store.engine).await;
    assert_eq!(seen.meta.as_ref().unwrap().projected, Some(at));
    store
        .engine
        .bless_issued(S, &seen, &issued(&seen))
        .await
        .unwrap();
    let seen = survey(&store.engine).await;
    assert_eq!(seen.meta.as_ref().unwrap().projected, Some(at));
    let other = Issued {
        projection: "another".to_owned(),
        ..issued(&seen)
    };
    store.engine.bless_issued(S, &seen, &other).await.unwrap();
    let meta = survey(&store.engine).await.meta.unwrap();
    assert_eq!(meta.projection.as_deref(), Some("another"));
    assert_eq!(meta.projected, None);
}

#[tokio::test]
async fn the_journal_is_trimmed_up_to_what_was_asked_and_never_beyond_the_cursor() {
    let store = live_store().await;
    let at = bless(&store.engine).await;
    store.in_epoch_after(Epoch(at.epoch.0 - 1)).await;
    store.put("sku-1", 50).await;
    for i in 0..10 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
    }
    let place = |n| JournalId { n, ..at };
    let projected = async |cursor, before| {
        let answer = store.engine.projected(S, at.epoch, cursor, before);
        answer.await.unwrap();
        let seen = survey(&store.engine).await;
        let projected = seen.meta.unwrap().projected.unwrap();
        (projected.n, seen.first.unwrap().n, seen.last.unwrap().n)
    };
    let first = survey(&store.engine).await.first.unwrap();
    assert!(first.epoch < at.epoch);
    assert_eq!(projected(place(3), None).await, (3, 0, 11));
    assert_eq!(survey(&store.engine).await.first, Some(first));
    assert_eq!(projected(place(4), Some(place(2))).await, (4, 2, 11));
    assert_eq!(projected(place(6), Some(place(9))).await, (6, 6, 11));
    // An old call that comes late takes nothing back.
    assert_eq!(projected(place(5), Some(place(3))).await, (6, 6, 11));
    assert_eq!(projected(place(11), Some(place(11))).await, (11, 11, 11));
}

#[tokio::test]
async fn a_worker_of_another_life_or_epoch_notes_nothing() {
    let redis = redis_with_aof(Appendonly::Always);
    let worker = waiting(&redis).await;
    let at = bless(&worker).await;
    let before = dump(&redis);
    for epoch in [Epoch(1), Epoch(at.epoch.0 + 1)] {
        let answer = worker.projected(S, epoch, at, Some(at)).await;
        assert_eq!(answer, fenced("projected: FENCED"));
    }
    assert_eq!(dump(&redis), before);
    restart(&redis, &worker).await;
    let answer = worker.projected(S, at.epoch, at, Some(at)).await;
    assert_eq!(answer, fenced("projected: FENCED"));
    assert_eq!(survey(&worker).await.meta.unwrap().projected, None);
}

#[tokio::test]
async fn a_detached_shard_is_nobodys_and_opens_by_itself_again() {
    let redis = redis_with_aof(Appendonly::Always);
    let worker = waiting(&redis).await;
    let nothing = worker.detach(S, "me", "a test").await;
    assert_eq!(nothing, fenced("detach: the shard has no meta"));
    let at = bless(&worker).await;
    worker.projected(S, at.epoch, at, None).await.unwrap();
    worker.detach(S, "me", "a test").await.unwrap();
    let meta = survey(&worker).await.meta.unwrap();
    assert_eq!((meta.projection, meta.projected), (None, None));
    let said = raw(&redis, &["HGET", &k("meta"), "detached"]).text();
    assert!(said.unwrap().ends_with("\tme\ta test"));
    let answer = worker.projected(S, at.epoch, at, None).await;
    assert_eq!(answer, fenced("projected: DETACHED"));
    restart(&redis, &worker).await;
    let server = connect(EngineConfig {
        projection: ProjectionMode::Auto,
        ..config(&redis)
    })
    .await;
    assert!(server.opened(S, soon()).await.unwrap() > at.epoch);
}
