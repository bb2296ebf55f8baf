//! As much of the shell as the runbooks use.

/// Words that begin or end something and are no command.
const STRUCTURE: [&str; 5] = ["{", "}", "do", "done", "esac"];

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
    /// The next word is a file that something is written to or read from.
    file_follows: bool,
}

/// The commands of a text, each as its words.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\'' => {
                let word = reader.word.get_or_insert_default();
                word.extend(rest.by_ref().take_while(|letter| *letter != '\''));
            }
            '"' => {
                let word = reader.word.get_or_insert_default();
                while let Some(letter) = rest.next().filter(|letter| *letter != '"') {
                    let letter = if letter == '\\' {
                        rest.next()
                    } else {
                        Some(letter)
                    };
                    word.extend(letter);
                }
            }
            '\\' => {
                let escaped = rest.next().filter(|letter| *letter != '\n');
                if let Some(letter) = escaped {
                    reader.word.get_or_insert_default().push(letter);
                }
            }
            '#' if reader.word.is_none() => {
                while rest.next_if(|letter| *letter != '\n').is_some() {}
            }
            '(' if rest.next_if_eq(&')').is_some() => {
                // What stood before it is the name of a function.
                reader.word = None;
                reader.words.clear();
            }
            '(' => {
                // `$(` begins another command.
                if let Some(word) = reader.word.as_mut().filter(|word| word.ends_with('$')) {
                    word.pop();
                }
                reader.end_command();
            }
            '>' | '<' => {
                let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
                if !reader.word.as_ref().is_some_and(is_number) {
                    reader.end_word();
                }
                reader.word = None;
                reader.file_follows = true;
            }
            '\n' | ';' | '|' | '&' | ')' => reader.end_command(),
            letter if letter.is_whitespace() => reader.end_word(),
            letter => reader.word.get_or_insert_default().push(letter),
        }
    }
    reader.end_command();
    reader.commands
}

impl Reader {
    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.file_follows) {
            return;
        }
        if self.words.is_empty() && STRUCTURE.contains(&word.as_str()) {
            return;
        }
        self.words.push(word);
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn a_text_is_taken_apart_into_commands() {
        for (text, expected) in [
            ("a b # c\n\nd", &[&["a", "b"][..], &["d"]][..]),
            (
                "a 'b | c' \"d; \\\"e\" | f 2>/dev/null",
                &[&["a", "b | c", "d; \"e"], &["f"]],
            ),
            ("a \\\n  b && c; d &", &[&["a", "b"], &["c"], &["d"]]),
            ("f() {\n  a \"$@\"\n}", &[&["a", "$@"]]),
            ("A=$(b -c d)", &[&["A="], &["b", "-c", "d"]]),
            (
                "for x in a b; do c \"$x\"; done",
                &[&["for", "x", "in", "a", "b"], &["c", "$x"]],
            ),
            ("a < b > c d", &[&["a", "d"]]),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
    }
}
