//! The flags of a process that serves, or connects to others.

use std::{fmt::Display, path::Path};

use clap::{Args, Command};

use crate::{ServerTls, TlsError, Trust};

pub(crate) const CERTIFICATE: &str = "tls-certificate";
pub(crate) const KEY: &str = "tls-key";
pub(crate) const CA: &str = "tls-ca";

/// TLS of a process with listeners; put them into its own flags with `#[command(flatten)]`.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsFlags {
    /// Serve TLS with this certificate: PEM, the server's first, then what leads to its authority. It is read
    /// again when it changes.
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<String>,
    /// The certificate's private key: PEM, without a password.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// What it trusts.
    #[command(flatten)]
    pub trust: TrustFlags,
}

/// TLS of a process without listeners.
#[derive(Debug, Clone, Default, Args)]
pub struct TrustFlags {
    /// Authorities that outgoing connections trust beside the system's: PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<String>,
}

/// Takes down what is wrong with flags.
pub trait Complaints {
    /// `flag` without its dashes.
    fn add(&mut self, flag: &str, problem: &dyn Display);
}

impl<F: FnMut(&str, &dyn Display)> Complaints for F {
    fn add(&mut self, flag: &str, problem: &dyn Display) {
        self(flag, problem);
    }
}

/// TLS of a process. The default serves none, and trusts what the system trusts.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// What listeners serve; `None`: they serve plain connections.
    pub server: Option<ServerTls>,
    /// What outgoing connections trust.
    pub trust: Trust,
}

impl TlsFlags {
    /// Gives the flags of `command` their environment variables: of the certificate, the key and the authorities.
    /// For a process that does not name variables by rule.
    #[must_use]
    pub fn with_variables(command: Command, variables: [&'static str; 3]) -> Command {
        let [certificate, key, ca] = variables;
        command
            .mut_arg("tls_certificate", |arg| arg.env(certificate))
            .mut_arg("tls_key", |arg| arg.env(key))
            .mut_arg("tls_ca", |arg| arg.env(ca))
    }

    /// What they say. The files are read; one that is of no use is a problem.
    pub fn tls(&self, complaints: &mut impl Complaints) -> Tls {
        Tls {
            server: self.server(complaints),
            trust: self.trust.trust(complaints),
        }
    }

    fn server(&self, complaints: &mut impl Complaints) -> Option<ServerTls> {
        match (&self.tls_certificate, &self.tls_key) {
            (None, None) => None,
            (Some(_), None) => {
                complaints.add(KEY, &format_args!("is missing; --{CERTIFICATE} needs it"));
                None
            }
            (None, Some(_)) => {
                complaints.add(CERTIFICATE, &format_args!("is missing; --{KEY} needs it"));
                None
            }
            (Some(certificate), Some(key)) => {
                let opened = ServerTls::open(Path::new(certificate), Path::new(key));
                good(complaints, opened)
            }
        }
    }
}

impl TrustFlags {
    /// What they say. The file is read; one that is of no use is a problem.
    pub fn trust(&self, complaints: &mut impl Complaints) -> Trust {
        let read = self.tls_ca.as_deref().map(Path::new).map(Trust::open);
        read.and_then(|trust| good(complaints, trust))
            .unwrap_or_default()
    }
}

fn good<T>(complaints: &mut impl Complaints, read: Result<T, TlsError>) -> Option<T> {
    read.map_err(|error| complaints.add(error.flag(), &error))
        .ok()
}
