//! Signing keys: files in a folder that only we read. A new key is published first and signs later,
//! when every verifier has had the time to fetch it; an old one is published until the last token it
//! signed has ended. Every replica reads the same folder and comes to the same plan.

mod folder;
mod metrics;
mod plan;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use access_token::sign::{SigningError, SigningKey, jwks};
use service_kit::clock;

pub(crate) use self::metrics::KeyMetrics;
use self::plan::plan;
use crate::limits::{ACCESS_TOKEN_LIFETIME, KEY_MARGIN};

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file in it cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is no key.
    #[error("{path}: {error}; take the file away")]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        error: SigningError,
    },
    /// A key cannot be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// There is nothing to rotate: somebody mistyped the folder, or the service was never started.
    #[error(
        "{0} has no keys; give the --keys-dir of the running auth-service, whose first start makes the \
         first key"
    )]
    NoKeys(PathBuf),
    /// Others may read private keys.
    #[error("{0} can be read by others: chmod go-rwx it")]
    Open(PathBuf),
}

/// The keys of this moment.
#[derive(Debug, Clone)]
struct Current {
    signing: SigningKey,
    made_ms: i64,
    published: Vec<SigningKey>,
}

/// The keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    dir: Arc<Path>,
    publication: Duration,
    current: Arc<RwLock<Current>>,
}

/// What [`rotate`] is to do with the keys before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKeys {
    /// They go on until their tokens have ended.
    Keep,
    /// Somebody else may have them: their tokens are to be worth nothing.
    Drop,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the new key.
    pub kid: String,
    /// The ids of those that were not needed any more.
    pub removed: Vec<String>,
}

impl Keys {
    /// From the folder, which is made, with a first key, if it is missing or empty. `publication` is
    /// how long a key is published before it signs.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn open(dir: &Path, publication: Duration) -> Result<Self, KeysError> {
        folder::make(dir)?;
        if folder::read(dir)?.is_empty() {
            folder::add_first(dir, clock::unix_ms())?;
        }
        let current = read(dir, publication)?;
        Ok(Self {
            dir: dir.into(),
            publication,
            current: Arc::new(RwLock::new(current)),
        })
    }

    /// Reads the folder again. What cannot be read leaves the keys as they are.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn reload(&self) -> Result<(), KeysError> {
        let new = read(&self.dir, self.publication)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.signing.kid() != new.signing.kid() {
            tracing::info!(kid = new.signing.kid(), "another key signs now");
        }
        *current = new;
        Ok(())
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> SigningKey {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.signing.clone()
    }

    /// When the key that signs was made, in ms since 1970.
    #[must_use]
    pub fn signing_made_ms(&self) -> i64 {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.made_ms
    }

    /// The public keys, as JSON.
    #[must_use]
    pub fn jwks(&self) -> String {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        jwks(&current.published)
    }
}

/// Adds a key and takes away those that nobody needs any more.
///
/// # Errors
/// [`KeysError`]; the first key of a folder is [`Keys::open`]'s to make.
pub fn rotate(dir: &Path, publication: Duration, old: OldKeys) -> Result<Rotated, KeysError> {
    let now_ms = clock::unix_ms();
    let before = match folder::read(dir) {
        Err(KeysError::Io { path, error }) if path == dir && is_no_folder(&error) => Vec::new(),
        read => read?,
    };
    if before.is_empty() {
        return Err(KeysError::NoKeys(dir.to_owned()));
    }
    folder::refuse_open(dir)?;
    let kid = folder::add(dir, now_ms)?;
    let removed = match old {
        OldKeys::Drop => before,
        OldKeys::Keep => {
            let all = folder::read(dir)?;
            let made: Vec<i64> = all.iter().map(|file| file.made_ms).collect();
            let plan = plan(&made, now_ms, publication, retired_after(publication));
            all.into_iter().take(plan.retired).collect()
        }
    };
    for file in &removed {
        folder::remove(file)?;
    }
    let removed = removed.iter().map(|file| file.key.kid().to_owned());
    Ok(Rotated {
        kid,
        removed: removed.collect(),
    })
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// From the making of the next key to the end of the last token of this one.
fn retired_after(publication: Duration) -> Duration {
    publication + ACCESS_TOKEN_LIFETIME + KEY_MARGIN
}

fn read(dir: &Path, publication: Duration) -> Result<Current, KeysError> {
    let files = folder::read(dir)?;
    let made: Vec<i64> = files.iter().map(|file| file.made_ms).collect();
    let plan = plan(
        &made,
        clock::unix_ms(),
        publication,
        retired_after(publication),
    );
    let Some(signing) = files.get(plan.signing) else {
        let error = io::Error::new(io::ErrorKind::NotFound, "there is no key in it");
        return Err(KeysError::Io {
            path: dir.to_owned(),
            error,
        });
    };
    Ok(Current {
        signing: signing.key.clone(),
        made_ms: signing.made_ms,
        published: files
            .iter()
            .skip(plan.retired)
            .map(|file| file.key.clone())
            .collect(),
    })
}
