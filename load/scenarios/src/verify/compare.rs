//! The arithmetic: what the clients counted beside what each store has. Pure; one unit is a difference.

use std::collections::BTreeMap;

use crate::{
    flow::{Figures, Flow},
    result::Verification,
    stores::{journal::Ledger, mariadb::Rows, stock},
};

/// Stocks in a list of differences are enough.
const LISTED_MAX: usize = 10;

/// What everybody says.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Units of all SKUs at the start.
    pub seeded: i64,
    /// Units may be held at the end.
    pub open_at_end: bool,
    /// The clients. They do not know what expired.
    pub clients: Flow,
    /// The stock figures.
    pub redis: Option<BTreeMap<String, Figures>>,
    /// The journal.
    pub journal: Option<Ledger>,
    /// MariaDB.
    pub(crate) mariadb: Option<Rows>,
    /// Kafka, and how many events there were.
    pub kafka: Option<(Flow, usize)>,
    /// Differences that were found on the way.
    pub problems: Vec<String>,
    /// What is worth telling.
    pub notes: Vec<String>,
    /// What could not be asked.
    pub unverified: Vec<String>,
}

/// Sets everything beside what the clients counted.
#[must_use]
pub fn compare(evidence: &Evidence) -> Verification {
    let mut differences = evidence.problems.clone();
    let mut notes = evidence.notes.clone();
    let mut not_verified = evidence.unverified.clone();
    let clients = with_expired(evidence, &mut not_verified);
    let flows = [
        ("the journal", evidence.journal.as_ref().map(|it| it.flow)),
        ("MariaDB", evidence.mariadb.as_ref().map(|it| it.flow)),
        ("Kafka", evidence.kafka.map(|(flow, _)| flow)),
    ];
    for (store, flow) in flows {
        if let Some(flow) = flow {
            differences.extend(flow_differences(store, &flow, &clients));
        }
    }
    if !evidence.open_at_end && clients.open() != 0 {
        differences.push(format!("{} units are held for ever", clients.open()));
    }
    let redis = evidence.redis.as_ref().map(stock::sum);
    if let Some(redis) = redis {
        differences.extend(figure_differences(
            "Redis",
            redis,
            &clients,
            evidence.seeded,
        ));
    }
    if let Some(rows) = &evidence.mariadb {
        let sum = stock::sum(&rows.figures);
        differences.extend(figure_differences(
            "MariaDB's stock",
            sum,
            &clients,
            evidence.seeded,
        ));
        if rows.audited != clients.gone() {
            differences.push(format!(
                "the audit log says that {} units left the shelf, the clients counted {}",
                rows.audited,
                clients.gone()
            ));
        }
        differences.extend(stock_differences(
            "MariaDB",
            &rows.figures,
            evidence.redis.as_ref(),
        ));
        notes.push(format!(
            "{} rows of the audit log added up",
            rows.audit_rows
        ));
    }
    if let Some(ledger) = &evidence.journal {
        differences.extend(ledger.problems.iter().cloned());
        differences.extend(stock_differences(
            "the journal",
            &ledger.figures,
            evidence.redis.as_ref(),
        ));
        notes.extend(told(ledger));
    }
    if let Some((_, events)) = evidence.kafka {
        notes.push(format!("{events} events were read from Kafka"));
    }
    Verification {
        ok: differences.is_empty(),
        client_accepted: clients.gone(),
        redis: redis.map(|figures| evidence.seeded - figures.available),
        journal: evidence.journal.as_ref().map(|it| it.flow.gone()),
        mariadb: evidence.mariadb.as_ref().map(|it| it.flow.gone()),
        kafka: evidence.kafka.map(|(flow, _)| flow.gone()),
        differences,
        not_verified,
        notes,
    }
}

/// The clients' own count, with the units that the clock took from them: who has walked away cannot know. The first
/// store that can say how many these are is believed, and held against all others.
fn with_expired(evidence: &Evidence, not_verified: &mut Vec<String>) -> Flow {
    let journal = evidence.journal.as_ref().map(|it| it.flow.expired);
    let mariadb = || evidence.mariadb.as_ref().map(|it| it.flow.expired);
    let kafka = || evidence.kafka.map(|(flow, _)| flow.expired);
    let known = journal.or_else(mariadb).or_else(kafka);
    let expired = known.unwrap_or_else(|| {
        let held = evidence
            .redis
            .as_ref()
            .map_or(0, |all| stock::sum(all).reserved);
        let expired = evidence.clients.open() - held;
        if expired != 0 {
            not_verified.push(format!(
                "{expired} units are taken for expired: no store was there that could say so"
            ));
        }
        expired
    });
    Flow {
        expired,
        ..evidence.clients
    }
}

fn flow_differences(store: &str, flow: &Flow, clients: &Flow) -> Vec<String> {
    let whats = [
        ("held", flow.held, clients.held),
        ("sold", flow.confirmed, clients.confirmed),
        ("given back", flow.released, clients.released),
        ("brought back", flow.returned, clients.returned),
        ("added or taken", flow.adjusted, clients.adjusted),
    ];
    let mut differences: Vec<String> = whats
        .into_iter()
        .filter(|(_, theirs, counted)| theirs != counted)
        .map(|(what, theirs, counted)| {
            format!("{store} has {theirs} units {what}, the clients counted {counted}")
        })
        .collect();
    if flow.expired != clients.expired {
        differences.push(format!(
            "{store} has {} units expired, the journal {}",
            flow.expired, clients.expired
        ));
    }
    differences
}

fn figure_differences(store: &str, figures: Figures, clients: &Flow, seeded: i64) -> Vec<String> {
    let whats = [
        ("available", figures.available, seeded - clients.gone()),
        ("held", figures.reserved, clients.open()),
        ("sold", figures.sold, clients.sold()),
    ];
    let wrong = whats
        .into_iter()
        .filter(|(_, theirs, should)| theirs != should);
    wrong
        .map(|(what, theirs, should)| {
            format!("{store} has {theirs} units {what}; by what the clients counted it should be {should}")
        })
        .collect()
}

/// Stock by stock, those that the store knows.
fn stock_differences(
    store: &str,
    theirs: &BTreeMap<String, Figures>,
    redis: Option<&BTreeMap<String, Figures>>,
) -> Vec<String> {
    let Some(redis) = redis else {
        return Vec::new();
    };
    let words = |it: &Figures| {
        format!(
            "{} available, {} held, {} sold",
            it.available, it.reserved, it.sold
        )
    };
    let wrong = theirs.iter().filter_map(|(sku, own)| {
        let other = redis.get(sku).filter(|other| *other != own)?;
        Some(format!(
            "{sku}: {store} has {}, Redis {}",
            words(own),
            words(other)
        ))
    });
    wrong.take(LISTED_MAX).collect()
}

/// What the journal tells that nobody else can.
fn told(ledger: &Ledger) -> Vec<String> {
    let mut notes = vec![format!(
        "after each of {} journal entries ({} changes) every unit was available, held or sold",
        ledger.entries, ledger.changes
    )];
    if let Some(Figures { reserved, sold, .. }) = ledger.sold_out {
        notes.push(format!("when a SKU sold out for the first time, {reserved} of its units were held and {sold} sold"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of which everybody says the same.
    fn evidence() -> Evidence {
        let clients = Flow {
            held: 90,
            confirmed: 50,
            released: 10,
            returned: 5,
            expired: 0,
            adjusted: -3,
        };
        let flow = Flow {
            expired: 30,
            ..clients
        };
        // 100 - 3 - 45 that stayed sold.
        let figures = BTreeMap::from([(
            "a".to_owned(),
            Figures {
                available: 52,
                reserved: 0,
                sold: 45,
            },
        )]);
        let mut journal = Ledger::new(&["a".to_owned()], 100);
        journal.flow = flow;
        journal.figures.clone_from(&figures);
        Evidence {
            seeded: 100,
            clients,
            redis: Some(figures.clone()),
            journal: Some(journal),
            mariadb: Some(Rows {
                flow,
                figures,
                audited: 48,
                audit_rows: 7,
            }),
            kafka: Some((flow, 9)),
            ..Evidence::default()
        }
    }

    #[test]
    fn when_all_agree_there_is_no_difference() {
        let verification = compare(&evidence());
        assert_eq!(verification.differences, [""; 0]);
        assert!(verification.ok);
        let Verification {
            client_accepted,
            redis,
            journal,
            mariadb,
            kafka,
            ..
        } = verification;
        assert_eq!(client_accepted, 48);
        assert_eq!([redis, journal, mariadb, kafka], [Some(48); 4]);
    }

    /// Changes one thing and returns what is found.
    fn changed(change: impl FnOnce(&mut Evidence)) -> Vec<String> {
        let mut evidence = evidence();
        change(&mut evidence);
        let verification = compare(&evidence);
        assert_eq!(verification.ok, verification.differences.is_empty());
        verification.differences
    }

    #[test]
    fn one_unit_is_found_on_each_side() {
        fn flow(evidence: &mut Evidence, store: usize) -> &mut Flow {
            match store {
                0 => &mut evidence.journal.as_mut().unwrap().flow,
                1 => &mut evidence.mariadb.as_mut().unwrap().flow,
                2 => &mut evidence.kafka.as_mut().unwrap().0,
                _ => &mut evidence.clients,
            }
        }
        let parts: [fn(&mut Flow) -> &mut i64; 5] = [
            |flow| &mut flow.held,
            |flow| &mut flow.confirmed,
            |flow| &mut flow.released,
            |flow| &mut flow.returned,
            |flow| &mut flow.adjusted,
        ];
        for (store, name) in ["the journal", "MariaDB", "Kafka", "the clients"]
            .into_iter()
            .enumerate()
        {
            for part in parts {
                for unit in [-1, 1] {
                    let found = changed(|it| *part(flow(it, store)) += unit);
                    assert!(
                        found.iter().any(|it| it.contains(name)),
                        "{name}: {found:?}"
                    );
                }
            }
        }
        for store in 0..3 {
            assert!(
                !changed(|it| flow(it, store).expired += 1).is_empty(),
                "{store}"
            );
        }
    }

    #[test]
    fn one_unit_is_found_in_the_figures() {
        let parts: [fn(&mut Figures) -> &mut i64; 3] = [
            |figures| &mut figures.available,
            |figures| &mut figures.reserved,
            |figures| &mut figures.sold,
        ];
        for part in parts {
            let redis =
                |it: &mut Evidence| *part(it.redis.as_mut().unwrap().get_mut("a").unwrap()) += 1;
            let found = changed(redis);
            assert!(
                found.iter().any(|it| it.starts_with("Redis has")),
                "{found:?}"
            );
            let rows = |it: &mut Evidence| {
                *part(it.mariadb.as_mut().unwrap().figures.get_mut("a").unwrap()) += 1;
            };
            let found = changed(rows);
            assert!(
                found.iter().any(|it| it.starts_with("a: MariaDB has")),
                "{found:?}"
            );
        }
        let audit = |it: &mut Evidence| it.mariadb.as_mut().unwrap().audited += 1;
        assert!(changed(audit)[0].starts_with("the audit log"));
    }

    #[test]
    fn units_that_are_held_for_ever_are_a_difference() {
        let hang = |it: &mut Evidence| {
            for flow in [
                &mut it.journal.as_mut().unwrap().flow,
                &mut it.mariadb.as_mut().unwrap().flow,
                &mut it.kafka.as_mut().unwrap().0,
            ] {
                flow.expired -= 1;
            }
        };
        let found = changed(hang);
        assert!(
            found.iter().any(|it| it == "1 units are held for ever"),
            "{found:?}"
        );
        let found = changed(|it| {
            hang(it);
            it.open_at_end = true;
        });
        assert!(!found.iter().any(|it| it.contains("for ever")), "{found:?}");
    }

    #[test]
    fn without_other_stores_it_says_what_it_believed() {
        let mut evidence = evidence();
        (evidence.journal, evidence.mariadb, evidence.kafka) = (None, None, None);
        let verification = compare(&evidence);
        assert!(verification.ok, "{:?}", verification.differences);
        assert!(
            verification.not_verified[0].contains("30 units"),
            "{:?}",
            verification.not_verified
        );
        assert_eq!((verification.journal, verification.redis), (None, Some(48)));
    }

    #[test]
    fn what_was_found_on_the_way_fails_the_run() {
        assert_eq!(changed(|it| it.problems.push("lost".to_owned())), ["lost"]);
        let found = changed(|it| {
            it.journal
                .as_mut()
                .unwrap()
                .problems
                .push("twice".to_owned());
        });
        assert_eq!(found, ["twice"]);
    }
}
