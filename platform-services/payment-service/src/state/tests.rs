use proptest::prelude::*;

use super::{Event as E, GiveBack, Say, State as S, next};

const EVENTS: [E; 8] = [
    E::Prepared,
    E::Attempted,
    E::NotSent,
    E::Approved,
    E::Declined,
    E::OrderCancelled,
    E::CancelledPartly,
    E::CancelledWholly,
];

/// The whole table, for an order that stands and for one that is cancelled. `-`: nothing happens.
const TABLE: &str = "
                    Prepared       Attempted NotSent               Approved                 Declined     OrderCancelled           CancelledPartly     CancelledWholly
AWAITING            READY+created  -         -                     -                        -            CLOSED                   -                   -
READY               -              UNKNOWN   -                     APPROVED+completed       -            CLOSED+closed            -                   -
UNKNOWN             -              -         READY                 APPROVED+completed       FAILED+failed UNKNOWN                 -                   -
UNKNOWN/cancelled   -              -         CLOSED+closed         APPROVED+completed+rest  FAILED+failed UNKNOWN                 -                   -
APPROVED            -              -         -                     -                        -            APPROVED+rest            PARTIALLY_CANCELLED CANCELLED
PARTIALLY_CANCELLED -              -         -                     -                        -            PARTIALLY_CANCELLED+rest PARTIALLY_CANCELLED CANCELLED
CANCELLED           -              -         -                     -                        -            -                        -                   -
FAILED              -              -         -                     FAILED+stray             -            -                        -                   -
CLOSED              -              -         -                     CLOSED+stray             -            -                        -                   -
";

fn written(state: S, order_cancelled: bool, event: E) -> String {
    let Some(next) = next(state, order_cancelled, event) else {
        return "-".to_owned();
    };
    let mut text = next.state.name().to_owned();
    let said = next.say.map(|say| match say {
        Say::Created => "created",
        Say::Completed => "completed",
        Say::Failed => "failed",
        Say::Closed => "closed",
    });
    let back = next.give_back.map(|what| match what {
        GiveBack::Rest => "rest",
        GiveBack::Stray => "stray",
    });
    for word in said.into_iter().chain(back) {
        text.push('+');
        text.push_str(word);
    }
    text
}

#[test]
fn the_whole_table() {
    let mut lines = TABLE.lines().filter(|line| !line.is_empty());
    let head = lines.next().expect("a head").split_whitespace();
    let names: Vec<String> = EVENTS.iter().map(|event| format!("{event:?}")).collect();
    assert!(head.eq(names.iter().map(String::as_str)));
    let mut seen = Vec::new();
    for line in lines {
        let mut cells = line.split_whitespace();
        let row = cells.next().expect("a state");
        let (name, cancelled) = match row.split_once('/') {
            Some((name, _)) => (name, true),
            None => (row, false),
        };
        let state: S = name.parse().expect("a state");
        seen.push(state);
        for event in EVENTS {
            let expected = cells.next().expect("a cell");
            assert_eq!(
                written(state, cancelled, event),
                expected,
                "{row} {event:?}"
            );
            if state != S::Unknown {
                // Elsewhere it makes no difference whether the order was cancelled before.
                assert_eq!(written(state, true, event), expected, "{row} {event:?}");
            }
        }
    }
    seen.dedup();
    assert_eq!(seen, S::ALL);
}

#[test]
fn every_state_has_its_name() {
    for state in S::ALL {
        assert_eq!(state.name().parse(), Ok(state));
    }
    "PAID".parse::<S>().expect_err("no state");
}

/// A payment as its row keeps it, with a gateway that has taken `taken` of 2.
#[derive(Debug)]
struct Row {
    state: S,
    order_cancelled: bool,
    owed: bool,
    created: u32,
    completed: u32,
    ended: u32,
}

proptest! {
    /// Whatever comes in whatever order: said once each, never completed after failed, and an
    /// approval of a cancelled order is owed back.
    #[test]
    fn whatever_comes_what_was_said_stays_true(events in prop::collection::vec(0..EVENTS.len(), 0..40)) {
        let mut row = Row { state: S::Awaiting, order_cancelled: false, owed: false, created: 0, completed: 0, ended: 0 };
        let mut money = false;
        for event in events.into_iter().map(|at| EVENTS[at]) {
            // The gateway answers to attempts, and gives back what it has.
            let possible = match event {
                E::NotSent | E::Declined => row.state == S::Unknown,
                E::Approved => row.state != S::Awaiting,
                E::CancelledPartly | E::CancelledWholly => row.state.has_money(),
                E::Prepared | E::Attempted | E::OrderCancelled => true,
            };
            if !possible {
                continue;
            }
            money |= event == E::Approved;
            if event == E::OrderCancelled {
                row.order_cancelled = true;
            }
            let Some(next) = next(row.state, row.order_cancelled, event) else {
                continue;
            };
            row.state = next.state;
            row.owed |= next.give_back.is_some();
            match next.say {
                Some(Say::Created) => row.created += 1,
                Some(Say::Completed) => row.completed += 1,
                Some(Say::Failed | Say::Closed) => row.ended += 1,
                None => {}
            }
            prop_assert!(row.created <= 1 && row.completed + row.ended <= 1);
            prop_assert!(row.completed + row.ended == 0 || row.created == 1);
            let unpaid = matches!(row.state, S::Failed | S::Closed);
            if money && (unpaid || (row.order_cancelled && row.state.has_money())) {
                prop_assert!(row.owed, "{row:?} after {event:?}");
            }
            if row.order_cancelled {
                prop_assert!(!matches!(row.state, S::Awaiting | S::Ready), "{row:?}");
            }
        }
    }
}
