//! What a build sees: all that git knows or would know, without what `.dockerignore` names.

use std::{fs, path::Path, process::Command, time::Duration};

use super::RehearseError;
use crate::{FileError, read};

const GIT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn make(root: &Path, target: &Path) -> Result<(), RehearseError> {
    for path in files(root)? {
        let (source, copy) = (root.join(&path), target.join(&path));
        // One that is deleted, and not yet for git.
        if !source.is_file() {
            continue;
        }
        let folder = copy.parent().unwrap_or(target);
        fs::create_dir_all(folder).map_err(|error| FileError::of(folder)(&error))?;
        fs::copy(&source, &copy).map_err(|error| FileError::of(&source)(&error))?;
    }
    Ok(())
}

/// Paths from the root.
pub(super) fn files(root: &Path) -> Result<Vec<String>, RehearseError> {
    let mut list = Command::new(devstack::program::find("git")?);
    list.current_dir(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let listed = devstack::command::finish(&mut list, GIT_TIMEOUT)?;
    let ignored = read(&root.join(".dockerignore"))?;
    let patterns: Vec<&str> = patterns(&ignored).collect();
    let files = listed.stdout.lines().map(str::to_owned);
    Ok(files
        .filter(|path| !patterns.iter().any(|pattern| matches(pattern, path)))
        .collect())
}

fn patterns(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The forms that ours has: a path, `*.end` at the root, and `**/name`.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(name) = pattern.strip_prefix("**/") {
        return path.split('/').any(|part| matches(name, part));
    }
    if let Some(end) = pattern.strip_prefix('*') {
        return !path.contains('/') && path.ends_with(end);
    }
    path == pattern
        || path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_leave_out_what_docker_would() {
        for (pattern, path) in [
            ("k8s", "k8s/base/kustomization.yaml"),
            ("*.md", "README.md"),
            ("**/target", "load/target/x"),
            ("**/*.profraw", "a/b.profraw"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.md", "inventory-core/README.md"),
            ("docs/adr", "docs/adr.md"),
            ("**/target", "infra/targets.json"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_compiled_in_is_in_the_context() {
        let files = files(&crate::root()).unwrap();
        for path in [
            "docs/openapi.html",
            "docs/problems/unknown-sku.md",
            "inventory-core/README.md",
            "lua/reserve.lua",
        ] {
            assert!(files.iter().any(|file| file == path), "{path}");
        }
        assert!(!files.iter().any(|file| file.starts_with("k8s/")));
    }
}
