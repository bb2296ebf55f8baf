//! A table that a page asks is in the migrations of its database, with the columns that are named.

use std::collections::BTreeSet;

use monitoring::typed;

use super::sources::{DATABASES, migrations, words};

/// Before these a statement names a table.
const TABLES_FOLLOW: [&str; 5] = ["FROM", "UPDATE", "INTO", "JOIN", "TABLE"];

struct Database {
    name: &'static str,
    tables: BTreeSet<String>,
    columns: BTreeSet<String>,
}

fn databases() -> Vec<Database> {
    let databases = DATABASES.iter().map(|(name, folder)| {
        let text = migrations(folder);
        let created = text.split("CREATE TABLE ").skip(1);
        let tables = created.filter_map(|rest| rest.split_whitespace().next());
        Database {
            name,
            tables: tables
                .map(|name| name.trim_matches('`').to_owned())
                .collect(),
            columns: words(&text, &[]).map(str::to_owned).collect(),
        }
    });
    databases.collect()
}

fn without_texts(statement: &str) -> String {
    let outside = statement.split('\'').step_by(2);
    outside.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_statement_asks_tables_and_columns_that_exist() {
    let databases = databases();
    let mut seen = 0;
    for page in typed::pages().unwrap() {
        let blocks = page.blocks();
        let blocks = blocks.iter().filter(|block| block.language == "sql");
        for statement in blocks.flat_map(|block| block.text.split(';')) {
            let place = format!("{}: {}", page.name, statement.trim());
            let statement = without_texts(statement);
            let words: Vec<&str> = words(&statement, &['.']).collect();
            let mut asked: Option<&Database> = None;
            for two in words.windows(2) {
                if !TABLES_FOLLOW.contains(&two[0]) {
                    continue;
                }
                let (database, table) = two[1]
                    .split_once('.')
                    .unwrap_or_else(|| panic!("{place}: of which database is {}?", two[1]));
                let known = databases.iter().find(|known| known.name == database);
                let known = known.unwrap_or_else(|| panic!("{place}: no database {database}"));
                assert!(known.tables.contains(table), "{place}: no table {table}");
                asked = Some(known);
                seen += 1;
            }
            let Some(database) = asked else { continue };
            let mut before = "";
            for word in words {
                // Keywords and functions are in capitals.
                let is_name = word.starts_with(|letter: char| letter.is_ascii_lowercase());
                if is_name && !word.contains('.') && before != "AS" {
                    assert!(database.columns.contains(word), "{place}: no column {word}");
                }
                before = word;
            }
        }
        for span in page.spans() {
            for word in words(&span, &['.']) {
                let Some((database, table)) = word.split_once('.') else {
                    continue;
                };
                // Topics begin like the engine's own database.
                let known = databases.iter().find(|known| known.name == database);
                if let Some(known) = known.filter(|known| known.name != "inventory") {
                    assert!(known.tables.contains(table), "{}: no {word}", page.name);
                }
            }
        }
    }
    assert!(seen > 8, "{seen}");
}
