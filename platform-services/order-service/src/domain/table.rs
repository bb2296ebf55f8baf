//! The whole table, as the README shows it: every state with every event, written by [`decide`].

use super::{Command, Decision, Event, State, Status, decide};

const TOTAL: i64 = 3000;

/// Every event, with the amounts that make a difference.
const EVENTS: &[(&str, Event)] = &[
    ("`inventory.reserved`", Event::HoldReserved),
    ("`inventory.reservation.failed`", Event::HoldRefused),
    ("`inventory.released`", Event::HoldReleased),
    ("`inventory.expired`", Event::HoldExpired),
    ("`inventory.confirmed`", Event::HoldConfirmed),
    ("`inventory.confirm.failed`", Event::HoldConfirmFailed),
    ("`inventory.returned`", Event::HoldReturned),
    ("`payment.created`", Event::PaymentCreated),
    (
        "`payment.completed`",
        Event::PaymentCompleted { amount: TOTAL },
    ),
    (
        "`payment.completed`, another amount",
        Event::PaymentCompleted { amount: TOTAL - 1 },
    ),
    ("`payment.failed`", Event::PaymentFailed),
    (
        "`payment.cancelled`, nothing was taken",
        Event::PaymentCancelled { amount: 0 },
    ),
    (
        "`payment.cancelled`, a part",
        Event::PaymentCancelled { amount: 1 },
    ),
    (
        "`payment.cancelled`, everything",
        Event::PaymentCancelled { amount: TOTAL },
    ),
    (
        "`payment.cancelled` of our refund, a part",
        Event::RefundPaid {
            amount: 1000,
            units: 1,
        },
    ),
    (
        "`payment.cancelled` of our refund, the rest",
        Event::RefundPaid {
            amount: 2000,
            units: 2,
        },
    ),
    ("somebody cancels", Event::CancelRequested),
    ("the watchdog gives up", Event::TimedOut),
    ("somebody asks for a refund", Event::RefundRequested),
];

/// An order of 3 units at 1,000 won in each state; a partly refunded one has one of them back.
fn state(status: Status) -> State {
    let (refunded_amount, units_refunded) = match status {
        Status::PartiallyRefunded => (1000, 1),
        Status::Refunded => (TOTAL, 3),
        Status::Placed
        | Status::Reserved
        | Status::PaymentPending
        | Status::Paid
        | Status::Confirmed
        | Status::Cancelled => (0, 0),
    };
    State {
        status,
        sold_early: false,
        total_amount: TOTAL,
        refunded_amount,
        units: 3,
        units_refunded,
    }
}

fn topic(command: Command) -> &'static str {
    match command {
        Command::SellStock => "`order.confirmed`",
        Command::CallOff => "`order.cancelled`",
        Command::PayBack => "`order.refund.requested`",
    }
}

fn cell(decision: Decision) -> String {
    match decision {
        Decision::Ignore(why) => why.word().to_owned(),
        Decision::Tell(command) => topic(command).to_owned(),
        Decision::Move {
            transition,
            command,
        } => match (transition.reason, command) {
            // Every cancellation is told, as the README says above the table.
            (Some(reason), Some(Command::CallOff)) => format!("✗ `{reason}`"),
            (None, Some(command)) => format!("→ `{}`, {}", transition.to, topic(command)),
            (None, None) => format!("→ `{}`", transition.to),
            (reason, command) => panic!("{reason:?} with {command:?}"),
        },
    }
}

fn table() -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut head = vec!["event".to_owned()];
    head.extend(Status::ALL.iter().map(|status| format!("`{status}`")));
    let mut table = row(head);
    table.push_str(&format!("|{}\n", "---|".repeat(Status::ALL.len() + 1)));
    for (name, event) in EVENTS {
        let mut cells = vec![(*name).to_owned()];
        let states = Status::ALL.iter().map(|status| state(*status));
        cells.extend(states.map(|state| cell(decide(&state, *event))));
        table.push_str(&row(cells));
    }
    table
}

#[test]
fn the_readme_shows_the_table() {
    let table = table();
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&table),
        "README.md is to contain exactly this:\n\n{table}"
    );
}

#[test]
fn only_what_is_not_paid_is_cancelled_by_people_and_clocks() {
    for status in Status::ALL {
        for event in [Event::CancelRequested, Event::TimedOut] {
            let cancels = matches!(
                decide(&state(*status), event),
                Decision::Move { transition, .. } if transition.to == Status::Cancelled
            );
            assert_eq!(cancels, status.is_unpaid(), "{status} {event:?}");
        }
    }
}

#[test]
fn no_state_is_left_backwards_and_no_end_is_left() {
    for status in Status::ALL {
        for (name, event) in EVENTS {
            if let Decision::Move { transition, .. } = decide(&state(*status), *event) {
                assert!(transition.to > *status, "{name} at {status}");
                let cancels = transition.to == Status::Cancelled;
                assert_eq!(transition.reason.is_some(), cancels, "{name} at {status}");
                assert!(!matches!(status, Status::Cancelled | Status::Refunded));
            }
        }
    }
}

#[test]
fn what_was_noted_counts_when_the_order_is_paid_and_sold() {
    let to = |state: &State, event| match decide(state, event) {
        Decision::Move { transition, .. } => transition.to,
        other @ (Decision::Tell(_) | Decision::Ignore(_)) => panic!("{other:?}"),
    };
    let paid = Event::PaymentCompleted { amount: TOTAL };
    let sold_early = State {
        sold_early: true,
        ..state(Status::PaymentPending)
    };
    assert_eq!(to(&sold_early, paid), Status::Confirmed);
    let paid_back = State {
        refunded_amount: 1,
        ..state(Status::Paid)
    };
    assert_eq!(
        to(&paid_back, Event::HoldConfirmed),
        Status::PartiallyRefunded
    );
}
