//! The engine on a private Redis.

mod support;

mod reserve;
