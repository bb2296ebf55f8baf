use crate::limits::EMAIL_BYTES_MAX;

/// Longest part before the `@`, in bytes (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest label of a domain, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// A mail address as it is stored and compared: trimmed and in lower case. ASCII only, with a
/// domain of two labels at least; neither quoted parts nor address literals.
///
/// # Errors
/// What is wrong with it.
pub fn email(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let wrong = |reason: &str| Err(reason.to_owned());
    if text.is_empty() {
        return wrong("must not be empty");
    }
    if text.len() > EMAIL_BYTES_MAX {
        return Err(format!("must have at most {EMAIL_BYTES_MAX} characters"));
    }
    if !text.is_ascii() {
        return wrong("must be in ASCII; write the domain in its xn-- form");
    }
    let Some((local, domain)) = text.split_once('@') else {
        return wrong("must be like name@example.com");
    };
    if local.is_empty() || local.len() > LOCAL_BYTES_MAX {
        return Err(format!(
            "must have 1 to {LOCAL_BYTES_MAX} characters before the @"
        ));
    }
    let atoms_fit = local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
    if !atoms_fit {
        return wrong("has a character or a dot before the @ that cannot stand there");
    }
    let labels: Vec<&str> = domain.split('.').collect();
    let last_has_letter = labels
        .last()
        .is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
    if labels.len() < 2 || !last_has_letter || !labels.iter().all(|label| is_label(label)) {
        return wrong("must have a domain like example.com behind the @");
    }
    Ok(text)
}

/// RFC 5322, 3.2.3.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_in_lower_case() {
        for (text, expected) in [
            ("test@example.com", "test@example.com"),
            (
                " Test.User+Tag@Example.CO.KR\n",
                "test.user+tag@example.co.kr",
            ),
            ("a@b.c", "a@b.c"),
            ("o'neill@xn--3e0b707e.kr", "o'neill@xn--3e0b707e.kr"),
        ] {
            assert_eq!(email(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}com", "example.".repeat(40));
        for text in [
            "",
            " ",
            "a",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@-b.c",
            "a@b-.c",
            "a@b.c.1",
            "a b@c.d",
            "a@b c.d",
            "a..b@c.d",
            ".a@c.d",
            "a.@c.d",
            "a@b@c.d",
            "ä@b.de",
            "a@ä.de",
            "a@[127.0.0.1]",
            "\"a\"@b.c",
            "a\0@b.c",
            "a@b.c,d@e.f",
            &long,
            &longer,
        ] {
            assert!(email(text).is_err(), "{text}");
        }
    }
}
