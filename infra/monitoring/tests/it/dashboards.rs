use std::{collections::BTreeSet, fs};

use monitoring::{
    dashboards::{self, Dashboard, without_variables},
    repository,
};
use serde_json::Value;

use crate::support::prometheus;

/// Columns of a dashboard.
const WIDTH: u64 = 24;

#[test]
fn there_is_one_of_each_subject() {
    let names: Vec<_> = dashboards::all().unwrap();
    let names: Vec<&str> = names.iter().map(|dashboard| &*dashboard.uid).collect();
    let expected = [
        "engine",
        "infrastructure",
        "load",
        "platform",
        "projection",
        "saga",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_dashboard_is_found_by_the_name_of_its_file() {
    for dashboard in dashboards::all().unwrap() {
        assert_eq!(dashboard.json["uid"], dashboard.uid);
        assert!(dashboard.json["title"].is_string());
        assert!(dashboard.json["description"].is_string());
    }
}

#[test]
fn panels_have_names_and_places_of_their_own() {
    for dashboard in dashboards::all().unwrap() {
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for panel in dashboard.panels() {
            let what = format!("{}: {}", dashboard.uid, panel["title"]);
            assert!(panel["title"].is_string(), "{what}");
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{what}");
            let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
            assert!(x + w <= WIDTH && h > 0, "{what}");
            for column in x..x + w {
                for row in y..y + h {
                    assert!(cells.insert((column, row)), "{what} lies over another");
                }
            }
            let targets = panel["targets"].as_array().map_or(0, Vec::len);
            assert_eq!(targets == 0, panel["type"] == "row", "{what}");
        }
    }
}

/// Every `uid` of a datasource in a piece of JSON.
fn datasources<'a>(json: &'a Value, found: &mut BTreeSet<&'a str>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "datasource" {
                    found.insert(value["uid"].as_str().unwrap());
                }
                datasources(value, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                datasources(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn they_ask_the_datasource_that_is_provisioned() {
    let provisioned = "infra/grafana/provisioning/datasources/prometheus.yaml";
    let provisioned = fs::read_to_string(repository(provisioned)).unwrap();
    let dashboards = dashboards::all().unwrap();
    let mut found = BTreeSet::new();
    for dashboard in &dashboards {
        datasources(&dashboard.json, &mut found);
    }
    assert_eq!(found.len(), 1, "{found:?}");
    for uid in found {
        assert!(provisioned.contains(&format!("uid: {uid}\n")), "{uid}");
    }
}

fn declared(dashboard: &Dashboard) -> BTreeSet<String> {
    let variables = dashboard.json["templating"]["list"].as_array().unwrap();
    let names = variables.iter().map(|variable| &variable["name"]);
    names
        .map(|name| format!("${}", name.as_str().unwrap()))
        .collect()
}

#[test]
fn prometheus_understands_every_query() {
    let prometheus = prometheus();
    for dashboard in dashboards::all().unwrap() {
        let variables = declared(&dashboard);
        for query in dashboard.queries() {
            let asked = without_variables(&query.expression);
            assert!(!asked.contains('$'), "{query:?}");
            assert!(
                variables.contains("$job") || !query.expression.contains("$job"),
                "{query:?} has a variable that is not declared"
            );
            prometheus
                .query(&asked)
                .unwrap_or_else(|error| panic!("{}: {error}", query.place));
        }
    }
}
