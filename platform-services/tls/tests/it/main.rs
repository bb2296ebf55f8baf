//! Real files, real sockets.

#[cfg(test)]
mod files;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod trust;
