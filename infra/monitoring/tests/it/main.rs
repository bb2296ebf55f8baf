//! Rules, dashboards and runbooks against each other and against Prometheus' own tools; and the documents against
//! each other. What runbooks tell people to type is held to programs, sources, migrations and manifests.

#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod markdown;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod runbooks;
#[cfg(test)]
mod typed;

#[cfg(test)]
mod support {
    use std::{sync::LazyLock, time::Duration};

    use devstack::monitoring::Prometheus;
    use monitoring::{Api, prometheus_dir};

    static PROMETHEUS: LazyLock<Prometheus> = LazyLock::new(|| {
        Prometheus::start(&prometheus_dir(), &[], Duration::from_secs(1)).unwrap()
    });

    /// A Prometheus that has read the rules and scrapes nothing.
    pub(crate) fn prometheus() -> Api {
        Api::new(PROMETHEUS.url())
    }
}
