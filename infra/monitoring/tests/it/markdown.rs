//! As much of Markdown as the tests of our own documents need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use monitoring::markdown::{Block, Fenced, fenced};

/// Folders that hold what is not ours to check.
const ELSEWHERE: [&str; 4] = ["target", ".git", ".devstack", "node_modules"];

/// A heading, and the lines down to the next one. The first part has no heading.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// 0 for what comes before the first heading.
    pub(crate) level: usize,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
}

impl Section {
    /// Its prose with code spans cut out, one text.
    pub(crate) fn prose(&self) -> String {
        without_spans(&self.lines.join("\n")).0
    }

    /// What stands between backquotes.
    pub(crate) fn spans(&self) -> Vec<String> {
        without_spans(&self.lines.join("\n")).1
    }
}

/// A document, taken apart.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) sections: Vec<Section>,
    pub(crate) fences: Vec<Block>,
}

impl Document {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let Fenced {
            blocks: fences,
            prose,
            is_open,
        } = fenced(text);
        assert!(!is_open, "a block of code has no end");
        let mut sections = vec![Section::default()];
        for line in prose.lines() {
            read_line(&mut sections, line);
        }
        Self { sections, fences }
    }

    /// The targets of its links, in order.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = self.sections.iter().map(|section| {
            let title = without_spans(&section.title).0;
            format!("{title}\n{}", section.prose())
        });
        prose.flat_map(|prose| targets(&prose)).collect()
    }

    /// What a link may name behind `#`.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.sections.iter().filter(|section| section.level > 0);
        headings.map(|section| anchor(&section.title)).collect()
    }
}

fn read_line(sections: &mut Vec<Section>, line: &str) {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    if level > 0 && line[level..].starts_with(' ') {
        sections.push(Section {
            level,
            title: line[level..].trim().to_owned(),
            lines: Vec::new(),
        });
    } else if let Some(section) = sections.last_mut() {
        section.lines.push(line.to_owned());
    }
}

/// Text and code spans, apart. A backquote without its fellow stands for itself.
fn without_spans(text: &str) -> (String, Vec<String>) {
    let (mut prose, mut spans) = (String::new(), Vec::new());
    for paragraph in text.split("\n\n") {
        let mut parts = paragraph.split('`');
        prose.push_str(parts.next().unwrap_or_default());
        while let Some(span) = parts.next() {
            let Some(after) = parts.next() else {
                prose.push_str(span);
                break;
            };
            spans.push(span.split_whitespace().collect::<Vec<_>>().join(" "));
            prose.push_str(after);
        }
        prose.push_str("\n\n");
    }
    (prose, spans)
}

fn targets(prose: &str) -> Vec<String> {
    let links = prose.split("](").skip(1);
    let targets = links.filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// As GitHub makes them: lower case, hyphens for blanks, without signs.
fn anchor(title: &str) -> String {
    let mut text = String::new();
    let mut rest = title;
    // A link in a heading counts with its text only.
    while let Some((before, link)) = rest.split_once("](") {
        text.push_str(before);
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let kept = text.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

/// The numbers of a text, as they are written.
pub(crate) fn figures(text: &str) -> Vec<String> {
    let mut figures = Vec::new();
    let mut figure = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_digit() || matches!(letter, ',' | '.') && !figure.is_empty() {
            figure.push(letter);
        } else if !figure.is_empty() {
            figures.push(figure.trim_end_matches([',', '.']).to_owned());
            figure.clear();
        }
    }
    figures
}

/// All documents of the repository.
pub(crate) fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type().unwrap().is_dir() {
                if !ELSEWHERE.iter().any(|other| name == *other) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_document_is_taken_apart() {
    let document = Document::parse(
        "one [a](b.md)\n# A `b`, c\n```sh\n# no heading [x](y)\n```\nat 1,000, of 2.5 `c](d)` [e](f#g).\n",
    );
    assert_eq!(document.links(), ["b.md", "f#g"]);
    assert_eq!(document.anchors(), ["a-b-c"]);
    assert_eq!(document.fences[0].language, "sh");
    assert_eq!(document.sections[1].spans(), ["c](d)"]);
    assert_eq!(figures(&document.sections[1].prose()), ["1,000", "2.5"]);
}
