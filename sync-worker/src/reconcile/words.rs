//! A command as it was asked for, in one line.

use std::ffi::OsStr;

use clap::{Arg, ArgMatches, Command, parser::ValueSource};

/// The subcommand and its own arguments, as a shell would take them. Without those that every command has:
/// the stores' URLs hold passwords.
pub(super) fn words(program: &Command, matches: &ArgMatches) -> String {
    let mut words = Vec::new();
    let (mut command, mut matches) = (program, matches);
    while let Some((name, below)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else {
            break;
        };
        words.push(name.to_owned());
        for argument in found.get_arguments() {
            given(argument, below, &mut words);
        }
        (command, matches) = (found, below);
    }
    words.join(" ")
}

/// Adds an argument that was given.
fn given(argument: &Arg, matches: &ArgMatches, words: &mut Vec<String>) {
    let id = argument.get_id().as_str();
    if matches!(
        matches.value_source(id),
        None | Some(ValueSource::DefaultValue)
    ) {
        return;
    }
    let flag = argument.get_long().map(|long| format!("--{long}"));
    if !argument.get_action().takes_values() {
        words.extend(flag);
        return;
    }
    for value in matches.get_raw(id).into_iter().flatten() {
        words.extend(flag.clone());
        words.push(quoted(value));
    }
}

fn quoted(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=@%+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.into_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use crate::reconcile::Cli;

    #[track_caller]
    fn asked(line: &[&str]) -> String {
        let line = [&["reconcile"], line].concat();
        Cli::read(line.into_iter().map(Into::into))
            .expect("understood")
            .asked
    }

    #[test]
    fn a_command_is_told_as_it_was_asked_for() {
        assert_eq!(
            asked(&["dead-letters", "discard", "12"]),
            "dead-letters discard 12"
        );
        assert_eq!(
            asked(&["dead-letters", "replay", "12", "--no-events"]),
            "dead-letters replay 12 --no-events"
        );
        assert_eq!(asked(&["detach"]), "detach");
        assert_eq!(
            asked(&[
                "repair",
                "--reason",
                "Ann's count",
                "--from=redis",
                "--sku",
                "a"
            ]),
            r"repair --from redis --sku a --reason 'Ann'\''s count'"
        );
        assert_eq!(
            asked(&["import", "new stock.csv"]),
            "import 'new stock.csv'"
        );
    }

    #[test]
    fn nothing_is_told_of_what_every_command_has() {
        let url = "mysql://root:geheim@127.0.0.1/x";
        for line in [
            ["--database-url", url, "--json", "bless", "--force"],
            ["bless", "--force", "--database-url", url, "--json"],
        ] {
            assert_eq!(asked(&line), "bless --force");
        }
    }
}
