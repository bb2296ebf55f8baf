//! What may be empty on this stack, and why; the reason is asked of Prometheus, too.

use monitoring::Api;

/// Alerts that have no figures here.
pub(crate) const EMPTY: [Empty; 5] = [
    Empty {
        alert: "ConnectorFailing",
        reason: "every outbox has a relay (its slots), and none a janitor beside Debezium",
        shown_by: r#"count(count by (job) ({__name__=~".+_outbox_slots"})) == 5
            unless count({__name__=~".+_outbox_janitor_.+"})"#,
    },
    Empty {
        alert: "CertificateExpiry",
        reason: "nobody here shows a certificate: no process serves TLS, nothing is probed",
        shown_by: r#"count(up{job!~"probe.*"}) == 8
            unless count({__name__=~".+_tls_certificate_.+|probe_.+"})"#,
    },
    Empty {
        alert: "DiskFull",
        reason: "only the shop is scraped, neither its machine nor a kubelet",
        shown_by: r#"count(up) == 8 unless count({__name__=~"(kubelet_volume|node_filesystem)_.+"})"#,
    },
    Empty {
        alert: "BackupStale",
        reason: "only the shop is scraped, and no job here makes dumps",
        shown_by: r#"count(up) == 8 unless count({__name__=~"kube_cronjob_.+|shop_backup_.+"})"#,
    },
    Empty {
        alert: "ClockSkew",
        reason: "only the shop is scraped, and no machine",
        shown_by: r#"count(up) == 8 unless count({__name__=~"node_time.*"})"#,
    },
];

/// An alert without figures.
#[derive(Debug)]
pub(crate) struct Empty {
    pub(crate) alert: &'static str,
    pub(crate) reason: &'static str,
    /// An expression that is not empty exactly while the reason holds.
    shown_by: &'static str,
}

impl Empty {
    pub(crate) fn of(alert: &str) -> Option<&'static Self> {
        EMPTY.iter().find(|empty| empty.alert == alert)
    }

    /// Whether the reason holds.
    pub(crate) fn is_shown(&self, prometheus: &Api) -> bool {
        !prometheus.query(self.shown_by).unwrap().is_empty()
    }
}
