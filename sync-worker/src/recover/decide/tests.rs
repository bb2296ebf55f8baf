use inventory_core::TimestampMs;

use super::*;

/// An entry of the epochs 80, 90 and 100, of which MariaDB knows; it follows the last.
fn id(text: &str) -> JournalId {
    text.parse().unwrap()
}

/// Redis at 100-9, all of it projected up to 100-7 and the journal trimmed to 100-2.
pub(in crate::recover) fn survey() -> Survey {
    Survey {
        now: TimestampMs(1_000),
        run_id: "run".to_owned(),
        replid: "life".to_owned(),
        master: true,
        loading: false,
        meta: Some(Meta {
            lineage: "ours".to_owned(),
            epoch: Epoch(100),
            state: MetaState::Open,
            run_id: "run".to_owned(),
            replid: "life".to_owned(),
            token: None,
            projection: Some("mariadb".to_owned()),
            projected: Some(id("100-7")),
        }),
        first: Some(id("100-2")),
        last: Some(id("100-9")),
        entries: 8,
    }
}

/// MariaDB at 100-7.
pub(in crate::recover) fn cursor() -> Cursor {
    Cursor {
        lineage: "ours".to_owned(),
        position: id("100-7"),
        issued: Epoch(100),
        state: CursorState::Following,
        guarded_to: None,
        token: 3,
        owner: Some("worker".to_owned()),
    }
}

struct Case {
    survey: Survey,
    cursor: Option<Cursor>,
    epochs: Epochs,
    memory: Memory,
}

impl Case {
    fn new() -> Self {
        let epochs = [(80, Some(5)), (90, Some(20)), (95, None), (100, None)];
        Self {
            survey: survey(),
            cursor: Some(cursor()),
            epochs: epochs
                .into_iter()
                .map(|(epoch, last)| (Epoch(epoch), last))
                .collect(),
            memory: Memory::default(),
        }
    }

    fn redis(mut self, change: impl FnOnce(&mut Survey)) -> Self {
        change(&mut self.survey);
        self
    }

    fn meta(mut self, change: impl FnOnce(&mut Meta)) -> Self {
        change(self.survey.meta.as_mut().unwrap());
        self
    }

    fn mariadb(mut self, change: impl FnOnce(&mut Cursor)) -> Self {
        change(self.cursor.as_mut().unwrap());
        self
    }

    fn remembering(mut self, highest: &str) -> Self {
        self.memory.highest = Some(id(highest));
        self
    }

    /// MariaDB has nothing of the shard.
    fn unknown(mut self) -> Self {
        self.cursor = None;
        self.epochs = Epochs::default();
        self
    }

    /// The row was made, and nothing more happened.
    fn row_only(self, state: CursorState) -> Self {
        self.mariadb(|cursor| {
            cursor.position = crate::cursor::NOTHING;
            cursor.issued = Epoch(0);
            cursor.state = state;
        })
    }

    /// The journal that Redis has, in the epoch of its end.
    fn journal(self, first: &str, last: &str) -> Self {
        let (first, last) = (id(first), id(last));
        self.meta(|meta| {
            meta.epoch = last.epoch;
            meta.projected = None;
        })
        .redis(|survey| {
            survey.first = Some(first);
            survey.last = Some(last);
        })
    }

    fn other_life(self) -> Self {
        self.redis(|survey| survey.replid = "another".to_owned())
    }

    fn emptied(self) -> Self {
        self.redis(|survey| {
            survey.meta = None;
            survey.first = None;
            survey.last = None;
            survey.entries = 0;
        })
    }

    fn recovering(self) -> Self {
        self.meta(|meta| meta.state = MetaState::Recovering)
    }

    fn decide(&self) -> Decision {
        decide(
            &self.survey,
            self.cursor.as_ref(),
            &self.epochs,
            &self.memory,
        )
    }

    #[track_caller]
    fn is(&self, expected: &Decision) {
        assert_eq!(self.decide(), *expected);
    }

    #[track_caller]
    fn is_gap(&self) {
        let decision = self.decide();
        assert!(
            matches!(decision, Decision::Resync(Resync::Gap(_))),
            "{decision:?}"
        );
    }
}

use CursorState::{Resync as Resyncing, Stale};

const fn rebuild(why: Rebuild) -> Decision {
    Decision::Rebuild(why)
}

#[test]
fn nothing_is_decided_on_a_redis_that_loads_or_is_a_replica() {
    let loading = Case::new().emptied().redis(|survey| survey.loading = true);
    assert!(matches!(loading.decide(), Decision::Wait(_)));
    let replica = Case::new().emptied().redis(|survey| survey.master = false);
    assert!(matches!(replica.decide(), Decision::Wait(_)));
}

#[test]
fn the_life_that_was_opened_is_followed() {
    Case::new().is(&Decision::Follow);
    // All is projected, and all of it trimmed.
    let idle = Case::new().redis(|survey| {
        survey.first = None;
        survey.last = Some(id("100-7"));
        survey.entries = 0;
    });
    idle.is(&Decision::Follow);
}

#[test]
fn another_life_with_all_that_mariadb_has_is_opened() {
    let open = Decision::Open(Open::OtherLife);
    Case::new().other_life().is(&open);
    Case::new().other_life().journal("100-2", "100-7").is(&open);
    Case::new()
        .redis(|survey| survey.run_id = "another".to_owned())
        .is(&open);
}

#[test]
fn the_same_life_is_opened_anew_when_its_journal_went_back() {
    let went_back = Decision::Open(Open::WentBack);
    Case::new().remembering("100-10").is(&went_back);
    Case::new().remembering("100-9").is(&Decision::Follow);
    Case::new().remembering("90-50").is(&Decision::Follow);
    // Entries of an epoch that meta does not know.
    Case::new()
        .meta(|meta| meta.epoch = Epoch(95))
        .is(&went_back);
}

#[test]
fn a_store_that_was_detached_is_attached_again() {
    let detached = |case: Case| {
        case.meta(|meta| {
            meta.projection = None;
            meta.projected = None;
        })
    };
    detached(Case::new()).is(&Decision::Open(Open::Detached));
    // It was trimmed meanwhile.
    detached(Case::new().journal("100-9", "100-20")).is_gap();
    // A server opened it by itself.
    detached(Case::new().journal("100-2", "120-3"))
        .is(&Decision::Hold(Held::NeverIssued(Epoch(120))));
    detached(Case::new().journal("120-2", "120-3"))
        .is(&Decision::Hold(Held::NeverIssued(Epoch(120))));
}

#[test]
fn a_redis_that_was_rolled_back_is_restored() {
    let restored = |end: &str| Decision::Restore { end: id(end) };
    Case::new()
        .other_life()
        .journal("100-2", "100-6")
        .is(&restored("100-6"));
    // Trimmed to its end.
    Case::new()
        .other_life()
        .journal("100-2", "100-6")
        .redis(|survey| survey.first = None)
        .is(&restored("100-6"));
    // Into an older epoch, not past its end.
    Case::new()
        .other_life()
        .journal("90-1", "90-20")
        .is(&restored("90-20"));
    Case::new()
        .other_life()
        .journal("80-0", "80-5")
        .is(&restored("80-5"));
    // Without another life.
    Case::new().journal("100-2", "100-6").is(&restored("100-6"));
}

#[test]
fn a_branch_that_history_left_is_rebuilt() {
    let branch = rebuild(Rebuild::Branch);
    Case::new()
        .other_life()
        .journal("90-1", "90-21")
        .is(&branch);
    // Issued, and history went on without it.
    Case::new().other_life().journal("90-1", "95-0").is(&branch);
}

#[test]
fn an_emptied_redis_is_rebuilt() {
    Case::new().emptied().is(&rebuild(Rebuild::Emptied));
}

#[test]
fn a_redis_without_its_journal_is_rebuilt() {
    let case = Case::new().redis(|survey| {
        survey.first = None;
        survey.last = None;
        survey.entries = 0;
    });
    case.is(&rebuild(Rebuild::NoJournal));
}

#[test]
fn an_unfinished_restore_is_begun_again_and_never_opened() {
    let case = || Case::new().recovering();
    case().is(&rebuild(Rebuild::Unfinished));
    case().other_life().is(&rebuild(Rebuild::Unfinished));
    // Begun on an empty one; its epoch is none that was issued.
    case()
        .meta(|meta| meta.epoch = Epoch(0))
        .is(&rebuild(Rebuild::Unfinished));
    // Ahead of the cursor, as it never is otherwise.
    case()
        .meta(|meta| meta.projected = Some(id("100-9")))
        .is(&rebuild(Rebuild::Unfinished));
}

#[test]
fn another_lineage_stays_as_it_is() {
    let held = Decision::Hold(Held::OtherLineage {
        ours: "ours".to_owned(),
        theirs: "theirs".to_owned(),
    });
    let case = || Case::new().meta(|meta| meta.lineage = "theirs".to_owned());
    case().is(&held);
    case().other_life().is(&held);
    case().recovering().is(&held);
    case().mariadb(|cursor| cursor.state = Stale).is(&held);
}

#[test]
fn an_epoch_that_was_never_issued_stays_as_it_is() {
    let held = Decision::Hold(Held::NeverIssued(Epoch(99)));
    let case = || Case::new().other_life().journal("99-0", "99-3");
    case().is(&held);
    case()
        .mariadb(|cursor| cursor.position = id("99-1"))
        .is(&held);
}

/// MariaDB at this place, although Redis noted 100-7; it knows no epoch after 90.
fn far_back(to: &str) -> Case {
    let mut case = Case::new().mariadb(|cursor| {
        cursor.position = id(to);
        cursor.issued = Epoch(90);
    });
    case.epochs = [(Epoch(90), None)].into_iter().collect();
    case
}

#[test]
fn a_mariadb_that_went_back_follows_on_where_the_journal_goes_on() {
    // The journal begins at 100-2.
    for position in ["100-6", "100-2", "100-1"] {
        let case = || Case::new().mariadb(|cursor| cursor.position = id(position));
        case().is(&Decision::Follow);
        case().other_life().is(&Decision::Open(Open::OtherLife));
        case()
            .remembering("100-10")
            .is(&Decision::Open(Open::WentBack));
        // As it is on the way to the end of a copy.
        case()
            .mariadb(|cursor| {
                cursor.state = Resyncing;
                cursor.guarded_to = Some(id("100-7"));
            })
            .is(&Decision::Follow);
    }
    // Its reader found a hole.
    let mut hole = Case::new().mariadb(|cursor| cursor.position = id("100-6"));
    hole.memory.gap = Some("found".to_owned());
    hole.is_gap();
}

#[test]
fn a_mariadb_that_went_back_to_before_an_epoch_follows_on_in_a_new_one() {
    let forgotten = Decision::Open(Open::Forgotten);
    let case = || far_back("90-3").redis(|survey| survey.first = Some(id("90-1")));
    case().is(&forgotten);
    case().other_life().is(&forgotten);
    // The journal begins with an epoch; its reader finds out what that follows.
    let mut begins = far_back("90-3").redis(|survey| survey.first = Some(id("100-0")));
    begins.is(&forgotten);
    begins.memory.gap = Some("found".to_owned());
    begins.is_gap();
    // Nothing was projected in it: nobody knows whose it is.
    case()
        .meta(|meta| meta.projected = Some(id("90-9")))
        .is(&Decision::Resync(Resync::Behind));
}

#[test]
fn a_mariadb_that_went_back_further_than_the_journal_is_filled_from_redis() {
    let behind = Decision::Resync(Resync::Behind);
    let case = || {
        Case::new().journal("100-5", "100-9").meta(|meta| {
            meta.projected = Some(id("100-7"));
        })
    };
    let case = || case().mariadb(|cursor| cursor.position = id("100-3"));
    case().is(&behind);
    case().other_life().is(&behind);
    // All that was projected was let go, or the journal is not what it was, or there is none: Redis is
    // the newer of the two, and never filled from the older.
    case().redis(|survey| survey.first = None).is(&behind);
    case()
        .redis(|survey| survey.last = Some(id("100-6")))
        .is(&behind);
    case()
        .redis(|survey| {
            survey.first = None;
            survey.last = None;
        })
        .is(&behind);
    // So far back that it does not know the epoch any more.
    far_back("90-3").is(&behind);
    // Without what Redis noted nobody knows which of the two is older.
    far_back("90-3")
        .meta(|meta| meta.projected = None)
        .is(&Decision::Hold(Held::NeverIssued(Epoch(100))));
}

#[test]
fn a_journal_that_does_not_go_on_from_the_cursor_fills_mariadb() {
    Case::new().journal("100-8", "100-9").is(&Decision::Follow);
    Case::new().journal("100-9", "100-9").is_gap();
    Case::new().journal("100-9", "100-9").other_life().is_gap();
    let emptied = Case::new().redis(|survey| survey.first = None);
    emptied.is_gap();
    // A first entry that begins an epoch says itself what it follows; its reader finds out.
    let mut begins = Case::new().journal("110-0", "110-3");
    begins.epochs = [(Epoch(100), None), (Epoch(110), None)]
        .into_iter()
        .collect();
    begins.is(&Decision::Follow);
    begins.memory.gap = Some("found".to_owned());
    begins.is_gap();
}

#[test]
fn a_shard_that_neither_knows_is_started() {
    let first_start = rebuild(Rebuild::FirstStart);
    Case::new().unknown().emptied().is(&first_start);
    // Crashed after the row was made, and after the first restore was begun.
    Case::new()
        .row_only(CursorState::Following)
        .emptied()
        .is(&first_start);
    Case::new()
        .row_only(CursorState::Following)
        .recovering()
        .meta(|meta| meta.epoch = Epoch(0))
        .is(&first_start);
    // Crashed after it was opened.
    Case::new()
        .row_only(CursorState::Following)
        .journal("100-0", "100-0")
        .is(&Decision::Follow);
}

#[test]
fn a_store_with_history_is_attached() {
    let attach = Decision::Resync(Resync::Attach);
    Case::new().unknown().is(&attach);
    Case::new().unknown().other_life().is(&attach);
    Case::new().row_only(Resyncing).is(&attach);
    // A server was quicker than a first start.
    Case::new()
        .row_only(CursorState::Following)
        .meta(|meta| meta.lineage = "theirs".to_owned())
        .is(&attach);
    Case::new()
        .unknown()
        .recovering()
        .is(&Decision::Hold(Held::UnfinishedByOthers));
}

#[test]
fn while_mariadb_is_no_full_copy_nothing_is_restored_from_it() {
    let again = Decision::Resync(Resync::Unfinished);
    for state in [Stale, Resyncing] {
        let case = || Case::new().mariadb(|cursor| cursor.state = state);
        case().is(&again);
        case().other_life().is(&again);
        case().other_life().journal("100-2", "100-6").is(&again);
        case().other_life().journal("90-1", "90-21").is(&again);
        case()
            .emptied()
            .is(&Decision::Hold(Held::EmptiedWhileCopied));
        case()
            .recovering()
            .is(&Decision::Hold(Held::UnfinishedWhileCopied));
    }
    // Copied, and on its way to the end of the copy.
    let copied = || {
        Case::new().mariadb(|cursor| {
            cursor.state = Resyncing;
            cursor.guarded_to = Some(id("100-8"));
        })
    };
    copied().is(&Decision::Follow);
    copied().other_life().is(&Decision::Open(Open::OtherLife));
    copied().other_life().journal("100-2", "100-6").is(&again);
    copied().other_life().journal("90-1", "90-21").is(&again);
    copied()
        .emptied()
        .is(&Decision::Hold(Held::EmptiedWhileCopied));
}

#[test]
fn crashes_on_the_way_to_a_new_epoch_are_taken_up() {
    // Issued in MariaDB, never opened in Redis.
    let issued = |case: Case| {
        let mut case = case.mariadb(|cursor| cursor.issued = Epoch(110));
        case.epochs = [(Epoch(100), None), (Epoch(110), None)]
            .into_iter()
            .collect();
        case
    };
    issued(Case::new()).is(&Decision::Follow);
    issued(Case::new().other_life()).is(&Decision::Open(Open::OtherLife));
    issued(Case::new().emptied()).is(&rebuild(Rebuild::Emptied));
    // Opened, and the cursor still before the blessing.
    let mut opened = issued(Case::new().journal("100-2", "110-0"));
    opened.is(&Decision::Follow);
    opened = issued(Case::new().journal("100-2", "110-4").other_life());
    opened.is(&Decision::Open(Open::OtherLife));
    // Rolled back over it.
    issued(Case::new().other_life().journal("100-2", "100-5"))
        .is(&Decision::Restore { end: id("100-5") });
    // Restored, with the journal going on after a cursor that it does not have.
    issued(Case::new().journal("110-0", "110-0")).is(&Decision::Follow);
}

#[test]
fn every_reason_says_what_to_do() {
    for held in [
        Held::OtherLineage {
            ours: "a".to_owned(),
            theirs: "b".to_owned(),
        },
        Held::NeverIssued(Epoch(1)),
        Held::EmptiedWhileCopied,
        Held::UnfinishedWhileCopied,
    ] {
        assert!(held.to_string().contains("reconcile rebuild"), "{held}");
    }
}
