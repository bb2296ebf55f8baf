//! What the runbooks tell people to type exists.

mod cluster;
mod metrics;
mod programs;
mod sources;
mod tables;
