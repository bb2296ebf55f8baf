//! What our documents say of one another.

use std::path::Path;

use monitoring::repository;

use crate::markdown::{Document, documents, figures};

fn name(path: &Path) -> String {
    let root = repository("").canonicalize().unwrap();
    let path = path.canonicalize().unwrap();
    let name = path.strip_prefix(root).unwrap_or(&path);
    name.display().to_string()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    let paths = documents(&repository(""));
    assert!(paths.len() > 100, "{paths:?}");
    for path in paths {
        let folder = path.parent().unwrap();
        for link in Document::read(&path).links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                folder.join(file)
            };
            let is_document = target.extension().is_some_and(|name| name == "md");
            let found = target.exists()
                && (anchor.is_empty()
                    || !is_document
                    || Document::read(&target)
                        .anchors()
                        .iter()
                        .any(|known| known == anchor));
            if !found {
                dead.push(format!("{}: {link}", name(&path)));
            }
        }
    }
    assert!(dead.is_empty(), "links to nothing:\n{}", dead.join("\n"));
}

/// The Korean README says what the English one says.
#[test]
fn both_readmes_say_the_same() {
    let english = Document::read(&repository("README.md"));
    let korean = Document::read(&repository("README.ko.md"));

    let levels = |document: &Document| -> Vec<usize> {
        document.sections.iter().map(|part| part.level).collect()
    };
    assert_eq!(levels(&english), levels(&korean), "headings");
    assert_eq!(english.fences.len(), korean.fences.len(), "blocks of code");
    for (one, other) in english.fences.iter().zip(&korean.fences) {
        assert_eq!(one, other, "a block of code");
    }

    let mut links = [english.links(), korean.links()];
    for links in &mut links {
        links.retain(|link| !matches!(link.as_str(), "README.md" | "README.ko.md"));
        links.sort_unstable();
    }
    let [one, other] = &links;
    assert_eq!(one, other, "where links lead");

    for (one, other) in english.sections.iter().zip(&korean.sections) {
        let title = format!("{:?} and {:?}", one.title, other.title);
        let sorted = |mut words: Vec<String>| {
            words.sort_unstable();
            words
        };
        assert_eq!(
            sorted(one.spans()),
            sorted(other.spans()),
            "code in {title}"
        );
        let rows = |lines: &[String]| -> Vec<Vec<String>> {
            let rows = lines.iter().filter(|line| line.starts_with('|'));
            rows.map(|row| sorted(figures(row))).collect()
        };
        assert_eq!(rows(&one.lines), rows(&other.lines), "tables in {title}");
        // A word of the one may be a number of the other, and not the other way round.
        let mut there = figures(&other.prose());
        for figure in figures(&one.prose()) {
            let place = there.iter().position(|known| *known == figure);
            let place = place.unwrap_or_else(|| panic!("{figure} is missing in {title}"));
            there.swap_remove(place);
        }
    }
}

#[test]
fn each_readme_leads_to_the_other() {
    for (file, other) in [("README.md", "README.ko.md"), ("README.ko.md", "README.md")] {
        let document = Document::read(&repository(file));
        let first = document.links().into_iter().next();
        assert_eq!(first.as_deref(), Some(other), "the first link of {file}");
    }
}
