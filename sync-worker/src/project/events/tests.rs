use inventory_core::{
    Change, ChangeKind, Context, Epoch, JournalId, Kept, Line, Lines, Location, Reservation,
    ReservationId, SetStock, Sku, Status, StockKey, Text, TimestampMs,
};

use super::*;
use crate::project::rows::{Figures, StockStep};

const ID: JournalId = JournalId {
    epoch: Epoch(1_795_410_000_000),
    n: 7,
};

fn key(sku: &str) -> StockKey {
    StockKey {
        location: Location::default(),
        sku: Sku::parse(sku).unwrap(),
    }
}

fn step(sku: &str, before: Option<i64>, after: i64) -> StockStep {
    let figures = |available, version| Figures {
        available,
        reserved: 0,
        sold: 0,
        version,
    };
    StockStep {
        key: key(sku),
        before: before.map(|before| figures(before, 4)),
        after: figures(after, 5),
        ledger_delta: 0,
    }
}

fn rows_of(item: u32, change: Change, stocks: Vec<StockStep>) -> ChangeRows {
    ChangeRows {
        id: ID,
        at: TimestampMs(1_795_410_000_000),
        item,
        change,
        stored: None,
        stocks,
    }
}

fn repaired(found: Kept<[u64; 4]>, before: Option<i64>, after: i64) -> ChangeRows {
    let change = Change::StockRepaired {
        context: Context::default(),
        key: key("a"),
        found,
        set: SetStock::Figures([0; 3]),
        ledger_delta: 0,
        reason: Some(Text::parse("gone").unwrap()),
    };
    rows_of(0, change, vec![step("a", before, after)])
}

fn held(kind: ChangeKind, item: u32, stocks: Vec<StockStep>) -> ChangeRows {
    let line = |step: &StockStep| Line {
        sku: step.key.sku.clone(),
        location: step.key.location.clone(),
        quantity: 1,
    };
    let reservation = Reservation {
        id: ReservationId::derived("r-1").unwrap(),
        status: Status::Reserved,
        lines: Lines::stored(stocks.iter().map(line).collect()),
        order: None,
        customer: None,
        metadata: None,
        created: TimestampMs(1_795_410_000_000),
        deadline: TimestampMs(1_795_410_900_000),
        confirmed: None,
        released: None,
        expired_at: None,
        returns: Vec::new(),
        last_change: ID,
    };
    let change = Change::Reservation {
        kind,
        context: Context::default(),
        reservation: Box::new(reservation),
    };
    rows_of(item, change, stocks)
}

/// The last part of each event's id: stock, change and type.
fn told(change: &ChangeRows) -> Vec<String> {
    let rows = of_changes("0123456789abcdef", 0, &[change]).unwrap();
    rows.iter()
        .map(|row| row.event_id().rsplit_once('-').unwrap().1.to_owned())
        .collect()
}

#[test]
fn the_name_of_the_service_is_one() {
    assert_eq!(service().as_str(), "inventory");
}

#[test]
fn the_migration_is_what_the_outbox_needs() {
    let migration = include_str!("../../../migrations/0003_inventory_outbox.sql");
    assert!(migration.starts_with(&service_kit::outbox::ddl(&service())));
}

#[test]
fn two_stocks_that_one_change_depletes_are_two_events() {
    let stocks = || {
        vec![
            step("a", Some(1), 0),
            step("b", Some(2), 1),
            step("c", Some(1), 0),
        ]
    };
    let first = held(ChangeKind::Reserved, 0, stocks());
    let second = held(ChangeKind::Reserved, 1, stocks());
    let rows = of_changes("0123456789abcdef", 3, &[&first, &second]).unwrap();
    let ids: Vec<_> = rows.iter().map(OutboxRow::event_id).collect();
    // The reservation's own event, then those of the first and the third stock.
    let places = [0, 7, 2 * 16 + 7].map(|place| place.to_string());
    let next =
        [0, 7, 2 * 16 + 7].map(|place: u32| (place + 16 * u32::from(LINES_STEP)).to_string());
    let expected = places
        .iter()
        .chain(&next)
        .map(|place| format!("01234567-3-1795410000000-7-{place}"));
    assert_eq!(ids, expected.collect::<Vec<_>>());
    // The same, one at a time.
    let alone: Vec<_> = [&first, &second].map(told).concat();
    assert_eq!(alone, [&places[..], &next[..]].concat());
}

#[test]
fn a_repair_is_news_where_it_is_known_what_was_there() {
    const ADJUSTED: &str = "9";
    const RESTORED: &str = "8";
    const DEPLETED: &str = "7";
    let found = Kept::Is([3, 0, 0, 4]);
    assert_eq!(told(&repaired(found.clone(), Some(3), 5)), [ADJUSTED]);
    assert_eq!(
        told(&repaired(found.clone(), Some(3), 0)),
        [ADJUSTED, DEPLETED]
    );
    assert_eq!(told(&repaired(found, Some(3), 3)), [""; 0]);
    assert_eq!(told(&repaired(Kept::Absent, None, 5)), [ADJUSTED, RESTORED]);
    assert_eq!(told(&repaired(Kept::Absent, None, 0)), [""; 0]);
    assert_eq!(told(&repaired(Kept::Corrupt, None, 5)), [""; 0]);
    let row = of_changes("0", 0, &[&repaired(Kept::Absent, None, 5)]).unwrap();
    assert_eq!(row[0].event_id(), "0-0-1795410000000-7-9");
}

#[test]
fn a_repaired_reservation_is_no_news() {
    let change = Change::ReservationRepaired {
        context: Context::default(),
        id: ReservationId::derived("r-1").unwrap(),
        found: Kept::Absent,
        set: None,
        reason: None,
    };
    assert_eq!(told(&rows_of(0, change, Vec::new())), [""; 0]);
}

#[test]
fn what_was_changed_by_hand_below_nothing_counts_as_nothing() {
    let change = held(ChangeKind::Reserved, 0, vec![step("a", Some(1), -1)]);
    assert_eq!(told(&change), ["0", "7"]);
    let change = held(ChangeKind::Expired, 0, vec![step("a", Some(-2), -1)]);
    assert_eq!(told(&change), ["5"]);
}

#[test]
fn what_no_event_can_say_is_refused_for_good() {
    let mut late = held(ChangeKind::Reserved, 0, Vec::new());
    late.at = TimestampMs(u64::MAX);
    let no_record = held(ChangeKind::Confirmed, 0, Vec::new());
    let no_return = held(ChangeKind::Returned, 0, Vec::new());
    for (change, why) in [
        (late, "years 0 to 9999"),
        (no_record, "what was sold"),
        (no_return, "what was returned"),
    ] {
        let error = sqlx::Error::from(of_changes("0", 0, &[&change]).unwrap_err());
        assert!(!crate::database::is_transient(&error));
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// The largest event there can be: as many lines as a script call takes, of the longest names.
#[test]
fn the_largest_event_fits() {
    let long = |number: usize| format!("{number:0>64}");
    let stocks = (0..BATCH_LINES_MAX)
        .map(|number| step(&long(number), Some(9), 8))
        .collect();
    let mut change = held(ChangeKind::Reserved, 0, stocks);
    let text = Some(Text::parse(&"\u{10ffff}".repeat(64)).unwrap());
    if let Change::Reservation {
        reservation,
        context,
        ..
    } = &mut change.change
    {
        reservation.id = ReservationId::derived(&"r".repeat(80)).unwrap();
        *context = Context {
            actor: text.clone(),
            request_id: text.clone(),
            traceparent: text,
        };
    }
    assert_eq!(told(&change), ["0"]);
}
