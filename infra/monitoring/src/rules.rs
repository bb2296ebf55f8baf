//! The rules, as a Prometheus that has read them tells them.

use serde_json::Value;

use crate::{Api, Error};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The alert, or the series that is recorded.
    pub name: String,
    /// What it is made of.
    pub expression: String,
    /// What an alert has, and a recorded series has not.
    pub alert: Option<Alert>,
    /// Why it could not be evaluated; empty where it could.
    pub error: String,
}

/// What an alert says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `page` wakes somebody, `ticket` waits for the morning, `none` is the [`WATCHDOG`](crate::WATCHDOG)'s.
    pub severity: String,
    /// The page that explains it, a path of the repository.
    pub runbook: String,
    /// One line for who is woken.
    pub summary: String,
}

/// All of them, in the order of their files.
///
/// # Errors
/// [`Error`].
pub fn all(prometheus: &Api) -> Result<Vec<Rule>, Error> {
    let data = prometheus.get("/api/v1/rules", &[])?;
    let form = || Error::Form(format!("no rules: {data}"));
    let groups = data["groups"].as_array().ok_or_else(form)?;
    let rules = groups
        .iter()
        .filter_map(|group| group["rules"].as_array())
        .flatten();
    Ok(rules.map(rule).collect())
}

fn rule(rule: &Value) -> Rule {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alert = (rule["type"] == "alerting").then(|| Alert {
        severity: text(&rule["labels"]["severity"]),
        runbook: text(&rule["annotations"]["runbook_url"]),
        summary: text(&rule["annotations"]["summary"]),
    });
    Rule {
        name: text(&rule["name"]),
        expression: text(&rule["query"]),
        alert,
        error: text(&rule["lastError"]),
    }
}
