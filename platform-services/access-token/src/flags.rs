//! The flags of a process that verifies tokens.

use clap::{Args, Command};
pub use tls::Complaints;
use tls::Trust;

use crate::{
    DEFAULT_AUDIENCE, DEFAULT_ISSUER, DEFAULT_JWKS_URL, JwksSource, Verifier, VerifierSettings,
};

/// How tokens are verified; put them into a process's own flags with `#[command(flatten)]`.
#[derive(Debug, Clone, Args)]
pub struct TokenFlags {
    /// Where the keys that verify tokens are (http:// or https://); not with --jwks-file [default: auth-service on this
    /// machine].
    #[arg(long, value_name = "URL")]
    pub jwks_url: Option<String>,
    /// A file with the keys instead.
    #[arg(long, value_name = "FILE")]
    pub jwks_file: Option<String>,
    /// Who issues tokens: their `iss`.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ISSUER)]
    pub token_issuer: String,
    /// Whom tokens are for: their `aud`.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_AUDIENCE)]
    pub token_audience: String,
}

impl TokenFlags {
    /// Gives the flags of `command` their environment variables: of the URL, the file, the issuer and the
    /// audience.
    #[must_use]
    pub fn with_variables(command: Command, variables: [&'static str; 4]) -> Command {
        let flags = ["jwks_url", "jwks_file", "token_issuer", "token_audience"];
        let named = flags.into_iter().zip(variables);
        named.fold(command, |command, (flag, variable)| {
            command.mut_arg(flag, |arg| arg.env(variable))
        })
    }

    /// The verifier they describe, or some verifier where something is wrong. A file that cannot be read is
    /// wrong; a URL that does not answer yet is not. `trust` must know the server of an https:// URL.
    pub fn verifier(&self, trust: &Trust, complaints: &mut impl Complaints) -> Verifier {
        if self.jwks_url.is_some() && self.jwks_file.is_some() {
            complaints.add("jwks-file", &"give this or --jwks-url, not both");
        }
        for (flag, text) in [
            ("token-issuer", &self.token_issuer),
            ("token-audience", &self.token_audience),
        ] {
            if text.is_empty() {
                complaints.add(flag, &"must not be empty");
            }
        }
        let source = match &self.jwks_file {
            Some(path) => {
                if let Err(error) = std::fs::metadata(path) {
                    complaints.add("jwks-file", &format_args!("{path}: {error}"));
                }
                JwksSource::file(path)
            }
            None => {
                let url = self.jwks_url.as_deref().unwrap_or(DEFAULT_JWKS_URL);
                JwksSource::url(url, trust).unwrap_or_else(|error| {
                    complaints.add("jwks-url", &error);
                    JwksSource::file("")
                })
            }
        };
        let settings = VerifierSettings {
            issuer: self.token_issuer.clone(),
            audience: self.token_audience.clone(),
            ..VerifierSettings::default()
        };
        Verifier::new(source, settings)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn flags(args: &[&str]) -> TokenFlags {
        let command = TokenFlags::augment_args(Command::new("test"));
        let variables = ["T_URL", "T_FILE", "T_ISSUER", "T_AUDIENCE"];
        let mut command = TokenFlags::with_variables(command, variables);
        let help = command.render_help().to_string();
        for variable in variables {
            assert!(help.contains(&format!("[env: {variable}=]")), "{help}");
        }
        let matches = command.try_get_matches_from([&["test"], args].concat());
        TokenFlags::from_arg_matches(&matches.expect("known flags")).expect("flags")
    }

    fn wrong(args: &[&str]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut note = |flag: &str, problem: &dyn Display| wrong.push(format!("{flag}: {problem}"));
        let _ = flags(args).verifier(&Trust::default(), &mut note);
        wrong
    }

    #[test]
    fn what_is_wrong_is_named_all_at_once() {
        assert!(wrong(&[]).is_empty());
        assert!(wrong(&["--jwks-file", "Cargo.toml"]).is_empty());
        assert!(wrong(&["--jwks-url=https://x/y"]).is_empty());
        let found = wrong(&[
            "--jwks-url=ftp://x/y",
            "--jwks-file=/no/such/file",
            "--token-issuer=",
            "--token-audience=",
        ]);
        assert_eq!(found.len(), 4, "{found:?}");
        for flag in ["jwks-file", "token-issuer", "token-audience"] {
            assert!(
                found.iter().any(|wrong| wrong.starts_with(flag)),
                "{found:?}"
            );
        }
        assert!(wrong(&["--jwks-url=ftp://x/y"])[0].starts_with("jwks-url"));
    }
}
