/// An amount of money: a whole number of the currency's minor unit (ISO 4217), never a fraction.
///
/// The won has no minor unit, so 1 is one won (`KRW`); 1 is a cent of `USD`. Signed, so that an
/// invalid amount can be read and answered.
pub type Amount = i64;

/// The currency of the shop.
pub const KRW: &str = "KRW";
