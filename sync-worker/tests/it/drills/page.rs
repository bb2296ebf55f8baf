//! The blocks of docs/operations.md.

const PAGE: &str = include_str!("../../../../docs/operations.md");

/// Where there are blocks between the beginning of *Backup* and the end of *Restore*, and how many. Each is run
/// by a test of this folder.
const BLOCKS: [(&str, usize); 7] = [
    ("### MariaDB", 4),
    ("### Redis", 1),
    ("### On Kubernetes", 2),
    ("## Restore", 1),
    (
        "### An older copy of Redis is all that can be found, MariaDB is there",
        1,
    ),
    ("### MariaDB is gone, Redis is there", 1),
    ("### The same on Kubernetes", 4),
];

/// Headings, each with the texts of the fenced blocks below it and above the next.
fn headings() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut headings = vec![("", vec![])];
    // Outside and inside by turns.
    for (index, part) in PAGE.split("```").enumerate() {
        if index % 2 == 1 {
            // Behind the name of its language.
            let (_, text) = part.split_once('\n').unwrap();
            headings.last_mut().unwrap().1.push(text);
        } else {
            let lines = part.lines().filter(|line| line.starts_with('#'));
            headings.extend(lines.map(|line| (line, vec![])));
        }
    }
    headings
}

/// What is to be typed below a heading.
pub(super) fn blocks<const N: usize>(heading: &str) -> [&'static str; N] {
    let mut headings = headings().into_iter();
    let (_, blocks) = headings.find(|(name, _)| *name == heading).unwrap();
    let found = blocks.len();
    blocks
        .try_into()
        .unwrap_or_else(|_| panic!("{found} blocks below {heading}, where {N} are typed"))
}

/// With the names of a test where the page has those of an example.
pub(super) fn filled(text: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

#[test]
fn every_block_of_the_page_is_typed() {
    let headings = headings();
    let at = |heading: &str| headings.iter().position(|(name, _)| *name == heading);
    let part = at("## Backup").unwrap()..at("## Upgrade and rollback").unwrap();
    let found = headings[part].iter();
    let found = found.filter(|(_, blocks)| !blocks.is_empty());
    let found: Vec<_> = found.map(|(name, blocks)| (*name, blocks.len())).collect();
    assert_eq!(found, BLOCKS);
}
