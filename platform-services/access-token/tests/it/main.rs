//! Tokens that count and tokens that do not, and keys that come and go.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod support;
