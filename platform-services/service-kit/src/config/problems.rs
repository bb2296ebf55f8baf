use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr, time::Duration};

use super::NoConfig;
use crate::telemetry::{self, LogFormat};

/// Who may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Anybody who reaches it.
    None,
    /// Who brings a token.
    Required,
}

/// Collects what is wrong while values are read.
#[derive(Debug, Default)]
#[must_use = "a problem that nobody asks for is forgotten: call finish"]
pub struct Problems(Vec<String>);

impl From<Vec<String>> for Problems {
    fn from(problems: Vec<String>) -> Self {
        Self(problems)
    }
}

impl Problems {
    /// Notes a problem of `--flag`.
    pub fn add(&mut self, flag: &str, problem: impl Display) {
        self.0.push(format!("--{flag}: {problem}"));
    }

    /// A number in `range`, or the range's start after noting the problem.
    pub fn number<T>(&mut self, flag: &str, text: &str, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            Ok(_) | Err(_) => {
                let (start, end) = (range.start(), range.end());
                self.add(
                    flag,
                    format_args!("{text:?} must be a number from {start} to {end}"),
                );
                *start
            }
        }
    }

    /// Seconds in `range`.
    pub fn seconds(&mut self, flag: &str, text: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(flag, text, range))
    }

    /// Milliseconds in `range`.
    pub fn millis(&mut self, flag: &str, text: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(flag, text, range))
    }

    /// One of a few words, or `otherwise` after noting the problem.
    pub fn word<T: Copy>(
        &mut self,
        flag: &str,
        text: &str,
        words: &[(&str, T)],
        otherwise: T,
    ) -> T {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.add(
            flag,
            format_args!("{text:?} must be one of {}", list.join(", ")),
        );
        otherwise
    }

    /// An address and a port; `localhost` is `127.0.0.1`. Without auth only loopback.
    pub fn listen(&mut self, flag: &str, text: &str, auth: Auth) -> SocketAddr {
        let spelled = text.replacen("localhost:", "127.0.0.1:", 1);
        let Ok(address) = spelled.parse::<SocketAddr>() else {
            self.add(
                flag,
                format_args!("{text:?} must be an address and a port, like 127.0.0.1:8080"),
            );
            return SocketAddr::from(([127, 0, 0, 1], 0));
        };
        if auth == Auth::None && !address.ip().is_loopback() {
            self.add(
                flag,
                format_args!("{address} is not loopback; without auth anybody who reaches it could do everything"),
            );
        }
        address
    }

    /// A URL that starts with one of `schemes` (like `mysql://`). Its text is never in the problem:
    /// it may hold a password.
    pub fn url(&mut self, flag: &str, text: &str, schemes: &[&str]) -> String {
        if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
            self.add(
                flag,
                format_args!("must start with {}", schemes.join(" or ")),
            );
        }
        text.to_owned()
    }

    /// `text` or `json`.
    pub fn log_format(&mut self, flag: &str, text: &str) -> LogFormat {
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        self.word(flag, text, &words, LogFormat::Text)
    }

    /// A level or filter of logs.
    pub fn log_level(&mut self, flag: &str, text: &str) -> String {
        if let Err(reason) = telemetry::check_filter(text) {
            self.add(
                flag,
                format_args!("{text:?} is no level or filter: {reason}"),
            );
        }
        text.to_owned()
    }

    /// The configuration, if nothing was wrong.
    ///
    /// # Errors
    /// [`NoConfig::Problems`] with everything that was noted.
    pub fn finish<T>(self, config: T) -> Result<T, NoConfig> {
        if self.0.is_empty() {
            Ok(config)
        } else {
            Err(NoConfig::Problems(self.0))
        }
    }
}

impl tls::Complaints for Problems {
    fn add(&mut self, flag: &str, problem: &dyn Display) {
        Self::add(self, flag, problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_auth_only_loopback_is_listened_on() {
        let listen = |text: &str, auth| {
            let mut problems = Problems::default();
            let address = problems.listen("listen", text, auth);
            problems.finish(address)
        };
        for fine in ["127.0.0.1:0", "localhost:80", "[::1]:80"] {
            listen(fine, Auth::None).expect(fine);
        }
        listen("0.0.0.0:80", Auth::Required).expect("with auth");
        for bad in ["0.0.0.0:80", "[::]:80", "80", "host:80", ""] {
            listen(bad, Auth::None).expect_err(bad);
        }
    }

    #[test]
    fn a_bad_url_is_not_shown() {
        let mut problems = Problems::default();
        problems.url("database-url", "msql://u:geheim@h/d", &["mysql://"]);
        let Err(NoConfig::Problems(found)) = problems.finish(()) else {
            panic!("a problem");
        };
        assert_eq!(found, ["--database-url: must start with mysql://"]);
    }
}
