//! Finding installed programs.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// The first executable file called `name` on PATH.
///
/// # Errors
/// [`Error::Missing`] when there is none.
pub fn find(name: &str) -> Result<PathBuf> {
    // Debian keeps some binaries in sbin, which a user's PATH often lacks.
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
        .ok_or_else(|| Error::Missing {
            program: name.to_owned(),
        })
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The last component of a path, for messages.
pub(crate) fn short_name(path: &Path) -> String {
    path.file_name()
        .map(OsStr::to_string_lossy)
        .unwrap_or_default()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found() {
        assert!(find("sh").unwrap().ends_with("sh"));
    }

    #[test]
    fn what_is_not_installed_is_named() {
        let error = find("no-such-program").unwrap_err();
        assert!(
            error.to_string().contains("no-such-program is not on PATH"),
            "{error}"
        );
    }
}
