//! What the runbooks tell people to type: the lines of their blocks of shell, and what stands between backquotes in
//! their prose, taken apart into commands.

mod shell;

use std::fs;

use crate::{
    Error,
    markdown::{self, Block},
    repository,
};

/// What a program is given in place of `"$@"`, where a page defines a function of the shell.
const SAMPLES: [(&str, &[&str]); 2] = [
    ("reconcile", &["status"]),
    ("dlq", &["list", "order.placed"]),
];

/// What stands in for words that whoever types has to replace.
const TOPIC: &str = "order.placed";
const ANYTHING: &str = "17";

/// A command of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The file's name.
    pub page: String,
    /// Whether it stands in a block, and is typed as it is.
    pub in_block: bool,
    /// Its words, without quotes.
    pub words: Vec<String>,
}

/// A program and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// As `reconcile`, or `cargo dev`.
    pub program: String,
    /// Placeholders filled in.
    pub arguments: Vec<String>,
}

/// A runbook.
#[derive(Debug, Clone)]
pub struct Page {
    /// The file's name.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// All runbooks, the index among them, by name.
///
/// # Errors
/// [`Error::File`].
pub fn pages() -> Result<Vec<Page>, Error> {
    let folder = repository("docs/runbooks");
    let file = |error| Error::File {
        path: folder.clone(),
        error,
    };
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        let text = fs::read_to_string(&path).map_err(|error| Error::File {
            path: path.clone(),
            error,
        })?;
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        pages.push(Page { name, text });
    }
    pages.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(pages)
}

/// All commands of all runbooks.
///
/// # Errors
/// [`Error::File`].
pub fn commands() -> Result<Vec<Typed>, Error> {
    Ok(pages()?.iter().flat_map(Page::commands).collect())
}

/// How the runbooks call a program, by page.
///
/// # Errors
/// [`Error::File`].
pub fn of(program: &str) -> Result<Vec<(String, Run)>, Error> {
    let commands = commands()?.into_iter();
    let runs = commands.filter_map(|typed| Some((typed.page.clone(), typed.run()?)));
    Ok(runs.filter(|(_, run)| run.program == program).collect())
}

impl Page {
    /// Its blocks of code.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        markdown::fenced(&self.text).blocks
    }

    /// What stands between backquotes outside of blocks.
    #[must_use]
    pub fn spans(&self) -> Vec<String> {
        let prose = markdown::fenced(&self.text).prose;
        let paragraphs = prose.split("\n\n");
        let spans = paragraphs.flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        spans.map(|span| span.replace('\n', " ")).collect()
    }

    /// What it tells people to type. Of its prose: what is more than a program's name and leaves nothing
    /// out (`…`).
    #[must_use]
    pub fn commands(&self) -> Vec<Typed> {
        let blocks = self.blocks();
        let blocks = blocks.iter().filter(|block| block.language == "sh");
        let blocks = blocks.flat_map(|block| shell::commands(&block.text));
        let spans = self.spans();
        let spans = spans.iter().flat_map(|span| shell::commands(span));
        let is_whole = |words: &Vec<String>| {
            let is_name = words.len() == 1 || *words == ["cargo", "dev"];
            !is_name && !words.iter().any(|word| word == "…")
        };
        let spans = spans.filter(is_whole);
        let typed = |in_block| {
            move |words| Typed {
                page: self.name.clone(),
                in_block,
                words,
            }
        };
        blocks
            .map(typed(true))
            .chain(spans.map(typed(false)))
            .collect()
    }
}

impl Typed {
    /// The program that runs in the end, behind `kubectl exec`, `docker compose exec` or `cargo`.
    #[must_use]
    pub fn run(&self) -> Option<Run> {
        let is_variable = |word: &&String| word.contains('=') && !word.starts_with('-');
        let words = self.words.iter().skip_while(is_variable);
        let words: Vec<&str> = words.map(String::as_str).collect();
        let behind = |mark: &str| {
            let place = words.iter().position(|word| *word == mark)?;
            words.get(place + 1..)
        };
        let mut inner: Vec<&str> = match words.as_slice() {
            ["kubectl", ..] if words.contains(&"exec") => behind("--")?.to_vec(),
            ["docker" | "at", ..] if words.contains(&"exec") => {
                let rest = behind("exec")?.iter().copied();
                rest.skip_while(|word| word.starts_with('-'))
                    .skip(1)
                    .collect()
            }
            ["cargo", "run", ..] => {
                let program = behind("--bin")?.iter().take(1).copied();
                program.chain(behind("--")?.iter().copied()).collect()
            }
            ["cargo", "dev", rest @ ..] => [&["cargo dev"], rest].concat(),
            words => words.to_vec(),
        };
        let program = inner.first().copied()?.to_owned();
        if let Some(all) = inner.iter().position(|word| *word == "$@") {
            let sample = SAMPLES.iter().find(|(name, _)| *name == program);
            let sample = sample.map_or(&[][..], |(_, sample)| sample);
            inner.splice(all..=all, sample.iter().copied());
        }
        let arguments = inner.into_iter().skip(1).map(filled).collect();
        Some(Run { program, arguments })
    }
}

fn filled(word: &str) -> String {
    let is_placeholder = word.len() > 1
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    match word {
        "TOPIC" => TOPIC.to_owned(),
        _ if is_placeholder || word.contains('$') => ANYTHING.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<Run> {
        let page = Page {
            name: "a.md".to_owned(),
            text: text.to_owned(),
        };
        page.commands().iter().filter_map(Typed::run).collect()
    }

    fn run(program: &str, arguments: &[&str]) -> Run {
        Run {
            program: program.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn a_program_is_found_behind_what_runs_it() {
        for line in [
            "reconcile check --sku SKU",
            "kubectl -n shop exec deploy/sync-worker -- reconcile check --sku SKU",
            "docker compose -f infra/compose.yaml exec -T sync-worker reconcile check --sku SKU",
            "A=b reconcile check --sku \"$SKU\" | tail -3",
        ] {
            let expected = run("reconcile", &["check", "--sku", ANYTHING]);
            let block = format!("```sh\n{line}\n```\n");
            assert_eq!(runs(&block).first(), Some(&expected), "{line}");
            assert_eq!(runs(&format!("so `{line}`.\n"))[0], expected, "{line}");
        }
        assert_eq!(
            runs("`cargo dev logs NAME -n 9`"),
            [run("cargo dev", &["logs", ANYTHING, "-n", "9"])]
        );
    }

    #[test]
    fn a_function_of_the_shell_is_tried_with_a_sample() {
        let block =
            "```sh\ndlq() { cargo run -p kit --bin dlq -- --user \"$USER\" \"$@\"; }\n```\n";
        let expected = run("dlq", &["--user", ANYTHING, "list", "order.placed"]);
        assert_eq!(runs(block), [expected]);
    }

    #[test]
    fn a_word_of_prose_is_no_command_and_other_blocks_are_none() {
        assert_eq!(
            runs("`dlq`, `a\nb c`\n\n```sql\nSELECT 1;\n```\n"),
            [run("a", &["b", "c"])]
        );
    }
}
