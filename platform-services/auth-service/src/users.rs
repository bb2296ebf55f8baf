//! What user-service knows: who somebody is, and whether that is their password.

use access_token::Role;
use serde::Deserialize;
use serde_json::json;
use service_kit::{
    client::{Client, ClientError},
    http::RequestContext,
};

/// An account that may have a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub user_id: String,
    /// What they are.
    pub roles: Vec<Role>,
    /// Which of its credentials count.
    pub credential_version: u32,
}

/// What user-service says about a mail address and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They belong together, and the account is active.
    Right(Account),
    /// They belong together, and the account is locked.
    Locked {
        /// Whose.
        user_id: String,
    },
    /// They do not.
    Wrong {
        /// The account with this mail address, if there is one.
        user_id: Option<String>,
    },
}

/// What became of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordChange {
    /// It counts.
    Done,
    /// The old one is not the old one.
    Wrong,
}

/// Asks user-service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Users(Client);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: String,
    status: String,
    roles: Vec<Role>,
    credential_version: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    valid: bool,
    user_id: Option<String>,
    status: Option<String>,
    #[serde(default)]
    roles: Vec<Role>,
    credential_version: Option<u32>,
}

#[derive(Deserialize)]
struct Changed {
    changed: bool,
}

const ACTIVE: &str = "ACTIVE";
const UNKNOWN_USER: &str = "UNKNOWN_USER";

impl Users {
    /// By this client.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self(client)
    }

    /// Whether mail address and password belong together.
    ///
    /// # Errors
    /// The call's.
    pub async fn verify(
        &self,
        email: &str,
        password: &str,
        context: &RequestContext,
    ) -> Result<Verdict, ClientError> {
        let verified: Verified = self
            .0
            .post("/internal/credentials/verify")
            .context(context)
            .json(&json!({"email": email, "password": password}))
            .fetch()
            .await?;
        Ok(match verified {
            Verified {
                valid: true,
                user_id: Some(user_id),
                status: Some(status),
                roles,
                credential_version: Some(credential_version),
            } => {
                if status == ACTIVE {
                    Verdict::Right(Account {
                        user_id,
                        roles,
                        credential_version,
                    })
                } else {
                    Verdict::Locked { user_id }
                }
            }
            other => Verdict::Wrong {
                user_id: other.user_id,
            },
        })
    }

    /// The account, if it may have a session.
    ///
    /// # Errors
    /// The call's.
    pub async fn active(
        &self,
        user_id: &str,
        context: &RequestContext,
    ) -> Result<Option<Account>, ClientError> {
        let call = self.0.get(&format!("/internal/users/{user_id}"));
        match call.context(context).fetch::<User>().await {
            Ok(user) if user.status == ACTIVE => Ok(Some(Account {
                user_id: user.user_id,
                roles: user.roles,
                credential_version: user.credential_version,
            })),
            Ok(_) => Ok(None),
            Err(error) if error.code() == UNKNOWN_USER => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a new password in the place of the old one.
    ///
    /// # Errors
    /// The call's: among them what user-service says about a new password that does not do.
    pub async fn change_password(
        &self,
        user_id: &str,
        old: &str,
        new: &str,
        context: &RequestContext,
    ) -> Result<PasswordChange, ClientError> {
        let changed: Changed = self
            .0
            .post("/internal/credentials/password")
            .context(context)
            .json(&json!({"userId": user_id, "oldPassword": old, "newPassword": new}))
            .fetch()
            .await?;
        Ok(if changed.changed {
            PasswordChange::Done
        } else {
            PasswordChange::Wrong
        })
    }
}
