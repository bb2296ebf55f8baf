//! Texts that people write.

use crate::limits::{
    ADDRESS_CHARS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN,
    ZIP_CODE_CHARS_MAX,
};

/// Digits of a telephone number (E.164 has 15 at most).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Characters of one, with what people put between the digits.
const PHONE_CHARS_MAX: usize = 20;

/// A person's name.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, String> {
    written(text, 1, NAME_CHARS_MAX)
}

/// What a user calls an address; may be empty.
///
/// # Errors
/// What is wrong with it.
pub fn label(text: &str) -> Result<String, String> {
    written(text, 0, LABEL_CHARS_MAX)
}

/// A line of an address; `chars_min` 0 where it may be empty.
///
/// # Errors
/// What is wrong with it.
pub fn line(text: &str, chars_min: usize) -> Result<String, String> {
    written(text, chars_min, ADDRESS_CHARS_MAX)
}

/// A new password, as it is: blanks count, nothing is cut off.
///
/// # Errors
/// What is wrong with it.
pub fn password(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    if (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
        ))
    }
}

/// A telephone number: digits, with blanks, hyphens, dots and parentheses between them, and a `+` in
/// front of a country code.
///
/// # Errors
/// What is wrong with it.
pub fn phone(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = text.strip_prefix('+').unwrap_or(text);
    let fits = text.len() <= PHONE_CHARS_MAX
        && PHONE_DIGITS.contains(&rest.bytes().filter(u8::is_ascii_digit).count())
        && rest
            .bytes()
            .all(|b| b.is_ascii_digit() || b" -.()".contains(&b));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be a telephone number of {} to {} digits, like 010-1234-5678",
            PHONE_DIGITS.start(),
            PHONE_DIGITS.end()
        ))
    }
}

/// A postal code.
///
/// # Errors
/// What is wrong with it.
pub fn zip_code(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (3..=ZIP_CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be a postal code of 3 to {ZIP_CODE_CHARS_MAX} letters and digits, like 06236"
        ))
    }
}

fn written(text: &str, chars_min: usize, chars_max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".to_owned());
    }
    let chars = text.chars().count();
    if chars < chars_min {
        Err("must not be empty".to_owned())
    } else if chars > chars_max {
        Err(format!("must have at most {chars_max} characters"))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken() {
        assert_eq!(name(" 테스트 "), Ok("테스트".to_owned()));
        assert_eq!(password(" 8 chars "), Ok(" 8 chars ".to_owned()));
        assert!(password(&"비".repeat(PASSWORD_CHARS_MAX)).is_ok());
        for fine in ["010-1234-5678", "+82 10 1234 5678", "(02) 123.4567"] {
            assert_eq!(phone(fine).as_deref(), Ok(fine));
        }
        for fine in ["06236", "135-010", "SW1A 1AA"] {
            assert_eq!(zip_code(fine).as_deref(), Ok(fine));
        }
        assert_eq!(label(""), Ok(String::new()));
    }

    #[test]
    fn limits_are_kept() {
        for bad in ["", "  ", "a\nb", "a\0", &"가".repeat(NAME_CHARS_MAX + 1)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        let long = "x".repeat(PASSWORD_CHARS_MAX + 1);
        for bad in ["", "1234567", "비밀번호", &long] {
            assert!(password(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "",
            "123456",
            "1234567890123456",
            "010-abcd-1234",
            "+",
            "++821012345678",
        ] {
            assert!(phone(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "12", "12345678901", "우편번호"] {
            assert!(zip_code(bad).is_err(), "{bad:?}");
        }
    }
}
