//! Whether a server takes clients.

use std::{io::Read as _, os::unix::net::UnixStream, path::Path, time::Duration};

const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Position of the protocol's version in the first packet, behind its length and number.
const VERSION_AT: usize = 4;
const VERSION: u8 = 10;

/// Whether the server behind this unix socket greets a client. One that is still starting, or has no
/// connection left, does not.
#[must_use]
pub fn greets(socket: &Path) -> bool {
    let read = || {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let mut packet = [0; VERSION_AT + 1];
        stream.read_exact(&mut packet)?;
        Ok::<_, std::io::Error>(packet[VERSION_AT])
    };
    read().is_ok_and(|version| version == VERSION)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::net::UnixListener, thread};

    use super::*;

    fn greets_with(packet: &'static [u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = thread::spawn(move || listener.accept().unwrap().0.write_all(packet));
        let greeted = greets(&socket);
        server.join().unwrap().unwrap();
        greeted
    }

    #[test]
    fn an_error_packet_is_no_greeting_and_neither_is_silence() {
        assert!(greets_with(b"\x4a\0\0\0\x0a10.11"));
        assert!(!greets_with(b"\x17\0\0\0\xff\x10\x04Too many connections"));
        assert!(!greets_with(b""));
        assert!(!greets(Path::new("/nonexistent/socket")));
    }
}
