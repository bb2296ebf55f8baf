//! The programs by their names. Each does what its own `main.rs` does.

mod plain;
mod shop;
mod stock;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// Bad configuration, as in `sysexits.h`.
const EX_USAGE: u8 = 64;

type Program = fn(Vec<OsString>) -> ExitCode;

const PROGRAMS: [(&str, Program); 9] = [
    ("auth-service", shop::auth),
    ("catalog-service", shop::catalog),
    ("inventory-server", stock::inventory),
    ("order-service", shop::order),
    ("payment-service", shop::payment),
    ("reconcile", stock::reconcile),
    ("sync-worker", stock::sync),
    ("toss-sandbox", shop::sandbox),
    ("user-service", shop::user),
];

/// Runs the program that `args` begins with.
#[must_use]
pub fn run(args: Vec<OsString>) -> ExitCode {
    let wanted = args.first().and_then(|name| name.to_str());
    match PROGRAMS.iter().find(|(name, _)| Some(*name) == wanted) {
        Some((_, program)) => program(args),
        None => {
            let names = PROGRAMS.map(|(name, _)| name).join(", ");
            say("shop", &format!("name one of {names}"));
            ExitCode::from(EX_USAGE)
        }
    }
}

/// For the person at the terminal; a closed standard error is no reason to fail.
fn say(program: &str, text: &dyn Display) {
    drop(writeln!(io::stderr(), "{program}: {text}"));
}

/// What a program that ran exits with.
fn ended<E: Display>(program: &str, done: Result<(), E>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(program, &error);
            ExitCode::FAILURE
        }
    }
}
