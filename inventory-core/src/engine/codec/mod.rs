//! How records, journal entries and arguments are packed. The layouts are written down in
//! `lua/lib/record.lua` and `lua/lib/commit.lua`; this is their Rust side.

pub(crate) mod journal;
pub(crate) mod marks;
pub(crate) mod numbers;
pub(crate) mod record;
