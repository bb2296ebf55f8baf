//! What k6 writes at its end.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::result::Threshold;

#[derive(Deserialize)]
struct Summary {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
struct Metric {
    /// Whether each was crossed.
    #[serde(default)]
    thresholds: BTreeMap<String, bool>,
}

/// The thresholds of a run, from the file of `--summary-export`.
///
/// # Errors
/// The file is not understood.
pub fn thresholds(text: &str) -> Result<Vec<Threshold>, String> {
    let summary: Summary = serde_json::from_str(text)
        .map_err(|error| format!("the summary of k6 is not understood: {error}"))?;
    let of = |(metric, its): (String, Metric)| {
        its.thresholds
            .into_iter()
            .map(move |(threshold, crossed)| Threshold {
                metric: metric.clone(),
                threshold,
                ok: !crossed,
            })
    };
    Ok(summary.metrics.into_iter().flat_map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_means_crossed() {
        let text = r#"{"root_group": {}, "metrics": {
            "refused": {"count": 3, "thresholds": {"count==0": true}},
            "http_req_duration{name:a}": {"max": 0, "thresholds": {"p(99)<1": false}},
            "iterations": {"count": 3}}}"#;
        let found = thresholds(text).unwrap();
        let words: Vec<String> = found
            .iter()
            .map(|it| format!("{} {} {}", it.metric, it.threshold, it.ok))
            .collect();
        assert_eq!(
            words,
            [
                "http_req_duration{name:a} p(99)<1 true",
                "refused count==0 false"
            ]
        );
        assert!(thresholds("{}").is_err());
    }
}
