//! Inventory server.
fn main() {}
