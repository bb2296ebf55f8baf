//! A flat msgpack array of unsigned integers, which a script unpacks with one C call instead of a
//! `tonumber` per argument.

/// Packs numbers as they come; the count is written at the end.
#[derive(Debug)]
pub(crate) struct Numbers {
    bytes: Vec<u8>,
    count: u32,
}

impl Numbers {
    pub(crate) fn with_capacity(numbers: usize) -> Self {
        let mut bytes = Vec::with_capacity(numbers.saturating_mul(5).saturating_add(5));
        bytes.extend_from_slice(&[0xdd, 0, 0, 0, 0]);
        Self { bytes, count: 0 }
    }

    pub(crate) fn push(&mut self, number: u32) {
        self.count = self.count.saturating_add(1);
        match number {
            0..=0x7f => self.bytes.push(number.to_be_bytes()[3]),
            0x80..=0xffff => {
                self.bytes.push(0xcd);
                self.bytes.extend_from_slice(&number.to_be_bytes()[2..]);
            }
            0x1_0000.. => {
                self.bytes.push(0xce);
                self.bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes[1..5].copy_from_slice(&self.count.to_be_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_packed() {
        let mut numbers = Numbers::with_capacity(4);
        for number in [5, 200, 70_000, u32::MAX] {
            numbers.push(number);
        }
        assert_eq!(
            numbers.finish(),
            [
                0xdd, 0, 0, 0, 4, 5, 0xcd, 0, 200, 0xce, 0, 1, 0x11, 0x70, 0xce, 255, 255, 255, 255
            ]
        );
    }
}
