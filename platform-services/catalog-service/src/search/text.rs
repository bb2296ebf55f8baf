//! Texts as they are searched: normalised, cut into letters and pairs of letters, encoded so that
//! `InnoDB`'s full-text parser takes each for a word.
//!
//! The parser knows no Korean, drops words of fewer than three letters, and cannot find a part of a
//! word. A token here is at least three letters and digits whatever it stands for, and a word is
//! found by all of its pairs wherever it stands. Pairs alone may be scattered: who searches also
//! looks whether the document really contains the word.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use crate::limits::KEYWORD_WORDS_MAX;

/// The rules of this module, by number: another one makes all documents again.
pub(crate) const RULES: u16 = 1;

/// One field: compatibility forms and case folded, what is neither letter nor digit a blank, one at
/// most. No blank stays between two letters of a script that hardly needs them, so that 반팔티셔츠 is
/// found in 반팔 티셔츠.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in folded(text) {
        if !c.is_alphanumeric() {
            blank = true;
            continue;
        }
        if blank
            && let Some(before) = out.chars().next_back()
            && !(is_dense(before) && is_dense(c))
        {
            out.push(' ');
        }
        blank = false;
        out.push(c);
    }
    out
}

/// The words of what is searched for, without repeats.
pub(crate) fn words(query: &str) -> Vec<String> {
    let folded: String = folded(query).collect();
    let mut words = Vec::new();
    for word in folded.split(|c: char| !c.is_alphanumeric()) {
        let word = word.to_owned();
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(KEYWORD_WORDS_MAX + 1);
    words
}

/// All tokens of a document of normalised lines, for the index.
pub(crate) fn tokens(document: &str) -> String {
    let mut all = BTreeSet::new();
    for run in document.split([' ', '\n']) {
        all.extend(run.chars().map(single));
        all.extend(pairs(run));
    }
    joined(all, "")
}

/// What a document must have for these words, in the language of `MATCH … IN BOOLEAN MODE`.
pub(crate) fn wanted(words: &[String]) -> String {
    let mut all = BTreeSet::new();
    for word in words {
        let mut chars = word.chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => {
                all.insert(single(only));
            }
            _ => all.extend(pairs(word)),
        }
    }
    joined(all, "+")
}

fn joined(tokens: BTreeSet<String>, prefix: &str) -> String {
    let tokens: Vec<String> = tokens
        .into_iter()
        .map(|token| format!("{prefix}{token}"))
        .collect();
    tokens.join(" ")
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    // Lower case may take forms apart again.
    text.nfkc().flat_map(char::to_lowercase).nfc()
}

fn single(c: char) -> String {
    format!("u{:02x}", u32::from(c))
}

fn pairs(run: &str) -> impl Iterator<Item = String> + '_ {
    run.chars()
        .zip(run.chars().skip(1))
        .map(|(a, b)| format!("b{:x}x{:x}", u32::from(a), u32::from(b)))
}

/// Hangul, kana and Han: where people set blanks as they like.
const fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_forms_and_marks_do_not_matter() {
        assert_eq!(normalise("  Running-Shoes (NEW) "), "running shoes new");
        assert_eq!(normalise("ＳＨＯＥＳ"), "shoes");
        // Decomposed, as macOS writes it.
        assert_eq!(
            normalise("\u{1109}\u{1175}\u{11ab}\u{1107}\u{1161}\u{11af}"),
            "신발"
        );
        assert_eq!(normalise("반팔 티셔츠 M"), "반팔티셔츠 m");
        assert_eq!(normalise("?!"), "");
    }

    #[test]
    fn every_token_is_a_word_that_the_parser_keeps() {
        for token in tokens("a b 신발 티셔츠\nx1 🙂").split(' ') {
            assert!(token.len() >= 3, "{token}");
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric()), "{token}");
        }
    }

    #[test]
    fn what_is_wanted_is_in_every_document_that_contains_it() {
        let document = tokens(&normalise("반팔 티셔츠 Cotton T-shirt"));
        let has = |query: &str| {
            wanted(&words(query))
                .split(' ')
                .all(|token| document.split(' ').any(|t| t == &token[1..]))
        };
        for query in [
            "티셔츠",
            "셔츠",
            "반팔티",
            "COTTON",
            "otto",
            "t",
            "티",
            "shirt 반팔",
        ] {
            assert!(has(query), "{query}");
        }
        for query in ["신발", "shoes", "츠티"] {
            assert!(!has(query), "{query}");
        }
        assert_eq!(words("a a, A-b"), ["a", "b"]);
    }
}
