//! Limits of user-service. Those that can be configured name their flag.

/// Addresses of one user.
pub const ADDRESSES_MAX: usize = 10;

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// Longest name of a person, in characters.
pub const NAME_CHARS_MAX: usize = 50;

/// Longest label of an address, in characters.
pub const LABEL_CHARS_MAX: usize = 30;

/// Longest line of an address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// Longest postal code, in characters.
pub const ZIP_CODE_CHARS_MAX: usize = 10;

/// Longest mail address, in bytes (RFC 5321).
pub const EMAIL_BYTES_MAX: usize = 254;

/// Users on a page, and without `limit`.
pub const PAGE_MAX: u32 = 100;
/// Users on a page without `limit`.
pub const PAGE_DEFAULT: u32 = 20;
