//! `shop SERVICE ARGS…`: every program of the shop in one binary, so that tests that want them as
//! processes link once.

use std::process::ExitCode;

use saga_tests::programs;

fn main() -> ExitCode {
    // The program's name stays in front: what follows is its command line.
    programs::run(std::env::args_os().skip(1).collect())
}
