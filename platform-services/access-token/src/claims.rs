//! What a token says.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// What somebody may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// A person who shops.
    Customer,
    /// Another service.
    Service,
    /// Who runs the shop.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Service, Self::Admin];

    /// As it stands in tokens and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Service => "SERVICE",
            Self::Admin => "ADMIN",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The claims of an access token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is about: a user's id, or a service's name.
    pub sub: String,
    /// Whom it is for.
    #[serde(deserialize_with = "one_or_many", serialize_with = "one_alone")]
    pub aud: Vec<String>,
    /// Until when it counts.
    pub exp: i64,
    /// Since when it exists.
    pub iat: i64,
    /// From when it counts, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Its own id.
    pub jti: String,
    /// What the subject may be. Names this build does not know are left out.
    #[serde(deserialize_with = "known_roles")]
    pub roles: Vec<Role>,
}

impl Claims {
    /// Whether the subject is that.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(deserializer)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}

fn one_alone<S: serde::Serializer>(audience: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => one.serialize(serializer),
        many => many.serialize(serializer),
    }
}

fn known_roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(names
        .iter()
        .filter_map(|name| Role::of_name(name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_both_ways() {
        for role in Role::ALL {
            let json = serde_json::to_string(&role).expect("json");
            assert_eq!(json, format!("\"{role}\""));
            assert_eq!(Role::of_name(role.as_str()), Some(role));
        }
        assert_eq!(Role::of_name("admin"), None);
    }

    #[test]
    fn an_audience_is_one_or_many_and_unknown_roles_give_nothing() {
        let claims = |aud: &str| -> Claims {
            let text = format!(
                r#"{{"iss":"i","sub":"s","aud":{aud},"exp":2,"iat":1,"jti":"j","roles":["ROOT","ADMIN"]}}"#
            );
            serde_json::from_str(&text).expect("claims")
        };
        assert_eq!(claims(r#""a""#).aud, ["a"]);
        assert_eq!(claims(r#"["a","b"]"#).aud, ["a", "b"]);
        assert_eq!(claims(r#""a""#).roles, [Role::Admin]);
        let written = serde_json::to_value(claims(r#""a""#)).expect("json");
        assert_eq!(written["aud"], "a");
    }
}
