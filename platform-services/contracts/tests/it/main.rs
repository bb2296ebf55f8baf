//! The contract, held against itself: types, schemas and examples say the same.

#[cfg(test)]
mod envelope;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod support;
