use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use devstack::program;
use monitoring::{WATCHDOG, prometheus_dir, rules};

use crate::support::prometheus;

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(prometheus_dir().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[track_caller]
fn promtool(words: &[&str], files: Vec<PathBuf>) {
    let output = Command::new(program::find("promtool").unwrap())
        .args(words)
        .args(files)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
}

#[test]
fn promtool_takes_the_configuration_and_finds_no_rule_twice() {
    let config = prometheus_dir().join("prometheus.yml");
    promtool(&["check", "config", "--lint-fatal"], vec![config]);
    promtool(&["check", "rules", "--lint-fatal"], files("rules"));
}

#[test]
fn every_alert_is_raised_and_not_raised_as_its_tests_say() {
    promtool(&["test", "rules"], files("tests"));
}

/// What the tests of promtool expect, by alert: the severities that are raised, and whether somewhere
/// nothing is.
#[test]
fn every_alert_has_a_test_in_which_it_is_raised_and_one_in_which_it_is_not() {
    let (mut raised, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for file in files("tests") {
        let text = fs::read_to_string(&file).unwrap();
        for case in text.split("alertname: ").skip(1) {
            let alert = case.lines().next().unwrap().to_owned();
            if case.contains("exp_alerts: []") {
                silent.insert(alert.clone());
            }
            for severity in case.split("severity: ").skip(1) {
                let word = severity.split([',', '}']).next().unwrap();
                raised.insert((alert.clone(), word.to_owned()));
            }
        }
    }
    for rule in rules::all(&prometheus()).unwrap() {
        let Some(alert) = rule.alert else { continue };
        let name = rule.name;
        assert!(
            raised.contains(&(name.clone(), alert.severity.clone())),
            "no test raises {name} as {}",
            alert.severity
        );
        let is_silent = silent.contains(&name);
        assert_ne!(is_silent, name == WATCHDOG, "where {name} is silent");
    }
}

#[test]
fn an_alert_says_whom_it_wakes_and_what_is_wrong() {
    let rules = rules::all(&prometheus()).unwrap();
    let alerts: Vec<_> = rules
        .iter()
        .filter_map(|rule| Some((&rule.name, rule.alert.as_ref()?)))
        .collect();
    assert!(alerts.len() > 20, "{}", alerts.len());
    for (name, alert) in alerts {
        let severities: &[&str] = if name == WATCHDOG {
            &["none"]
        } else {
            &["page", "ticket"]
        };
        assert!(severities.contains(&&*alert.severity), "{alert:?}");
        assert!(!alert.summary.is_empty(), "{alert:?}");
    }
}

/// Those that the contract names.
#[test]
fn what_must_be_watched_is_watched() {
    let rules = rules::all(&prometheus()).unwrap();
    let alerts: BTreeSet<_> = rules
        .iter()
        .filter(|rule| rule.alert.is_some())
        .map(|rule| rule.name.as_str())
        .collect();
    for name in [
        "ReserveAvailability",
        "ReserveLatency",
        "ProjectionLag",
        "ShardFenced",
        "Drift",
        "DlqGrowing",
        "OutboxAge",
        "StuckOrders",
        "PaymentUnknown",
        "JournalMemory",
        "ConsumerLag",
        "CertificateExpiry",
        "KeyRotation",
        WATCHDOG,
    ] {
        assert!(alerts.contains(name), "{name}");
    }
}
