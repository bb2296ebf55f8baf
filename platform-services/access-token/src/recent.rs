//! Tokens that were found good, so that the same one is not verified with every request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::Claims;

/// Tokens of one generation; at most two generations are kept.
const GENERATION_TOKENS_MAX: usize = 4096;

/// Good tokens in two generations: a full young one becomes the old one, whose tokens are forgotten
/// unless they come again. Only tokens with a right signature get in, so nobody can fill it with rubbish.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    epoch: u64,
    young: HashMap<Box<str>, Arc<Claims>>,
    old: HashMap<Box<str>, Arc<Claims>>,
}

impl Recent {
    pub(crate) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = all.young.get(token) {
            return Some(Arc::clone(claims));
        }
        let (token, claims) = all.old.remove_entry(token)?;
        all.insert(token, Arc::clone(&claims));
        Some(claims)
    }

    /// The epoch of the keys, to be given to [`Self::put`].
    pub(crate) fn epoch(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).epoch
    }

    /// Unless the keys have changed since `epoch`.
    pub(crate) fn put(&self, epoch: u64, token: &str, claims: Arc<Claims>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.epoch == epoch {
            all.insert(token.into(), claims);
        }
    }

    pub(crate) fn clear(&self) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = all.epoch.wrapping_add(1);
        *all = Generations {
            epoch,
            ..Generations::default()
        };
    }
}

impl Generations {
    fn insert(&mut self, token: Box<str>, claims: Arc<Claims>) {
        if self.young.len() >= GENERATION_TOKENS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, claims);
    }
}
