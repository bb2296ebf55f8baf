//! What every pod has, whatever it runs.

use serde_json::Value;

use crate::support::{
    PROD, list, of_kind, overlays,
    pods::{Workload, selects, workloads},
    text,
};

/// Seconds that a pod goes on answering before it is told to stop: endpoints and ingress forget it meanwhile.
const PRE_STOP_SECONDS: u64 = 10;

/// Default drain of inventory-server and of the services.
const DRAIN_SECONDS: u64 = 10;

fn each_pod(check: impl Fn(&Workload<'_>) -> Option<String>) {
    let mut faults = Vec::new();
    for (overlay, resources) in overlays() {
        for workload in workloads(resources) {
            let fault = check(&workload);
            faults.extend(fault.map(|fault| format!("{overlay}: {}: {fault}", workload.name())));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn each_container(check: impl Fn(&Workload<'_>, &Value) -> Option<String>) {
    each_pod(|workload| {
        let pod = workload.spec();
        let all = workload
            .containers()
            .iter()
            .chain(list(pod, "/initContainers"));
        all.filter_map(|container| check(workload, container))
            .next()
    });
}

#[test]
fn images_are_pinned() {
    each_container(|_, container| {
        let image = text(container, "/image");
        (!is_pinned(image)).then(|| format!("{image} may be another one tomorrow"))
    });
    for image in [
        "redis",
        "redis:latest",
        "redis:7",
        "redis:7.0",
        "redis:7.0-bookworm",
        "debian:12-slim",
        "localhost:5000/redis",
    ] {
        assert!(!is_pinned(image), "{image}");
    }
    for image in [
        "redis:7.0.15",
        "redis:7.0.15-bookworm",
        "quay.io/debezium/connect:3.3.0.Final",
        "prom/prometheus:v3.5.0",
        "a.example:5000/b:0.1.0",
        "debian:12.12-slim",
        "redis@sha256:0123",
    ] {
        assert!(is_pinned(image), "{image}");
    }
}

/// By digest, or by a tag that is a version down to its last number: the third, and Debian's second.
pub(crate) fn is_pinned(image: &str) -> bool {
    if image.contains("@sha256:") {
        return true;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    let version = tag.split('-').next().unwrap_or_default();
    let is_number = |part: &&str| !part.is_empty() && part.chars().all(|one| one.is_ascii_digit());
    let numbers = version
        .trim_start_matches('v')
        .split('.')
        .take_while(is_number)
        .count();
    numbers >= if name == "debian" { 2 } else { 3 }
}

#[test]
fn nobody_is_root_or_may_become_it_or_write_beside_its_volumes() {
    each_pod(|workload| {
        let security = &workload.spec()["securityContext"];
        let is_closed = security["runAsNonRoot"] == true
            && security["runAsUser"].as_u64() > Some(0)
            && security["seccompProfile"]["type"] == "RuntimeDefault";
        let pod = workload.spec();
        let shares = ["hostNetwork", "hostPID", "hostIPC"]
            .iter()
            .any(|word| pod[*word] == true)
            || list(pod, "/volumes")
                .iter()
                .any(|volume| volume["hostPath"].is_object());
        (!is_closed || shares).then(|| format!("{security}"))
    });
    each_container(|_, container| {
        let security = &container["securityContext"];
        let is_closed = security["allowPrivilegeEscalation"] == false
            && security["readOnlyRootFilesystem"] == true
            && security["capabilities"]["drop"] == serde_json::json!(["ALL"])
            && security["capabilities"]["add"].is_null()
            && security["privileged"].is_null();
        (!is_closed).then(|| format!("{security}"))
    });
}

/// Nothing here asks the API of Kubernetes.
#[test]
fn no_pod_gets_a_token_of_the_cluster() {
    each_pod(|workload| {
        let pod = workload.spec();
        let is_fine = pod["automountServiceAccountToken"] == false
            && pod["enableServiceLinks"] == false
            && pod["serviceAccountName"].is_string();
        (!is_fine).then(|| "may have a token, or the default account".to_owned())
    });
    for (_, resources) in overlays() {
        for account in of_kind(resources, "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false, "{account}");
        }
    }
}

#[test]
fn requests_and_limits_are_said() {
    each_container(|_, container| {
        let resources = &container["resources"];
        let missing = ["requests", "limits"].iter().find(|word| {
            let part = &resources[**word];
            part["cpu"].is_null() || part["memory"].is_null()
        });
        missing.map(|word| format!("{} has no {word}", text(container, "/name")))
    });
}

#[test]
fn what_serves_is_asked_whether_it_started_lives_and_is_ready() {
    each_container(|workload, container| {
        if !workload.serves() {
            return None;
        }
        let probes = ["startupProbe", "readinessProbe", "livenessProbe"];
        let missing = probes.iter().find(|probe| !container[**probe].is_object());
        // A store that is away is no reason to restart anybody.
        let lives = container["livenessProbe"]["httpGet"]["path"].as_str();
        let asks_too_much = lives.is_some_and(|path| path != "/healthz");
        let ready = container["readinessProbe"]["httpGet"]["path"].as_str();
        let asks_too_little = ready.is_some_and(|path| path != "/readyz");
        match missing {
            Some(probe) => Some(format!("no {probe}")),
            None if asks_too_much || asks_too_little => Some("asks the wrong path".to_owned()),
            None => None,
        }
    });
}

/// A rolling update: the new pod is ready before an old one goes, which answers until nobody asks it any more, and then
/// has the time to finish.
#[test]
fn a_rolling_update_loses_no_request() {
    for (overlay, resources) in overlays() {
        for deployment in of_kind(resources, "Deployment") {
            let spec = &deployment["spec"];
            let update = &spec["strategy"]["rollingUpdate"];
            assert_eq!(spec["strategy"]["type"], "RollingUpdate", "{overlay}");
            assert_eq!(update["maxUnavailable"], 0, "{overlay}");
            assert!(update["maxSurge"].as_u64() > Some(0), "{overlay}");
            assert!(spec["minReadySeconds"].as_u64() > Some(0), "{overlay}");
            let pod = &spec["template"]["spec"];
            let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
            for container in list(pod, "/containers") {
                let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64();
                assert!(pause >= Some(PRE_STOP_SECONDS), "{overlay}: {container}");
                assert!(
                    grace > pause.unwrap() + DRAIN_SECONDS + 10,
                    "{overlay}: {grace}"
                );
                let ready = &container["readinessProbe"];
                let noticed = ready["periodSeconds"].as_u64().unwrap()
                    * ready["failureThreshold"].as_u64().unwrap_or(3);
                assert!(noticed <= 30, "{overlay}: {noticed}");
            }
        }
    }
}

#[test]
fn in_production_everything_of_ours_has_replicas_that_are_spread_and_kept() {
    let budgets: Vec<&Value> = of_kind(&PROD, "PodDisruptionBudget").collect();
    for workload in workloads(&PROD).iter().filter(|workload| workload.serves()) {
        let name = workload.name();
        let kept = budgets
            .iter()
            .filter(|budget| selects(&budget["spec"]["selector"], workload.labels()));
        assert_eq!(kept.count(), 1, "{name}");
        if workload.kind() == "StatefulSet" {
            let apart = "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";
            let apart = list(workload.spec(), apart);
            assert!(
                apart
                    .iter()
                    .any(|term| selects(&term["labelSelector"], workload.labels()))
            );
            continue;
        }
        let said = match scaler(&PROD, name) {
            Some(scaler) => &scaler["spec"]["minReplicas"],
            None => &workload.resource["spec"]["replicas"],
        };
        assert!(said.as_u64() >= Some(2), "{name}");
        let spread: Vec<&str> = list(workload.spec(), "/topologySpreadConstraints")
            .iter()
            .filter(|constraint| selects(&constraint["labelSelector"], workload.labels()))
            .map(|constraint| text(constraint, "/topologyKey"))
            .collect();
        assert_eq!(
            spread,
            ["kubernetes.io/hostname", "topology.kubernetes.io/zone"],
            "{name}"
        );
    }
}

/// A node that dies takes one broker and one controller at most.
#[test]
fn in_production_no_two_of_kafka_of_one_kind_share_a_node() {
    let mut pools = 0;
    for pool in of_kind(&PROD, "KafkaNodePool") {
        assert_eq!(pool["spec"]["replicas"], 3);
        let labels = serde_json::json!({"strimzi.io/pool-name": pool["metadata"]["name"]});
        let apart = "/spec/template/pod/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";
        let apart = list(pool, apart);
        assert_eq!(apart.len(), 1, "{pool}");
        assert_eq!(apart[0]["topologyKey"], "kubernetes.io/hostname");
        assert!(selects(&apart[0]["labelSelector"], &labels), "{pool}");
        pools += 1;
    }
    assert_eq!(pools, 2);
}

fn scaler<'a>(resources: &'a [Value], deployment: &str) -> Option<&'a Value> {
    of_kind(resources, "HorizontalPodAutoscaler")
        .find(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == deployment)
}

/// A number beside an autoscaler would undo at each apply what it has done.
#[test]
fn only_what_no_autoscaler_scales_says_how_many() {
    let mut scaled = 0;
    for (overlay, resources) in overlays() {
        for deployment in of_kind(resources, "Deployment") {
            let name = text(deployment, "/metadata/name");
            let has_scaler = scaler(resources, name).is_some();
            let says = deployment["spec"]["replicas"].is_u64();
            assert_ne!(has_scaler, says, "{overlay}: {name}");
            scaled += usize::from(has_scaler);
        }
    }
    assert!(scaled > 10, "{scaled}");
}

#[test]
fn autoscalers_go_by_a_figure_of_their_own_and_by_the_processor() {
    let adapter = std::fs::read_to_string(
        manifests::root().join("k8s/components/monitoring/prometheus-adapter.yaml"),
    );
    let adapter = adapter.unwrap();
    let mut scaled = Vec::new();
    for scaler in of_kind(&PROD, "HorizontalPodAutoscaler") {
        let target = text(scaler, "/spec/scaleTargetRef/name");
        scaled.push(target);
        let (low, high) = (
            &scaler["spec"]["minReplicas"],
            &scaler["spec"]["maxReplicas"],
        );
        assert!(
            low.as_u64() >= Some(2) && high.as_u64() > low.as_u64(),
            "{target}"
        );
        let metrics = list(scaler, "/spec/metrics");
        assert!(
            metrics
                .iter()
                .any(|metric| metric["resource"]["name"] == "cpu"),
            "{target}"
        );
        let own: Vec<&str> = metrics
            .iter()
            .filter_map(|metric| metric.pointer("/pods/metric/name")?.as_str())
            .collect();
        assert!(!own.is_empty(), "{target}");
        // A service's prefix, and what the adapter makes of `…_http_requests_total`; or the gauge.
        let prefix = target.split('-').next().unwrap();
        for metric in own {
            let is_rate = metric == format!("{prefix}_http_requests_per_second");
            let is_named = adapter.contains(&format!("as: {metric} }}"));
            assert!(is_rate || is_named, "{metric}");
        }
    }
    assert!(adapter.contains("_http_requests_total$") && adapter.contains("_per_second"));
    scaled.sort_unstable();
    // The worker's projection has one owner at a time; more of them only stand by.
    let expected = of_kind(&PROD, "Deployment")
        .map(|deployment| text(deployment, "/metadata/name"))
        .filter(|name| *name != "sync-worker");
    assert!(expected.eq(scaled));
}

#[test]
fn jobs_end_by_themselves_and_leave_little_behind() {
    for (overlay, resources) in overlays() {
        for workload in workloads(resources)
            .iter()
            .filter(|workload| !workload.serves())
        {
            let spec = &workload.resource["spec"];
            let job = if workload.kind() == "CronJob" {
                &spec["jobTemplate"]["spec"]
            } else {
                spec
            };
            let name = workload.name();
            assert!(job["activeDeadlineSeconds"].is_u64(), "{overlay}: {name}");
            assert!(job["backoffLimit"].is_u64(), "{overlay}: {name}");
            assert_eq!(
                workload.spec()["restartPolicy"],
                "Never",
                "{overlay}: {name}"
            );
            if workload.kind() == "CronJob" {
                assert_eq!(spec["concurrencyPolicy"], "Forbid", "{overlay}: {name}");
            }
        }
    }
}

/// The check runs often enough for the alert that says that nobody checks.
#[test]
fn the_check_of_both_stores_alerts() {
    let check = of_kind(&PROD, "CronJob").find(|job| job["metadata"]["name"] == "reconcile-check");
    assert_eq!(check.unwrap()["spec"]["schedule"], "*/10 * * * *");
    let alerts: Vec<&str> = of_kind(&PROD, "PrometheusRule")
        .flat_map(|rule| list(rule, "/spec/groups"))
        .flat_map(|group| list(group, "/rules"))
        .filter_map(|rule| rule["alert"].as_str())
        .collect();
    for alert in ["Drift", "ReconcileStale"] {
        assert!(alerts.contains(&alert), "{alert} of {alerts:?}");
    }
}

#[test]
fn no_secret_is_in_what_is_applied_nor_in_a_command_line() {
    for (overlay, resources) in overlays() {
        assert_eq!(of_kind(resources, "Secret").count(), 0, "{overlay}");
    }
    each_container(|_, container| {
        let secret = list(container, "/env").iter().find(|variable| {
            let name = text(variable, "/name");
            let is_secret = [
                "PASSWORD",
                "SECRET",
                "_CLIENTS",
                "DATABASE_URL",
                "REDIS_URL",
                "AUTH",
            ]
            .iter()
            .any(|word| name.ends_with(word) || name.starts_with("PASSWORD_"));
            // How tokens are checked is no secret.
            is_secret
                && !["INVENTORY_AUTH", "SYNC_AUTH"].contains(&name)
                && variable["value"].is_string()
        });
        secret.map(|variable| format!("{variable}"))
    });
}
