#![doc = include_str!("../README.md")]

pub mod api;
pub mod dashboards;
pub mod figures;
pub mod markdown;
pub mod rules;
pub mod typed;

use std::path::{Path, PathBuf};

pub use api::Api;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, or a folder.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is no JSON.
    #[error("{path}: {error}")]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// Prometheus did not answer.
    #[error("Prometheus: {0}")]
    Http(#[from] ureq::Error),
    /// Prometheus refused, and said why.
    #[error("Prometheus refuses {asked}: {why}")]
    Refused {
        /// What it was asked.
        asked: String,
        /// What it said.
        why: String,
    },
    /// Something has not the form that was expected.
    #[error("{0}")]
    Form(String),
}

/// The alert that is always raised, for whoever calls somebody when it does not come.
pub const WATCHDOG: &str = "Watchdog";

/// A path of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The configuration of Prometheus, with its rules.
#[must_use]
pub fn prometheus_dir() -> PathBuf {
    repository("infra/prometheus")
}

/// The page of an alert: `ShardFenced` is explained in `docs/runbooks/shard-fenced.md`.
#[must_use]
pub fn page(alert: &str) -> String {
    let mut name = String::new();
    for letter in alert.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("docs/runbooks/{name}.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_name_of_its_alert() {
        assert_eq!(page("ShardFenced"), "docs/runbooks/shard-fenced.md");
        assert_eq!(page("Drift"), "docs/runbooks/drift.md");
    }
}
