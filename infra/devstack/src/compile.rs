//! Building the servers, and noticing that a running one is older.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{
    cargo,
    failure::Failure,
    output,
    service::{Program, Service},
    stack::Stack,
    workspace::Workspace,
};

/// Where cargo put the programs of some packages, by name.
#[derive(Debug, Default)]
pub(crate) struct Binaries(BTreeMap<String, PathBuf>);

impl Binaries {
    pub(crate) fn path(&self, name: &str) -> Result<&Path, Failure> {
        self.0.get(name).map(PathBuf::as_path).ok_or_else(|| {
            let message = format!("the build has no binary called {name}");
            Failure::new(message, "git status shows what was changed")
        })
    }

    #[cfg(test)]
    pub(crate) fn of(name: &str, path: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), path.into())]))
    }
}

/// The package whose speed is worth minutes of linking.
const HOT_PACKAGE: &str = "inventory-server";

/// Builds what a stack runs: for each profile all packages at once.
pub(crate) fn all(workspace: &Workspace, stack: Stack) -> Result<Binaries, Failure> {
    let mut binaries = Binaries::default();
    for (profile, packages) in by_profile(stack) {
        let what = format!("building {}", packages.join(", "));
        let built = output::step(&what, || build(workspace, profile, &packages, None))?;
        binaries.0.extend(built.0);
    }
    Ok(binaries)
}

/// Builds one of its programs. All packages are named here, too: with them change the features of what they
/// have in common, and it would be built anew.
pub(crate) fn one(
    workspace: &Workspace,
    stack: Stack,
    service: &Service,
    program: &Program,
) -> Result<Binaries, Failure> {
    let profiles = by_profile(stack).into_iter();
    let mut profiles = profiles.filter(|(_, packages)| packages.contains(&program.package));
    let (profile, packages) = profiles
        .next()
        .unwrap_or_else(|| (profile(program.package), vec![program.package]));
    build(workspace, profile, &packages, Some(service.name))
}

/// The profile that a package is built with to be run.
fn profile(package: &str) -> &'static str {
    if package == HOT_PACKAGE {
        "hot"
    } else {
        "release"
    }
}

/// Each package once.
fn by_profile(stack: Stack) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for program in stack.built().filter_map(Service::program) {
        let (package, profile) = (program.package, profile(program.package));
        match groups.iter_mut().find(|(other, _)| *other == profile) {
            Some((_, packages)) if packages.contains(&package) => {}
            Some((_, packages)) => packages.push(package),
            None => groups.push((profile, vec![package])),
        }
    }
    groups
}

/// Builds the binaries of some packages, or one of them.
fn build(
    workspace: &Workspace,
    profile: &str,
    packages: &[&str],
    binary: Option<&str>,
) -> Result<Binaries, Failure> {
    let failed = |why: String| {
        let next = "the compiler's words are above; cargo dev doctor checks the tools";
        let packages = packages.join(", ");
        Failure::new(format!("building {packages} failed: {why}"), next)
    };
    let mut args = vec!["build", "--profile", profile];
    args.extend(packages.iter().flat_map(|package| ["-p", package]));
    args.extend(binary.into_iter().flat_map(|binary| ["--bin", binary]));
    args.push(cargo::MESSAGES);
    let built = cargo::build(&mut cargo::command(workspace, &args)).map_err(failed)?;
    let programs = built.into_iter().filter(|built| built.kind == "bin");
    Ok(Binaries(
        programs.map(|built| (built.name, built.path)).collect(),
    ))
}

/// Whether a process runs something else than what is in `binary` now. Unknown counts as no.
pub(crate) fn is_outdated(pid: u32, binary: &Path) -> bool {
    let running = PathBuf::from(format!("/proc/{pid}/exe"));
    let file = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino()));
    match (file(&running), file(binary)) {
        (Ok(one), Ok(other)) if one == other => false,
        // A build that changed nothing may still have written the file anew.
        (Ok(_), Ok(_)) => fs::read(running).ok() != fs::read(binary).ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_that_the_build_does_not_have_is_named() {
        let failure = Binaries::default().path("reconcile").unwrap_err();
        assert!(failure.message.contains("reconcile"), "{}", failure.message);
    }

    #[test]
    fn all_but_the_hot_path_is_built_at_once() {
        assert_eq!(
            by_profile(Stack::Inventory),
            [("hot", vec!["inventory-server"])]
        );
        let groups = by_profile(Stack::Full);
        assert_eq!(groups.len(), 2);
        let (_, packages) = groups
            .iter()
            .find(|(profile, _)| *profile == "release")
            .unwrap();
        let payment = packages
            .iter()
            .filter(|package| **package == "payment-service");
        assert_eq!(payment.count(), 1, "{packages:?}");
        assert!(packages.contains(&"sync-worker") && packages.contains(&"order-service"));
    }

    #[test]
    fn a_copy_of_the_running_binary_is_not_newer() {
        let own = std::env::current_exe().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        fs::copy(&own, &copy).unwrap();
        let pid = std::process::id();
        assert!(!is_outdated(pid, &own));
        assert!(!is_outdated(pid, &copy));
        fs::write(&copy, "built anew").unwrap();
        assert!(is_outdated(pid, &copy));
    }
}
