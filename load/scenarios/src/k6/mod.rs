//! k6: how it is started, what it says while it runs, and what it says at its end.

mod command;
mod stream;
mod summary;

pub use command::{Ended, Running, Settings, start};
pub use stream::{Sample, Tags, read};
pub use summary::thresholds;
