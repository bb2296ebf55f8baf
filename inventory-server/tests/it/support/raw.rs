//! Bytes on a socket, for what no client would send.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
};

use super::{Answer, Server, TIMEOUT};

/// A connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(&server.address).expect("a connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("sent");
    }

    /// Sends what the other side may not want any more.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// No more bytes from here.
    pub(crate) fn end_sending(&self) {
        self.0
            .shutdown(std::net::Shutdown::Write)
            .expect("shut down");
    }

    /// Reads bytes until `end`.
    pub(crate) fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(end.as_bytes()) {
            match self.0.read(&mut byte) {
                // The process was stopped for a while.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) => panic!("ended after {:?}", String::from_utf8_lossy(&read)),
                got => {
                    got.expect("bytes");
                    read.push(byte[0]);
                }
            }
        }
        String::from_utf8(read).expect("UTF-8")
    }

    /// Reads one answer with a `Content-Length`.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.read_until("\r\n\r\n");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a status");
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let len = headers
            .get("content-length")
            .map_or(0, |len| len.parse().expect("a length"));
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).expect("a body");
        Answer::new(
            status.parse().expect("a status"),
            headers,
            String::from_utf8(body).expect("UTF-8"),
        )
    }

    /// Reads to the end; a reset counts as one.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the connection does not end: {error}"),
        }
    }
}

/// The head of a request with a JSON body of `len` bytes.
pub(crate) fn head(method: &str, path: &str, len: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len}\r\n\r\n"
    )
}

/// A whole request.
pub(crate) fn request(method: &str, path: &str, body: &str) -> String {
    format!("{}{body}", head(method, path, body.len()))
}

impl Connection {
    /// Reads up to the last chunk of an answer in chunks; the connection may stay open after it.
    pub(crate) fn rest_of_chunks(&mut self) -> Vec<u8> {
        self.read_until("\r\n0\r\n\r\n").into_bytes()
    }
}
