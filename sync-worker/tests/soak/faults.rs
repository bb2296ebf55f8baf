//! What the long test of losses shares with the short ones.

#[path = "../it/faults/clients.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
mod clients;
#[path = "../it/faults/losses.rs"]
pub(crate) mod losses;
#[path = "../it/faults/stage.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
pub(crate) mod stage;
#[path = "../it/faults/verify.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
pub(crate) mod verify;
