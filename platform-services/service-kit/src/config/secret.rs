use std::{convert::Infallible, fmt, str::FromStr};

/// A text that no log and no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for who needs it to log in somewhere.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL without its password, for logs and messages. That of a unix socket of Redis stands behind the
/// question mark (`pass=`); then nothing behind that is shown.
#[must_use]
pub fn without_password(url: &str) -> String {
    let url = match url.split_once('?') {
        Some((place, query)) if query.contains("pass=") => place,
        _ => url,
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            without_password("mysql://u:p@ss@h:1/db"),
            "mysql://u@h:1/db"
        );
        assert_eq!(without_password("redis://h:1"), "redis://h:1");
        assert_eq!(
            without_password("redis+unix:///s?user=u&pass=p"),
            "redis+unix:///s"
        );
        let secret: Secret = "geheim".parse().expect("any text");
        assert_eq!(format!("{secret:?} {}", secret.reveal()), "*** geheim");
    }
}
