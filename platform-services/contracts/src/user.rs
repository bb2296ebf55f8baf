//! What user-service says.

use serde::{Deserialize, Serialize};

use crate::event::event_data;

/// Somebody registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// The user.
    pub user_id: String,
    /// The mail address, for who has to write to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A user may no longer log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Locked {
    /// The user.
    pub user_id: String,
    /// The mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

event_data!(
    Registered = UserRegistered,
    key: |it| it.user_id.as_str(),
    subject: |it| it.user_id.as_str()
);

event_data!(
    Locked = UserLocked,
    key: |it| it.user_id.as_str(),
    subject: |it| it.user_id.as_str()
);
