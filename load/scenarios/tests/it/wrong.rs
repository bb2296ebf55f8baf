//! Runs that must fail.

use std::{fs, process::Command};

use crate::support::run;

/// Holds ten units, and claims one more than it was given.
const LIES: &str = r#"
import http from 'k6/http';
import { Counter } from 'k6/metrics';
const held = new Counter('held_units');
export const options = { vus: 1, iterations: 10 };
export default function () {
  const sku = JSON.parse(__ENV.SKUS)[0];
  const body = { reservationId: `${__ENV.RUN_ID}-${__ITER}`, items: [{ skuId: sku, quantity: 1 }] };
  const headers = { 'Content-Type': 'application/json' };
  const answer = http.post(`${__ENV.INVENTORY_URL}/api/reservations`, JSON.stringify(body), { headers });
  if (answer.status === 201) held.add(__ITER === 9 ? 2 : 1);
}
"#;

const PLAN: &str = r#"{"about": "a client that lies", "needs": "inventory", "skus": 2, "units": 100,
    "maxPerCustomer": null, "ttlSeconds": 900, "openAtEnd": true,
    "profiles": {"smoke": {"durationSeconds": 1}}}"#;

#[test]
fn one_unit_that_only_the_client_has_seen_fails_the_run() {
    let scripts = tempfile::tempdir().unwrap();
    fs::write(scripts.path().join("lies.js"), LIES).unwrap();
    fs::write(scripts.path().join("lies.json"), PLAN).unwrap();
    let ran = run(scripts.path(), "lies", &[]);
    assert_eq!(ran.output.status.code(), Some(1), "{}", ran.said());
    let result = ran.result();
    let found = &result.verification;
    assert!(!result.ok && !found.ok && !result.only_thresholds());
    assert_eq!(found.client_accepted, 11);
    assert_eq!(
        [found.redis, found.journal, found.mariadb, found.kafka],
        [Some(10); 4]
    );
    for store in ["Redis", "the journal", "MariaDB", "Kafka", "audit log"] {
        let mut differences = found.differences.iter();
        assert!(
            differences.any(|it| it.contains(store)),
            "{store}: {:?}",
            found.differences
        );
    }
    assert!(ran.said().contains("THEY DIFFER"), "{}", ran.said());
}

#[test]
fn a_scenario_that_is_not_there_is_answered_with_those_that_are() {
    let scripts = tempfile::tempdir().unwrap();
    fs::write(scripts.path().join("calm.json"), PLAN).unwrap();
    let ran = run(scripts.path(), "storm", &[]);
    assert_eq!(ran.output.status.code(), Some(1));
    assert!(ran.said().contains("there are: calm"), "{}", ran.said());
    let no_profile = Command::new(env!("CARGO_BIN_EXE_scenarios"))
        .args(["run", "calm", "--profile", "wild"])
        .output()
        .unwrap();
    assert_eq!(no_profile.status.code(), Some(64));
}
