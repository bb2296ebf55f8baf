//! The dashboards of Grafana, as files.

use std::fs;

use serde_json::Value;

use crate::{Error, repository};

/// A dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its uid, and the name of its file.
    pub uid: String,
    /// All of it.
    pub json: Value,
}

/// A query of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// `dashboard: panel`.
    pub place: String,
    /// As it stands in the file.
    pub expression: String,
}

/// All dashboards, by name.
///
/// # Errors
/// [`Error`].
pub fn all() -> Result<Vec<Dashboard>, Error> {
    let folder = repository("infra/grafana/dashboards");
    let file = |error| Error::File {
        path: folder.clone(),
        error,
    };
    let mut dashboards = Vec::new();
    for entry in fs::read_dir(&folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        let text = fs::read_to_string(&path).map_err(|error| Error::File {
            path: path.clone(),
            error,
        })?;
        let json = serde_json::from_str(&text).map_err(|error| Error::Json {
            path: path.clone(),
            error,
        })?;
        let uid = path.file_stem().unwrap_or_default();
        let uid = uid.to_string_lossy().into_owned();
        dashboards.push(Dashboard { uid, json });
    }
    dashboards.sort_by(|one, two| one.uid.cmp(&two.uid));
    Ok(dashboards)
}

impl Dashboard {
    /// Its panels, rows among them.
    #[must_use]
    pub fn panels(&self) -> &[Value] {
        self.json["panels"].as_array().map_or(&[], Vec::as_slice)
    }

    /// What its panels, annotations and variables ask.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        let query = |title: &Value, expression: &Value| {
            Some(Query {
                place: format!("{}: {}", self.uid, title.as_str()?),
                expression: expression.as_str()?.to_owned(),
            })
        };
        let panels = self.panels().iter().flat_map(|panel| {
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.filter_map(move |target| query(&panel["title"], &target["expr"]))
        });
        panels.collect()
    }
}

/// The expression with what Grafana puts for its variables: a minute for the window, everything for a
/// choice.
#[must_use]
pub fn without_variables(expression: &str) -> String {
    expression
        .replace("$__rate_interval", "1m")
        .replace("$job", ".*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        let expression = r#"sum(rate(a{job=~"$job"}[$__rate_interval]))"#;
        let expected = r#"sum(rate(a{job=~".*"}[1m]))"#;
        assert_eq!(without_variables(expression), expected);
    }
}
