//! The part of Dockerfiles that ours are written in.

use std::path::Path;

use crate::{FileError, read};

/// What a build does between two `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The image or stage that it begins with.
    pub base: String,
    /// What others call it.
    pub name: Option<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Stage {
    /// Who runs what it starts; nobody said: root.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| {
            if let Step::User(user) = step {
                Some(user.as_str())
            } else {
                None
            }
        })
    }

    /// What a container of it runs; a stage without it is no image.
    #[must_use]
    pub fn cmd(&self) -> Option<&[String]> {
        self.steps.iter().rev().find_map(|step| {
            if let Step::Cmd(words) = step {
                Some(words.as_slice())
            } else {
                None
            }
        })
    }
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command line for `sh -c`.
    Run(String),
    /// Files from the build's context or a stage.
    Copy {
        /// The stage; none: the context.
        from: Option<String>,
        /// What.
        sources: Vec<String>,
        /// Where to.
        target: String,
    },
    /// Variables of the steps that follow.
    Env(Vec<(String, String)>),
    /// The folder of the steps that follow.
    Workdir(String),
    /// Who runs what follows, as `uid:gid`.
    User(String),
    /// What a container runs, as JSON writes a list of words.
    Cmd(Vec<String>),
    /// What says something of the image and does nothing: its word and the rest.
    Says(String, String),
}

impl Step {
    /// A step that does something, in one line; none for what only says something.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Run(line) => Some(format!("RUN {line}")),
            Self::Copy {
                from,
                sources,
                target,
            } => {
                let from = from.as_ref().map(|name| format!("--from={name} "));
                let from = from.unwrap_or_default();
                Some(format!("COPY {from}{} {target}", sources.join(" ")))
            }
            Self::Env(variables) => {
                let pairs = variables
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"));
                Some(format!("ENV{}", pairs.collect::<String>()))
            }
            Self::Workdir(_) | Self::User(_) | Self::Cmd(_) | Self::Says(..) => None,
        }
    }
}

/// Reads a Dockerfile.
///
/// # Errors
/// [`FileError`] with the line that is none of what is known here.
pub fn stages(path: &Path) -> Result<Vec<Stage>, FileError> {
    let wrong = FileError::of(path);
    let mut stages: Vec<Stage> = Vec::new();
    for line in instructions(&read(path)?) {
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let rest = rest.trim();
        if word == "FROM" {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let (base, name) = match words.as_slice() {
                [base] => (base, None),
                [base, "AS", name] => (base, Some((*name).to_owned())),
                _ => return Err(wrong(&line)),
            };
            stages.push(Stage {
                base: (*base).to_owned(),
                name,
                steps: Vec::new(),
            });
            continue;
        }
        let step = step(word, rest).ok_or_else(|| wrong(&line))?;
        let stage = stages.last_mut().ok_or_else(|| wrong(&line))?;
        stage.steps.push(step);
    }
    Ok(stages)
}

fn step(word: &str, rest: &str) -> Option<Step> {
    Some(match word {
        "RUN" => Step::Run(rest.to_owned()),
        "COPY" => {
            let mut words: Vec<&str> = rest.split_whitespace().collect();
            let from = words.first()?.strip_prefix("--from=").map(str::to_owned);
            if from.is_some() {
                words.remove(0);
            }
            let target = words.pop()?.to_owned();
            let sources = words.into_iter().map(str::to_owned).collect();
            Step::Copy {
                from,
                sources,
                target,
            }
        }
        "ENV" => {
            let pairs = rest.split_whitespace().map(|pair| pair.split_once('='));
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            Step::Env(pairs.map(|pair| pair.map(owned)).collect::<Option<_>>()?)
        }
        "WORKDIR" => Step::Workdir(rest.to_owned()),
        "USER" => Step::User(rest.to_owned()),
        "CMD" => Step::Cmd(serde_json::from_str(rest).ok()?),
        "ARG" | "LABEL" | "STOPSIGNAL" | "EXPOSE" => Step::Says(word.to_owned(), rest.to_owned()),
        _ => return None,
    })
}

/// Lines without comments, continued ones in one.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(begun) => open.push_str(begun),
            None => {
                open.push_str(line);
                instructions.push(std::mem::take(&mut open));
            }
        }
    }
    instructions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_and_comments_left_out() {
        let text = "# a\nFROM debian AS one\nRUN a \\\n # in between\n && b\n";
        assert_eq!(instructions(text), ["FROM debian AS one", "RUN a && b"]);
    }

    #[test]
    fn variables_are_pairs() {
        let env = step("ENV", "A=1 B=two").unwrap();
        assert_eq!(env.line().unwrap(), "ENV A=1 B=two");
        assert_eq!(step("ENV", "A 1"), None);
    }

    #[test]
    fn a_shell_is_no_command_form() {
        assert_eq!(step("CMD", "inventory-server"), None);
        let words = vec!["/bin/a".to_owned(), "--b".to_owned()];
        assert_eq!(step("CMD", r#"["/bin/a", "--b"]"#), Some(Step::Cmd(words)));
        assert_eq!(step("ADD", "https://example.com /"), None);
    }
}
