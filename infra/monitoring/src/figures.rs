//! What an alert compares. An alert that is silent because a figure is fine looks like one that is silent
//! because there is no such figure; this tells them apart.

/// The alert's expression with each comparison answering 0 or 1 instead of nothing: empty only where a
/// figure is missing. `absent(x)`, which is empty while there is x, becomes x.
#[must_use]
pub fn figures(expression: &str) -> String {
    let mut text = String::new();
    let (mut in_text, mut in_braces) = (false, 0_u32);
    let mut rest = expression;
    while let Some(letter) = rest.chars().next() {
        match letter {
            '"' => in_text = !in_text,
            '{' if !in_text => in_braces += 1,
            '}' if !in_text => in_braces = in_braces.saturating_sub(1),
            _ => {}
        }
        if !in_text && in_braces == 0 {
            if let Some(after) = rest.strip_prefix("absent(") {
                text.push('(');
                rest = after;
                continue;
            }
            if let Some(operator) = comparison(rest) {
                text.push_str(operator);
                text.push_str(" bool");
                rest = rest.get(operator.len()..).unwrap_or_default();
                continue;
            }
        }
        text.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    }
    text
}

fn comparison(text: &str) -> Option<&'static str> {
    const OPERATORS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];
    let begins = |operator: &&&str| text.starts_with(**operator);
    OPERATORS.iter().find(begins).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_become_figures_and_labels_stay() {
        for (expression, expected) in [
            ("up == 0", "up == bool 0"),
            (
                r#"a{b!="<", c=~"=="} > 1 and d <= 2"#,
                r#"a{b!="<", c=~"=="} > bool 1 and d <= bool 2"#,
            ),
            (
                r#"absent(up{job="x"}) or absent(up{job="y"})"#,
                r#"(up{job="x"}) or (up{job="y"})"#,
            ),
        ] {
            assert_eq!(figures(expression), expected);
        }
    }
}
