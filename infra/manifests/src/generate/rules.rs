//! The rules of `infra/prometheus` as resources of the Prometheus operator: one for each file, its text unchanged.

use std::path::Path;

use super::files;
use crate::{FileError, read};

pub(super) fn text(folder: &Path) -> Result<String, FileError> {
    let rules: Result<Vec<String>, FileError> = files(folder, ".yml")?
        .iter()
        .map(|path| rule(path))
        .collect();
    Ok(rules?.join("---\n"))
}

fn rule(path: &Path) -> Result<String, FileError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let indented: String = read(path)?
        .lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("  {line}\n"),
        })
        .collect();
    Ok(format!(
        "\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {name}
spec:
{indented}"
    ))
}
