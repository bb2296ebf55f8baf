use clap::Args;

use super::Line;
use crate::{config::Problems, ids};

/// Characters of a user's name: `actor` of `admin_audit` has room for it.
const USER_CHARS_MAX: usize = 100;

/// Who runs a command, as every command is told that the audit knows.
#[derive(Debug, Clone, Args)]
pub struct OperatorFlags {
    /// Who does it, for the audit.
    #[arg(
        long,
        env = "USER",
        value_name = "NAME",
        default_value = "unknown",
        hide_env_values = true
    )]
    pub user: String,
}

impl OperatorFlags {
    /// What they run: `action` is the program and the command, such as `user-service create-admin`.
    pub fn command(&self, action: &'static str, problems: &mut Problems) -> Command {
        let user = self.user.trim();
        let chars = user.chars().count();
        if !(1..=USER_CHARS_MAX).contains(&chars) || user.chars().any(char::is_control) {
            problems.add(
                "user",
                format_args!(
                    "say who you are in 1 to {USER_CHARS_MAX} characters that can be printed"
                ),
            );
        }
        let program = action.split(' ').next().unwrap_or(action);
        Command {
            who: format!("{program}:{user}"),
            action,
            id: ids::uuid(),
        }
    }
}

/// A command that somebody runs beside a service, to change something of it.
#[derive(Debug, Clone)]
pub struct Command {
    pub(super) who: String,
    pub(super) action: &'static str,
    pub(super) id: String,
}

impl Command {
    /// What its line, its row and the events it writes have for a request's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes its line, once it has ended: [`Line::on`] and [`Line::outcome`].
    pub fn ended(&self, on: &str, outcome: &str) {
        Line {
            who: &self.who,
            action: self.action,
            on,
            outcome,
            status: None,
            request_id: Some(&self.id),
        }
        .write();
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{self, NoConfig};

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        operator: OperatorFlags,
    }

    fn who(user: &str) -> Result<String, NoConfig> {
        let args = ["test", "--user", user];
        let (flags, mut problems) = config::parse::<Flags>("KITOPERATOR", args)?;
        let command = flags.operator.command("shop-service open", &mut problems);
        problems.finish(command.who)
    }

    #[test]
    fn who_runs_a_command_has_a_name_that_fits() {
        assert_eq!(who("ann").as_deref(), Ok("shop-service:ann"));
        assert!(who(&"안".repeat(USER_CHARS_MAX)).is_ok());
        for bad in ["", " ", "a\nb", &"a".repeat(USER_CHARS_MAX + 1)] {
            let problem = who(bad).expect_err("no name").to_string();
            assert!(problem.contains("--user: say who you are"), "{problem}");
        }
    }
}
