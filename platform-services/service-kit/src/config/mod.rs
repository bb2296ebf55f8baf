//! Configuration: read once, checked as a whole, every problem listed.
//!
//! A service's flags are a clap struct whose values are texts; [`parse`] reads them from the command
//! line and from `<PREFIX>_<FLAG>`, and [`Problems`] turns them into what they mean:
//!
//! ```
//! use clap::Parser;
//! use service_kit::config::{self, Auth, Problems};
//!
//! #[derive(Debug, Parser)]
//! #[command(name = "order-service", about = "Orders")]
//! struct Flags {
//!     /// Address and port.
//!     #[arg(long, default_value = "127.0.0.1:8085")]
//!     listen: String,
//!     /// Requests in flight.
//!     #[arg(long, default_value = "100")]
//!     requests_max: String,
//! }
//!
//! let (flags, mut problems) = config::parse::<Flags>("ORDER", ["order-service"])?;
//! let listen = problems.listen("listen", &flags.listen, Auth::None);
//! let requests_max: usize = problems.number("requests-max", &flags.requests_max, 1..=1000);
//! problems.finish((listen, requests_max))?;
//! # Ok::<(), config::NoConfig>(())
//! ```

mod problems;
mod secret;

use std::{collections::BTreeSet, ffi::OsString, io::Write, process::ExitCode, sync::Mutex};

use clap::{
    Command, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

pub use self::{
    problems::{Auth, Problems},
    secret::{Secret, without_password},
};

/// Bad configuration, as in `sysexits.h`.
pub const EX_USAGE: u8 = 64;

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoConfig {
    /// The text that `--help` or `--version` asked for.
    #[error("{0}")]
    Asked(String),
    /// Everything that is wrong.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
}

impl NoConfig {
    /// Says it to the person at the terminal: help on standard output with exit 0, problems on
    /// standard error with exit 64.
    #[must_use]
    pub fn exit_code(&self, program: &str) -> ExitCode {
        match self {
            Self::Asked(text) => match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            },
            Self::Problems(problems) => {
                // A closed standard error is no reason to end otherwise.
                drop(writeln!(
                    std::io::stderr(),
                    "{program}: {}",
                    problems.join("\n")
                ));
                ExitCode::from(EX_USAGE)
            }
        }
    }
}

/// Reads the command line (the first argument is the program's name) and, for every flag that has a
/// long name and no variable of its own, `<prefix>_<FLAG>`. Values from the environment are never
/// shown by `--help`.
///
/// Flags that nobody knows are in the returned [`Problems`], so that they do not hide the others.
///
/// # Errors
/// [`NoConfig`] with the help text, or with what keeps the rest from being read.
pub fn parse<F>(
    prefix: &str,
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<(F, Problems), NoConfig>
where
    F: CommandFactory + FromArgMatches,
{
    let command = with_environment(F::command(), prefix);
    let mut args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut unknown = Vec::new();
    loop {
        let read = command
            .clone()
            .try_get_matches_from(&args)
            .and_then(|matches| F::from_arg_matches(&matches));
        let error = match read {
            Ok(flags) => return Ok((flags, Problems::from(unknown))),
            Err(error) if error.use_stderr() => error,
            Err(asked) => return Err(NoConfig::Asked(asked.render().to_string())),
        };
        unknown.push(first_paragraph(&error));
        // The rest is looked at without it, so that one mistake does not hide the others.
        let Some(place) = unknown_flag(&error, &args) else {
            return Err(NoConfig::Problems(unknown));
        };
        args.remove(place);
    }
}

fn with_environment(command: Command, prefix: &str) -> Command {
    command.mut_args(|arg| {
        let Some(long) = arg.get_long() else {
            return arg;
        };
        let arg = if arg.get_env().is_none() {
            let name = format!("{prefix}_{}", long.to_ascii_uppercase().replace('-', "_"));
            arg.env(interned(name))
        } else {
            arg
        };
        arg.hide_env_values(true)
    })
}

/// clap keeps names for the life of the process; each is kept once.
fn interned(name: String) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    let name: &'static str = Box::leak(name.into_boxed_str());
    names.insert(name);
    name
}

/// What is wrong, without the usage.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let end = text.find("\n\nUsage").unwrap_or(text.len());
    text[..end]
        .trim_start_matches("error: ")
        .trim_end()
        .to_owned()
}

/// Where the argument stands that nobody knows.
fn unknown_flag(error: &clap::Error, args: &[OsString]) -> Option<usize> {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(name))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    args.iter().position(|arg| {
        let arg = arg.to_string_lossy();
        arg == name.as_str() || arg.split_once('=').is_some_and(|(flag, _)| flag == name)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "test-service", version)]
    struct Flags {
        /// Address and port.
        #[arg(long, default_value = "127.0.0.1:1")]
        listen: String,
        /// How many.
        #[arg(long, default_value = "1")]
        many: String,
        /// Its own variable.
        #[arg(long, env = "SOMETHING_ELSE")]
        database_url: Option<String>,
    }

    fn parse(args: &[&str]) -> Result<(Flags, Problems), NoConfig> {
        super::parse("KITTEST", [&["test-service"], args].concat())
    }

    #[test]
    fn unknown_flags_do_not_hide_other_problems() {
        let (flags, mut problems) = parse(&["--bogus", "--many=x", "--worse=1"]).expect("read");
        let _: u8 = problems.number("many", &flags.many, 1..=9);
        let _ = problems.listen("listen", "0.0.0.0:1", Auth::None);
        let Err(NoConfig::Problems(found)) = problems.finish(()) else {
            panic!("there are problems");
        };
        assert_eq!(found.len(), 4, "{found:#?}");
        for (problem, flag) in found
            .iter()
            .zip(["--bogus", "--worse", "--many", "--listen"])
        {
            assert!(problem.contains(flag), "{flag} in {problem}");
        }
    }

    #[test]
    fn every_flag_has_its_variable() {
        let Err(NoConfig::Asked(help)) = parse(&["--help"]) else {
            panic!("help was asked for");
        };
        for name in ["KITTEST_LISTEN", "KITTEST_MANY", "SOMETHING_ELSE"] {
            assert!(help.contains(&format!("[env: {name}]")), "{help}");
        }
        let (flags, problems) = parse(&["--database-url", "x"]).expect("read");
        assert_eq!(flags.database_url.as_deref(), Some("x"));
        problems.finish(()).expect("no problem");
    }
}
