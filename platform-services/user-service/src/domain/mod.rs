//! What accounts and addresses are, without any I/O.

mod account;
mod email;
mod text;

pub use self::{
    account::{Account, Address, AddressFields, Status},
    email::email,
    text::{label, line, name, password, phone, zip_code},
};
