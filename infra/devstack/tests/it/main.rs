//! The library against real processes and a real redis-server.

#[cfg(test)]
mod process;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod stack;
