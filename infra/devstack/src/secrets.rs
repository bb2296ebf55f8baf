//! Secrets of the stack: drawn once, kept where only this user reads them.

use std::{
    fs::{self, DirBuilder, File},
    io::{ErrorKind, Read as _},
    os::unix::fs::DirBuilderExt as _,
};

use crate::{failure::Failure, private_file, workspace::Workspace};

/// 128 bits: nobody guesses it.
const SECRET_BYTES: usize = 16;

/// The secret of this name, fit for a URL; another one in each checkout, the same until `reset`.
pub(crate) fn get(workspace: &Workspace, name: &str) -> Result<String, Failure> {
    kept(workspace, name, |secret| secret)
}

/// The text of this name; where there is none, what `make` makes of a new secret.
pub(crate) fn kept(
    workspace: &Workspace,
    name: &str,
    make: impl FnOnce(String) -> String,
) -> Result<String, Failure> {
    let folder = workspace.secrets_dir();
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::io(format!("reading {}", path.display()))(error)),
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(Failure::io(format!("making {}", folder.display())))?;
    let text = make(draw()?);
    private_file::write(&path, &text)?;
    Ok(text)
}

/// A new one, in hexadecimal digits.
pub(crate) fn draw() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(Failure::io("reading /dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_new_each_time_and_fit_for_a_url() {
        let (one, two) = (draw().unwrap(), draw().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 2 * SECRET_BYTES);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn one_is_drawn_once_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let first = get(&workspace, "order-service").unwrap();
        assert_eq!(get(&workspace, "order-service").unwrap(), first);
        assert_ne!(get(&workspace, "payment-service").unwrap(), first);
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(workspace.secrets_dir()), 0o700);
        assert_eq!(mode(workspace.secrets_dir().join("order-service")), 0o600);
    }
}
