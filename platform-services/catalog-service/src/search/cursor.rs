//! Where a page ended, as a text that only we read.

use serde::{Serialize, de::DeserializeOwned};

use crate::{limits::CURSOR_BYTES_MAX, refusal::Refusal};

pub(crate) fn write(place: &impl Serialize) -> String {
    // Numbers and texts can always be written.
    let json = serde_json::to_vec(place).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let no = || {
        Refusal::invalid(
            "cursor",
            "is none of ours: take it from nextCursor as it is",
        )
    };
    if text.len() > CURSOR_BYTES_MAX || !text.is_ascii() {
        return Err(no());
    }
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    serde_json::from_slice(&bytes.ok_or_else(no)?).map_err(|_| no())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_anything_else_is_refused() {
        let place = ("name".to_owned(), "운동화".to_owned(), 12_u64);
        assert_eq!(read::<(String, String, u64)>(&write(&place)), Ok(place));
        for bad in ["", "x", "5b5d", "é", &"0".repeat(3000)] {
            read::<(String, String, u64)>(bad).expect_err(bad);
        }
    }
}
