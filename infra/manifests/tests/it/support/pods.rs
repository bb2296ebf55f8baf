//! What runs: the pods of `Deployment`, `StatefulSet`, `Job` and `CronJob`.

use serde_json::Value;

use super::{list, name, text};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload<'a> {
    pub(crate) resource: &'a Value,
    /// Metadata and spec of its pods.
    pub(crate) template: &'a Value,
}

pub(crate) fn workloads(resources: &[Value]) -> Vec<Workload<'_>> {
    let of = |resource| {
        let pointer = match text(resource, "/kind") {
            "Deployment" | "StatefulSet" | "Job" => "/spec/template",
            "CronJob" => "/spec/jobTemplate/spec/template",
            _ => return None,
        };
        let template = resource.pointer(pointer).unwrap();
        Some(Workload { resource, template })
    };
    resources.iter().filter_map(of).collect()
}

impl<'a> Workload<'a> {
    pub(crate) fn name(&self) -> &'a str {
        name(self.resource)
    }

    pub(crate) fn kind(&self) -> &'a str {
        text(self.resource, "/kind")
    }

    /// Runs until it is stopped.
    pub(crate) fn serves(&self) -> bool {
        ["Deployment", "StatefulSet"].contains(&self.kind())
    }

    pub(crate) fn spec(&self) -> &'a Value {
        &self.template["spec"]
    }

    pub(crate) fn labels(&self) -> &'a Value {
        &self.template["metadata"]["labels"]
    }

    pub(crate) fn app(&self) -> &'a str {
        text(self.labels(), "/app.kubernetes.io~1name")
    }

    pub(crate) fn containers(&self) -> &'a [Value] {
        list(self.spec(), "/containers")
    }
}

/// Whether a selector of labels takes these.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let words = selector["matchLabels"].as_object();
    let has_words =
        words.is_none_or(|words| words.iter().all(|(key, value)| &labels[key] == value));
    let has_one = list(selector, "/matchExpressions")
        .iter()
        .all(|expression| {
            assert_eq!(expression["operator"], "In");
            let label = &labels[text(expression, "/key")];
            list(expression, "/values").contains(label)
        });
    has_words && has_one
}
