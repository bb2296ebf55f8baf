//! The runner as a program, on real servers and with the real k6.

mod flash_sale;
#[cfg(test)]
mod support;
mod wrong;
