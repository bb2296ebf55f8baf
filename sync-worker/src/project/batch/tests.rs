use std::fmt::Write as _;

use inventory_core::Epoch;

use super::*;

fn id(epoch: u64, n: u64) -> JournalId {
    JournalId {
        epoch: Epoch(epoch),
        n,
    }
}

fn entry(id: JournalId, fields: &[(&str, &str)]) -> RawEntry {
    let mut payload = format!("{id}\n").into_bytes();
    for part in fields.iter().flat_map(|(name, value)| [name, value]) {
        payload.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        payload.extend_from_slice(part.as_bytes());
    }
    RawEntry::from_payload(&payload).unwrap()
}

fn adjusted(epoch: u64, n: u64, times: usize) -> RawEntry {
    let mut fields = vec![("@", "1000"), ("=", "a 9 0 0 9")];
    fields.extend(vec![("Aop", "default:a\t1\t"); times]);
    entry(id(epoch, n), &fields)
}

fn bless(epoch: u64, previous: &str) -> RawEntry {
    let mut value = String::new();
    write!(value, "lineage\trun\t{previous}\twho\twhy").unwrap();
    entry(id(epoch, 0), &[("@", "1000"), ("!", &value)])
}

#[test]
fn a_batch_ends_where_the_journal_does_not_go_on() {
    let entries = [adjusted(7, 1, 1), adjusted(7, 2, 1), adjusted(7, 4, 1)];
    let batch = Batch::gather(&entries, id(7, 0)).unwrap();
    assert_eq!((batch.taken(), batch.last()), (2, id(7, 2)));
    let gap = Batch::gather(&entries[2..], batch.last()).unwrap_err();
    assert_eq!((gap.after, gap.found), (id(7, 2), id(7, 4)));
    let nothing = Batch::gather(&[], id(7, 2)).unwrap();
    assert_eq!((nothing.taken(), nothing.last()), (0, id(7, 2)));
}

#[test]
fn an_epoch_follows_on_the_entry_that_its_blessing_names() {
    let follows = |blessing: RawEntry, after| Batch::gather(&[blessing], after).is_ok();
    assert!(follows(bless(9, "7-3"), id(7, 3)));
    assert!(!follows(bless(9, "7-3"), id(7, 2)));
    assert!(!follows(bless(9, "7-3"), id(7, 4)));
    assert!(!follows(bless(9, ""), id(7, 3)));
    assert!(follows(bless(9, ""), JournalId::default()));
    assert!(!follows(bless(5, "7-3"), id(7, 3)));
    assert!(!follows(adjusted(9, 0, 1), id(7, 3)));
    assert!(!follows(adjusted(9, 4, 1), id(7, 3)));
}

#[test]
fn a_batch_is_bounded_but_takes_one_entry_of_any_size() {
    let entries: Vec<_> = (1..=9).map(|n| adjusted(7, n, 900)).collect();
    let batch = Batch::gather(&entries, id(7, 0)).unwrap();
    assert_eq!((batch.taken(), batch.changes()), (4, 3_600));
    let wide = adjusted(7, 1, BATCH_CHANGES_MAX + 1);
    let batch = Batch::gather(&[wide, adjusted(7, 2, 1)], id(7, 0)).unwrap();
    assert_eq!(batch.taken(), 1);
}

#[test]
fn what_cannot_be_read_is_taken_along() {
    let garbage = entry(id(7, 2), &[("who", "knows")]);
    let entries = [adjusted(7, 1, 1), garbage, adjusted(7, 3, 1)];
    let batch = Batch::gather(&entries, id(7, 0)).unwrap();
    assert_eq!((batch.taken(), batch.changes()), (3, 2));
}

#[test]
fn no_more_is_fetched_once_a_batch_waits() {
    let waiting = |entries: usize, changes: usize| -> VecDeque<Gathered> {
        let entry = |n| Gathered::read(adjusted(7, n, changes));
        (1..=u64::try_from(entries).unwrap()).map(entry).collect()
    };
    assert!(!Batch::is_full(&waiting(0, 0)));
    assert!(!Batch::is_full(&waiting(BATCH_ENTRIES_MAX - 1, 1)));
    assert!(Batch::is_full(&waiting(BATCH_ENTRIES_MAX, 1)));
    // Few entries, each with as many changes as one can have.
    let enough = BATCH_CHANGES_MAX.div_ceil(128);
    assert!(!Batch::is_full(&waiting(enough - 1, 128)));
    assert!(Batch::is_full(&waiting(enough, 128)));
    // Few changes, long ones.
    let long = "x".repeat(BATCH_BYTES_MAX / 2);
    let long = |n| Gathered::read(entry(id(7, n), &[("@", "1000"), ("?", &long)]));
    assert!(!Batch::is_full(&[long(1)].into()));
    assert!(Batch::is_full(&[long(1), long(2)].into()));
}
