//! The files of a result, and what is said of it on the terminal.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::Path,
};

use crate::{report, result::RunResult};

/// Writes `<scenario>-<profile>-<UTC>.json` and `.html`, and prints the outcome.
///
/// # Errors
/// A file cannot be written.
pub fn keep(folder: &Path, result: &RunResult) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let at = result.started_at.replace(':', "");
    let name = format!("{}-{}-{at}", result.scenario, result.profile);
    let json = serde_json::to_string_pretty(result).map_err(|error| error.to_string())?;
    let files = [("json", json + "\n"), ("html", report::run_page(result))];
    let mut text = summary(result);
    for (extension, content) in files {
        let path = folder.join(format!("{name}.{extension}"));
        fs::write(&path, content)
            .map_err(|error| format!("writing {}: {error}", path.display()))?;
        let _ = writeln!(text, "{}", path.display());
    }
    // A closed standard output is no reason to fail.
    drop(io::stdout().write_all(text.as_bytes()));
    Ok(())
}

/// Reads a result.
///
/// # Errors
/// It is not there, or not understood.
pub fn read(path: &Path) -> Result<RunResult, String> {
    let wrong = |why: &str| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| wrong(&format!("this is no result of a run: {error}")))
}

fn summary(result: &RunResult) -> String {
    let RunResult {
        latency_ms: latency,
        verification: found,
        ..
    } = result;
    let mut text = String::new();
    let verdict = if result.ok { "ok" } else { "FAILED" };
    let _ = writeln!(
        text,
        "\n{} {}: {verdict}\n{} requests in {:.0} s, {:.0}/s; p50 {:.2}, p95 {:.2}, p99 {:.2}, p99.9 {:.2}, longest {:.1} ms",
        result.scenario,
        result.profile,
        result.requests,
        result.duration_seconds,
        result.requests_per_second,
        latency.p50,
        latency.p95,
        latency.p99,
        latency.p999,
        latency.max,
    );
    for (code, count) in &result.refused {
        let _ = writeln!(text, "refused {code}: {count}");
    }
    let said =
        |units: Option<i64>| units.map_or_else(|| "not asked".to_owned(), |it| it.to_string());
    if !result.sku_id.is_empty() {
        let _ = writeln!(
            text,
            "units held or sold at the end: clients {}, Redis {}, journal {}, MariaDB {}, Kafka {}: {}",
            found.client_accepted,
            said(found.redis),
            said(found.journal),
            said(found.mariadb),
            said(found.kafka),
            if found.ok { "all agree" } else { "THEY DIFFER" },
        );
    }
    for line in found
        .notes
        .iter()
        .chain(&found.not_verified)
        .chain(&result.failures)
    {
        let _ = writeln!(text, "- {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Verification;

    fn result() -> RunResult {
        let text = r#"{"scenario": "flash-sale", "profile": "smoke", "ok": false, "skuId": "load-r1-1", "units": 5,
            "startedAt": "2026-11-23T15:00:00Z", "durationSeconds": 10.0,
            "machine": {"cpu": "x", "cores": 2, "memoryMib": 1, "kernel": "6"}, "versions": {}, "durability": "everysec",
            "revision": "abc", "latencyMs": {"p50": 1, "p95": 1, "p99": 1, "p999": 1, "max": 1}, "requests": 7,
            "requestsPerSecond": 0.7, "refused": {"INSUFFICIENT_STOCK": 3}, "thresholds": [],
            "verification": {"ok": false, "clientAccepted": 4, "redis": 5, "journal": null, "mariadb": 5, "kafka": 5,
              "differences": []}, "series": []}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let result = result();
        keep(folder.path(), &result).unwrap();
        let path = folder
            .path()
            .join("flash-sale-smoke-2026-11-23T150000Z.json");
        assert_eq!(read(&path).unwrap(), result);
        assert!(path.with_extension("html").is_file());
        assert!(
            read(&path.with_extension("html"))
                .unwrap_err()
                .contains("no result of a run")
        );
    }

    #[test]
    fn the_summary_says_who_differs() {
        let mut result = result();
        let text = summary(&result);
        assert!(
            text.contains("FAILED")
                && text.contains("journal not asked")
                && text.contains("THEY DIFFER"),
            "{text}"
        );
        result.verification = Verification {
            ok: true,
            ..Verification::default()
        };
        assert!(summary(&result).contains("all agree"));
    }
}
