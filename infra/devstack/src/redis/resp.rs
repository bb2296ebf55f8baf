//! Just enough of the Redis protocol to ask a test server things.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::{Error, Result};

/// How long one command may take, connecting included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// A reply of Redis (RESP2). Error replies are [`Error::Refused`], except inside an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No value.
    Nil,
    /// A status line such as `OK`.
    Status(String),
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// Several replies.
    Array(Vec<Reply>),
    /// An error among the replies of an array.
    Error(String),
}

impl Reply {
    /// A status or a string as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Status(text) => Some(text.clone()),
            Self::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Nil | Self::Integer(_) | Self::Array(_) | Self::Error(_) => None,
        }
    }

    /// An integer, or a string that is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Status(_) | Self::Bulk(_) => self.text()?.parse().ok(),
            Self::Nil | Self::Array(_) | Self::Error(_) => None,
        }
    }

    /// The replies of an array.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            Self::Nil | Self::Status(_) | Self::Integer(_) | Self::Bulk(_) | Self::Error(_) => None,
        }
    }
}

/// One command on a connection of its own.
pub(super) fn command<A: AsRef<[u8]>>(socket: &Path, args: &[A]) -> Result<Reply> {
    let talk = |source: io::Error| {
        if matches!(source.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            Error::TimedOut {
                what: "redis answers".to_owned(),
                limit: COMMAND_TIMEOUT,
            }
        } else {
            Error::Io {
                what: "talking to redis".to_owned(),
                source,
            }
        }
    };
    let mut stream = UnixStream::connect(socket).map_err(talk)?;
    stream
        .set_read_timeout(Some(COMMAND_TIMEOUT))
        .map_err(talk)?;
    stream
        .set_write_timeout(Some(COMMAND_TIMEOUT))
        .map_err(talk)?;
    stream.write_all(&encode(args)).map_err(talk)?;
    match read_reply(&mut BufReader::new(stream)) {
        Ok(Reply::Error(text)) => Err(Error::Refused(text)),
        Ok(reply) => Ok(reply),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(Error::Protocol(error.to_string()))
        }
        Err(error) => Err(talk(error)),
    }
}

fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn read_reply(input: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    if !line.ends_with("\r\n") {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let odd = || io::Error::new(ErrorKind::InvalidData, format!("reply {line:?}"));
    let (kind, rest) = line.trim_end().split_at_checked(1).ok_or_else(odd)?;
    let number = || rest.parse::<i64>().map_err(|_| odd());
    match kind {
        "+" => Ok(Reply::Status(rest.to_owned())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        ":" => Ok(Reply::Integer(number()?)),
        "$" | "*" if number()? < 0 => Ok(Reply::Nil),
        "$" => {
            let length = usize::try_from(number()?).map_err(|_| odd())?;
            let mut bytes = vec![0; length + 2];
            input.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(Reply::Bulk(bytes))
        }
        "*" => (0..number()?)
            .map(|_| read_reply(input))
            .collect::<io::Result<_>>()
            .map(Reply::Array),
        _ => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> io::Result<Reply> {
        read_reply(&mut bytes)
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        assert_eq!(read(b"+OK\r\n").unwrap(), Reply::Status("OK".to_owned()));
        assert_eq!(read(b":-7\r\n").unwrap(), Reply::Integer(-7));
        assert_eq!(read(b"$-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(read(b"*-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(
            read(b"$4\r\na\r\nb\r\n").unwrap(),
            Reply::Bulk(b"a\r\nb".to_vec())
        );
        let nested = read(b"*2\r\n*1\r\n:1\r\n-ERR no\r\n").unwrap();
        let inner = Reply::Array(vec![Reply::Integer(1)]);
        assert_eq!(
            nested,
            Reply::Array(vec![inner, Reply::Error("ERR no".to_owned())])
        );
    }

    #[test]
    fn a_cut_off_or_foreign_reply_is_an_error() {
        for bytes in [
            &b""[..],
            b"+OK",
            b"$5\r\nab\r\n",
            b"HTTP/1.1 200\r\n",
            b":x\r\n",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn arguments_are_sent_as_bytes() {
        assert_eq!(
            encode(&["SET", "k", "a\r\n"]),
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\n"
        );
    }
}
