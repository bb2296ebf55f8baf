//! Nothing on a dashboard, in a recorded series or behind an alert is a figure that nobody has.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use monitoring::{
    Api, WATCHDOG, dashboards,
    figures::figures,
    rules::{self, Rule},
};

use crate::{
    busy::Goods,
    empty::Empty,
    support::{shop_alone, until},
    watched::{self, prometheus},
};

/// How long the last figure may take; some ten seconds, where nobody else is at work.
const PATIENCE: Duration = Duration::from_secs(180);

/// Something that must have figures.
#[derive(Debug)]
struct Wanted {
    place: String,
    expression: String,
}

impl Wanted {
    /// A number, of one series at least.
    fn is_there(&self, prometheus: &Api) -> bool {
        let samples = prometheus.query(&self.expression);
        let samples = samples.unwrap_or_else(|error| panic!("{}: {error}", self.place));
        samples.iter().any(|sample| sample.value.is_finite())
    }
}

fn wanted(rules: &[Rule]) -> Vec<Wanted> {
    let panels = dashboards::all().unwrap();
    let panels = panels.iter().flat_map(|dashboard| dashboard.queries());
    let panels = panels.map(|query| Wanted {
        expression: dashboards::without_variables(&query.expression),
        place: query.place,
    });
    let rules = rules.iter().filter_map(|rule| {
        let expression = match rule.alert {
            Some(_) if Empty::of(&rule.name).is_some() => return None,
            Some(_) => figures(&rule.expression),
            None => rule.expression.clone(),
        };
        Some(Wanted {
            place: rule.name.clone(),
            expression,
        })
    });
    panels.chain(rules).collect()
}

#[test]
fn every_panel_every_recorded_series_and_every_alert_has_its_figures() {
    let prometheus = prometheus();
    let (shop, _visit) = shop_alone();
    let goods = Goods::new(shop);
    let read = rules::all(&prometheus).unwrap();
    let mut missing = wanted(&read);
    let all = missing.len();
    assert!(all > 200, "{all}");
    assert!(watched::check(shop), "both sides agree");

    let (enough, begun) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        let selling = scope.spawn(|| goods.sell(shop, || enough.load(Ordering::Relaxed)));
        let seen = devstack::wait::until(PATIENCE, "all have figures", || {
            missing.retain(|wanted| !wanted.is_there(&prometheus));
            missing.is_empty() || selling.is_finished()
        });
        enough.store(true, Ordering::Relaxed);
        selling.join().unwrap();
        seen.unwrap_or_else(|error| panic!("{error}, not these: {missing:#?}"));
    });
    println!("{all} expressions have figures after {:?}", begun.elapsed());

    for rule in rules::all(&prometheus).unwrap() {
        assert_eq!(rule.error, "", "{}", rule.name);
        if let Some(empty) = Empty::of(&rule.name) {
            assert!(empty.is_shown(&prometheus), "{empty:?}");
            let found = prometheus.query(&figures(&rule.expression)).unwrap();
            assert_eq!(found, [], "{} has figures after all", rule.name);
            println!("{} has none: {}", rule.name, empty.reason);
        }
    }
    until("nothing is wrong in a shop that works", || {
        let alerts = prometheus.get("/api/v1/alerts", &[]).unwrap();
        let alerts = alerts["alerts"].as_array().unwrap().iter();
        let mut firing = alerts.filter(|alert| alert["state"] == "firing");
        let only = firing.next().map(|alert| &alert["labels"]["alertname"]);
        only.is_some_and(|name| name == WATCHDOG) && firing.next().is_none()
    });
    assert!(
        !watched::log().contains("level=error"),
        "{}",
        watched::log()
    );
}
