//! The table of `docs/states.md` is what the model does.

use super::*;

const DOC: &str = include_str!("../../../../docs/states.md");

type Prepare = fn(&mut Shop);
type Ask = fn(&mut Shop) -> Outcome<Status>;

const FOUND: [(&str, Prepare); 9] = [
    ("unknown", |_| {}),
    ("RESERVED", |shop| take_hold(shop)),
    ("RESERVED, due", |shop| {
        take_hold(shop);
        shop.wait_ms(60_000);
    }),
    ("CONFIRMED", |shop| sell(shop)),
    ("RELEASED", |shop| {
        take_hold(shop);
        shop.release(&release("r")).unwrap();
    }),
    ("RELEASED, tombstone", |shop| {
        shop.release(&Release {
            tombstone: true,
            ..release("r")
        })
        .unwrap();
    }),
    ("EXPIRED", |shop| {
        take_hold(shop);
        shop.wait_ms(60_000);
        assert_eq!(
            shop.checked(|model, now| model.expire(now, Expire { max: 9 }))
                .expired,
            1
        );
    }),
    ("PARTIALLY_RETURNED", |shop| {
        sell(shop);
        shop.return_goods("before", Some(lines(&[("a", 1)])))
            .unwrap();
    }),
    ("RETURNED", |shop| {
        sell(shop);
        shop.return_goods("before", None).unwrap();
    }),
];

const ASKED: [(&str, Ask); 8] = [
    ("reserve, same content", |shop| {
        reserve_status(shop, &hold("r", &[("a", 3)]))
    }),
    ("reserve, other content", |shop| {
        reserve_status(shop, &hold("r", &[("a", 2)]))
    }),
    ("confirm", |shop| status_of(shop.confirm(&confirm("r")))),
    ("confirm, reacquire", |shop| {
        status_of(shop.confirm(&Confirm {
            reacquire: true,
            ..confirm("r")
        }))
    }),
    ("release", |shop| status_of(shop.release(&release("r")))),
    ("extend", |shop| status_of(shop.extend(90_000, MAX_HOLD_MS))),
    ("return, a part", |shop| {
        status_of(shop.return_goods("now", Some(lines(&[("a", 1)]))))
    }),
    ("return, the rest", |shop| {
        status_of(shop.return_goods("now", None))
    }),
];

fn take_hold(shop: &mut Shop) {
    shop.reserve(&hold("r", &[("a", 3)])).unwrap();
}

fn sell(shop: &mut Shop) {
    take_hold(shop);
    shop.confirm(&confirm("r")).unwrap();
}

fn status_of(outcome: Outcome<Reservation>) -> Outcome<Status> {
    outcome.map(|s| Success {
        value: s.value.status,
        replayed: s.replayed,
    })
}

fn reserve_status(shop: &mut Shop, command: &Reserve) -> Outcome<Status> {
    shop.reserve(command).map(|success| Success {
        value: match success.value {
            Held::New { .. } => Status::Reserved,
            Held::Existing(reservation) => reservation.status,
        },
        replayed: success.replayed,
    })
}

/// What the model does with `ask` in the state that `prepare` makes, in the words of the table.
fn cell(prepare: Prepare, ask: Ask) -> String {
    let mut shop = Shop::with(&[("a", 10)]);
    prepare(&mut shop);
    let before = shop.model.reservation(&rid("r")).cloned();
    let is_due = before
        .as_ref()
        .is_some_and(|r| r.status != r.status_at(shop.now));

    let answer = ask(&mut shop);

    let after = shop.model.reservation(&rid("r")).cloned();
    match answer {
        Ok(Success { value, replayed }) => {
            assert_eq!(
                after.as_ref().map(|r| r.status),
                Some(value),
                "the answer is the state"
            );
            assert_eq!(
                after == before,
                replayed && !is_due,
                "a repeat changes nothing"
            );
            format!("{} {value}", if replayed { '=' } else { '→' })
        }
        Err(refusal) => {
            if is_due {
                assert_eq!(after.map(|r| r.status), Some(Status::Expired));
            } else {
                assert_eq!(after, before, "{refusal:?} changes nothing");
            }
            refusal.code().to_string()
        }
    }
}

#[test]
fn the_documented_table_is_what_the_model_does() {
    let mut header = String::from("| found |");
    ASKED
        .iter()
        .for_each(|(asked, _)| header += &format!(" {asked} |"));
    let mut table = vec![header, "|---".repeat(ASKED.len() + 1) + "|"];
    for (found, prepare) in FOUND {
        let mut row = format!("| {found} |");
        ASKED
            .iter()
            .for_each(|(_, ask)| row += &format!(" {} |", cell(prepare, *ask)));
        table.push(row);
    }
    let documented: Vec<_> = DOC.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(documented, table, "docs/states.md and the model differ");
}

#[test]
fn every_status_has_its_row() {
    for status in Status::ALL {
        assert!(
            FOUND.iter().any(|(found, _)| *found == status.as_str()),
            "{status}"
        );
    }
}

#[test]
fn a_tombstone_is_left_only_for_an_unknown_id() {
    for (found, prepare) in FOUND {
        let ask: Ask = |shop| {
            status_of(shop.release(&Release {
                tombstone: true,
                ..release("r")
            }))
        };
        let plain: Ask = |shop| status_of(shop.release(&release("r")));
        let expected = if found == "unknown" {
            "→ RELEASED".to_owned()
        } else {
            cell(prepare, plain)
        };
        assert_eq!(cell(prepare, ask), expected, "{found}");
    }
}
