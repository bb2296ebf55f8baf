use inventory_core::engine::RawEntry;

use super::*;
use crate::project::batch::{Content, content};

/// An entry as the stream has it: names and values.
fn entry(fields: &[(&str, &[u8])]) -> RawEntry {
    let mut payload = b"1000-5\n".to_vec();
    for part in fields
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), value])
    {
        payload.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        payload.extend_from_slice(part);
    }
    RawEntry::from_payload(&payload).unwrap()
}

/// A record as the journal has it.
fn record(created: u64, state: u8, text: &str) -> Vec<u8> {
    let mut bytes = created.to_be_bytes()[2..].to_vec();
    bytes.push(state);
    bytes.extend_from_slice(&60_000_u32.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn changes(fields: &[(&str, &[u8])]) -> Vec<ChangeRows> {
    match content(&entry(fields)).unwrap() {
        Content::Changes { changes, .. } => changes,
        Content::Bless { .. } | Content::Unreadable(_) => panic!("no changes"),
    }
}

const fn figures(available: i64, reserved: i64, sold: i64, version: i64) -> Figures {
    Figures {
        available,
        reserved,
        sold,
        version,
    }
}

#[test]
fn each_change_has_its_own_before_and_after() {
    let tail = |text: &str| record(0, b'R', text)[6..].to_vec();
    let confirmed = record(900, b'C', "a=5,x|a=2\nc100\ta=3");
    let rows = changes(&[
        ("@", b"1000"),
        ("=", b"a 96 3 3 12\nx|a 7 0 0 4"),
        ("Rone", &tail("a=2\to1\tc1")),
        ("Ctwo\tme", &confirmed),
        ("Aop", b"default:a\t-4\tbroken"),
        ("Rthree", &tail("a=1")),
    ]);
    let steps: Vec<_> = rows
        .iter()
        .flat_map(|row| &row.stocks)
        .map(|step| {
            (
                step.key.to_string(),
                step.before,
                step.after,
                step.ledger_delta,
            )
        })
        .collect();
    let step = |key: &str, before, after, ledger_delta| {
        (key.to_owned(), Some(before), after, ledger_delta)
    };
    let expected = [
        step("default|a", figures(101, 5, 0, 8), figures(99, 7, 0, 9), 0),
        step("default|a", figures(99, 7, 0, 9), figures(101, 2, 3, 10), 0),
        step("x|a", figures(5, 2, 0, 3), figures(7, 0, 0, 4), 0),
        step(
            "default|a",
            figures(101, 2, 3, 10),
            figures(97, 2, 3, 11),
            -4,
        ),
        step("default|a", figures(97, 2, 3, 11), figures(96, 3, 3, 12), 0),
    ];
    assert_eq!(steps, expected);
    let items: Vec<_> = rows.iter().map(|row| row.item).collect();
    assert_eq!(items, [0, 1, 2, 3]);
}

#[test]
fn anew_only_what_is_sold_moves_and_back_only_what_returns() {
    let reacquired = record(900, b'C', "a=5,b=2\nx10\nc100\ta=3\tr");
    let returned = record(900, b'P', "a=5,b=2\nx10\nc100\ta=3\tr\nt110\tr1\ta=1");
    let rows = changes(&[
        ("@", b"1000"),
        ("=", b"a 1 0 2 9"),
        ("Qone", &reacquired),
        ("Tone", &returned),
    ]);
    let figures_of = |row: &ChangeRows| {
        let [step] = row.stocks.as_slice() else {
            panic!("one stock: {row:?}");
        };
        (step.before.unwrap(), step.after)
    };
    assert_eq!(
        figures_of(&rows[0]),
        (figures(3, 0, 0, 7), figures(0, 0, 3, 8))
    );
    assert_eq!(
        figures_of(&rows[1]),
        (figures(0, 0, 3, 8), figures(1, 0, 2, 9))
    );
}

#[test]
fn a_stock_without_its_figures_makes_an_entry_unreadable() {
    let broken = entry(&[
        ("@", b"1000"),
        ("=", b"b 1 0 0 1"),
        ("Aop", b"default:a\t1\t"),
    ]);
    let why = content(&broken).unwrap_err();
    assert!(why.contains("default|a"), "{why}");
    assert!(content(&entry(&[("nonsense", b"")])).is_err());
}
