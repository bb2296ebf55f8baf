//! Events are what the journal says: each once, in its order, whatever happens on the way.

mod kinds;
pub(crate) mod outbox;
mod replayed;
mod trouble;
