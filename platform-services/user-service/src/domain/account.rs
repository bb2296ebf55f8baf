use contracts::Timestamp;
use serde::{Serialize, Serializer};
use service_kit::http::auth::Role;

/// What an account can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Everything.
    Active,
    /// Nothing, until an admin unlocks it.
    Locked,
    /// Nothing, for good.
    Withdrawn,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Active, Self::Locked, Self::Withdrawn];

    /// As it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Locked => "LOCKED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Somebody who registered, as admins see them and they themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// A UUID of version 7.
    pub user_id: String,
    /// Missing once withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Empty once withdrawn.
    pub name: String,
    /// Where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// What it can do.
    pub status: Status,
    /// What they are: in answers a list with this one.
    #[serde(rename = "roles", serialize_with = "as_list")]
    pub role: Role,
    /// Which of its credentials count; for auth-service.
    #[serde(skip)]
    pub credential_version: u32,
    /// When they registered.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

fn as_list<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    [role].serialize(serializer)
}

/// What a user says about an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct AddressFields {
    /// What they call it.
    pub label: String,
    /// Who gets the parcel.
    pub recipient: String,
    /// Their telephone.
    pub phone: String,
    /// The postal code.
    pub zip_code: String,
    /// Street and number.
    pub address: String,
    /// Floor and door.
    pub address_detail: String,
    /// The one taken where none is chosen.
    pub is_default: bool,
}

/// An address of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Counted for each user from 1, never given twice; in answers a text, as all ids.
    #[serde(serialize_with = "as_text")]
    pub address_id: u32,
    /// What the user says about it.
    #[serde(flatten)]
    pub fields: AddressFields,
}

fn as_text<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
