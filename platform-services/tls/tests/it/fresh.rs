//! Files that change under a listener.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use prometheus_client::{encoding::text::encode, registry::Registry};
use test_support::{
    PATIENCE,
    tls::{Authority, Issued},
};
use tls::{CHECK_INTERVAL, ServerTls};
use tokio::time::{Instant, sleep};

/// A folder as kubelet mounts a secret: `tls.crt` and `tls.key` lead through the link `..data` to a version,
/// and a new version is put in place by renaming a link.
struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: &Path, first: &Issued) -> Self {
        let mounted = Self(folder.to_owned());
        mounted.swap("1", first);
        for file in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{file}"), folder.join(file)).unwrap();
        }
        mounted
    }

    fn swap(&self, version: &str, issued: &Issued) {
        let folder = self.0.join(format!("..{version}"));
        fs::create_dir(&folder).unwrap();
        fs::copy(&issued.certificate, folder.join("tls.crt")).unwrap();
        fs::copy(&issued.key, folder.join("tls.key")).unwrap();
        let link = self.0.join("..data_tmp");
        symlink(format!("..{version}"), &link).unwrap();
        fs::rename(link, self.0.join("..data")).unwrap();
    }

    fn open(&self) -> ServerTls {
        ServerTls::open(&self.0.join("tls.crt"), &self.0.join("tls.key")).unwrap()
    }
}

/// Waits until it holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(CHECK_INTERVAL / 20).await;
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn complaints(&self) -> usize {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.matches("the new certificate is of no use").count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_new_pair_is_served_and_a_broken_one_is_not() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _logged = tracing::subscriber::set_default(lines.finish());
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (first, second, third) = (
        authority.issue("first", 2040),
        authority.issue("second", 2050),
        authority.issue("third", 2060),
    );
    let mount = tempfile::tempdir().unwrap();
    let mounted = Mounted::new(mount.path(), &first);
    let tls = mounted.open();
    let mut registry = Registry::with_prefix("test");
    tls.register(&mut registry);
    let shown = || {
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    };
    let line = |issued: &Issued| {
        let value = issued.not_after;
        format!("\ntest_tls_certificate_not_after_timestamp_seconds {value}\n")
    };
    assert!(shown().contains(&line(&first)), "{}", shown());
    let fresh = tokio::spawn(tls.clone().keep_fresh());

    mounted.swap("2", &second);
    until("the second is served", || {
        tls.not_after() == second.not_after
    })
    .await;
    assert!(shown().contains(&line(&second)), "{}", shown());

    let mixed = Issued {
        certificate: third.certificate.clone(),
        ..first
    };
    mounted.swap("3", &mixed);
    until("it is told", || log.complaints() == 1).await;
    assert_eq!(tls.not_after(), second.not_after);
    fs::remove_file(mount.path().join("tls.key")).unwrap();
    until("it is told", || log.complaints() == 2).await;
    assert_eq!(tls.not_after(), second.not_after);
    symlink("..data/tls.key", mount.path().join("tls.key")).unwrap();

    mounted.swap("4", &third);
    until("the third is served", || tls.not_after() == third.not_after).await;
    assert!(!fresh.is_finished());
    fresh.abort();
}
