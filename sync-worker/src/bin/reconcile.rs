//! `reconcile`: what an operator asks about the two sides, and does about them.

use std::process::ExitCode;

fn main() -> ExitCode {
    sync_worker::reconcile::main(std::env::args_os())
}
