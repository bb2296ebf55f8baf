//! `cargo dev`: starts, shows, tests and stops the stack on this machine.
//!
//! Never touches a server it did not start, and keeps everything it makes in `.devstack/`.

mod addresses;
mod broker;
mod cargo;
mod cli;
mod compile;
mod database;
mod debezium;
mod demo;
mod demo_stock;
mod detach;
mod doctor;
mod down;
mod embedded_redis;
mod environment;
mod events;
mod failure;
mod guide;
mod http;
mod launch;
mod left_behind;
mod load;
mod lock;
mod logs;
mod monitoring_service;
mod output;
mod packages;
mod ports;
mod private_file;
mod probe;
mod projection;
mod requirement;
mod reset;
mod restart;
mod secrets;
mod service;
mod shop;
mod soak;
mod stack;
mod start;
mod state;
mod status;
mod stop;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use cli::Command;
use failure::Failure;
use workspace::Workspace;

fn main() -> ExitCode {
    let command = match cli::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    if let Command::Detached { program, args } = command {
        return Err(detach::become_server(&program, &args));
    }
    let workspace = Workspace::find()?;
    match command {
        Command::Up(options) => up::run(&workspace, &options),
        Command::Demo => demo::run(&workspace),
        Command::Down => down::run(&workspace),
        Command::Status => status::run(&workspace),
        Command::Logs(options) => Err(logs::run(&workspace, &options)),
        Command::Restart { name } => restart::run(&workspace, &name),
        Command::Reset => reset::run(&workspace),
        Command::Doctor => doctor::run(),
        Command::Test { filter } => test::run(&workspace, filter.as_deref()),
        Command::Soak => soak::run(&workspace),
        Command::Load { scenario, args } => load::run(&workspace, scenario.as_deref(), &args),
        Command::Detached { .. } => Ok(()),
    }
}
