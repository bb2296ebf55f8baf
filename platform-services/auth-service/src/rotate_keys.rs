//! The change of signing keys, from the machine's own command line.

use crate::{
    keys::{self, KeysError, Rotated},
    run::RotateConfig,
};

/// Rotates the keys, also while the service runs, and leaves a line in the audit.
///
/// # Errors
/// [`KeysError`].
pub fn rotate_keys(config: &RotateConfig) -> Result<Rotated, KeysError> {
    let ended = keys::rotate(&config.keys_dir, config.publication, config.old);
    let dir = config.keys_dir.display();
    let (on, outcome) = match &ended {
        Ok(Rotated { kid, removed }) => {
            let on = format!("{dir}: added {kid}, removed [{}]", removed.join(", "));
            (on, "done")
        }
        Err(KeysError::NoKeys(_)) => (dir.to_string(), "refused"),
        Err(_) => (dir.to_string(), "failed"),
    };
    config.command.ended(&on, outcome);
    ended
}
