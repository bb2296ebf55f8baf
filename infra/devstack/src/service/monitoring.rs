//! What watches the others.

use super::{Kind, Service};

pub(crate) static PROMETHEUS: Service = Service {
    name: "prometheus",
    base_port: 9090,
    kind: Kind::Prometheus,
    needs: &[],
};
