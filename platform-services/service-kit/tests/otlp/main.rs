//! Spans on their way to a collector. A program of its own: what it installs holds for the whole process.

#[cfg(test)]
mod trace;
