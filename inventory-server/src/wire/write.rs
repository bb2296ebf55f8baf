//! Writing JSON straight into a buffer.

use bytes::{BufMut, Bytes, BytesMut};
use inventory_core::TimestampMs;

use super::time;

/// An object being written. The caller's names and ids need no escapes; free texts go through
/// [`Writer::text`].
#[derive(Debug)]
pub(crate) struct Writer {
    buffer: BytesMut,
}

impl Writer {
    /// Begins an object.
    pub(crate) fn object(capacity: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(capacity);
        buffer.put_u8(b'{');
        Self { buffer }
    }

    /// Ends the object.
    pub(crate) fn finish(mut self) -> Bytes {
        self.close(b'}');
        self.buffer.freeze()
    }

    fn name(&mut self, name: &str) {
        self.buffer.put_u8(b'"');
        self.buffer.put_slice(name.as_bytes());
        self.buffer.put_slice(b"\":");
    }

    /// Ends what was opened, taking back the comma after its last member.
    fn close(&mut self, bracket: u8) {
        match self.buffer.last_mut() {
            Some(last @ b',') => *last = bracket,
            _ => self.buffer.put_u8(bracket),
        }
    }

    /// A text that needs no escapes: an id, a code, a word of ours.
    pub(crate) fn id(&mut self, name: &str, id: &str) {
        self.name(name);
        self.buffer.put_u8(b'"');
        self.buffer.put_slice(id.as_bytes());
        self.buffer.put_slice(b"\",");
    }

    /// A free text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.escaped(text);
        self.buffer.put_u8(b',');
    }

    fn escaped(&mut self, text: &str) {
        self.buffer.put_u8(b'"');
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            let (plain, special) = rest.split_at(at);
            self.buffer.put_slice(plain.as_bytes());
            let byte = special.as_bytes().first().copied().unwrap_or_default();
            match byte {
                b'"' | b'\\' => self.buffer.put_slice(&[b'\\', byte]),
                _ => self.buffer.put_slice(format!("\\u{byte:04x}").as_bytes()),
            }
            rest = special.get(1..).unwrap_or_default();
        }
        self.buffer.put_slice(rest.as_bytes());
        self.buffer.put_u8(b'"');
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.buffer
            .put_slice(itoa::Buffer::new().format(number).as_bytes());
        self.buffer.put_u8(b',');
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// A moment.
    pub(crate) fn time(&mut self, name: &str, moment: TimestampMs) {
        self.name(name);
        self.buffer.put_u8(b'"');
        self.buffer.put_slice(&time::rfc3339(moment));
        self.buffer.put_slice(b"\",");
    }

    /// What is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.buffer.put_slice(json.as_bytes());
        self.buffer.put_u8(b',');
    }

    /// An object inside of this one.
    pub(crate) fn nested(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.buffer.put_u8(b'{');
        write(self);
        self.close(b'}');
        self.buffer.put_u8(b',');
    }

    /// An array of objects.
    pub(crate) fn array<T>(
        &mut self,
        name: &str,
        elements: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.name(name);
        self.buffer.put_u8(b'[');
        for element in elements {
            self.buffer.put_u8(b'{');
            write(self, element);
            self.close(b'}');
            self.buffer.put_u8(b',');
        }
        self.close(b']');
        self.buffer.put_u8(b',');
    }

    /// An array of texts that need no escapes.
    pub(crate) fn ids<'a>(&mut self, name: &str, ids: impl IntoIterator<Item = &'a str>) {
        self.name(name);
        self.buffer.put_u8(b'[');
        for id in ids {
            self.buffer.put_u8(b'"');
            self.buffer.put_slice(id.as_bytes());
            self.buffer.put_slice(b"\",");
        }
        self.close(b']');
        self.buffer.put_u8(b',');
    }
}
