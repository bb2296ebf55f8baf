use access_token::Role;
use serde_json::{Value, json};

use crate::{Answer, Contract};

/// A request of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// In capitals.
    pub method: &'a str,
    /// With every parameter replaced.
    pub path: &'a str,
    /// An `Authorization: Bearer`; none where it is absent.
    pub token: Option<&'a str>,
    /// Nonsense: who may not ask is to learn nothing about it. Absent where the operation has no body.
    pub body: Option<&'a Value>,
}

/// Asks for every operation of the document with no token, with a bad one, with none of the roles and
/// with each of them, and panics unless it is answered 401, 401, 403, and 403 or something else as its
/// `x-roles` say. `id` stands for every parameter of a path. How many of them are guarded.
#[track_caller]
pub fn ask_as_everybody(
    contract: &Contract,
    id: &str,
    token_of: impl Fn(&[Role]) -> String,
    ask: impl Fn(Ask<'_>) -> Answer,
) -> usize {
    let nonsense = json!({"nonsense": 1});
    let mut guarded = 0;
    for operation in contract.operations() {
        let method = operation.method.to_uppercase();
        let path = filled(operation.path, id);
        let has_body = operation.says["requestBody"].is_object();
        let body = has_body.then_some(&nonsense);
        let call = |token: Option<&str>| {
            ask(Ask {
                method: &method,
                path: &path,
                token,
                body,
            })
        };
        let roles = operation.roles();
        let without = call(None);
        if roles.is_empty() {
            // One may still want to know who asks, as its document says.
            assert_ne!(without.code(), "FORBIDDEN", "{method} {path}");
            continue;
        }
        guarded += 1;
        for token in [None, Some("rubbish")] {
            let answer = call(token);
            answer.is(401, "UNAUTHENTICATED");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer"),
                "{method} {path}"
            );
        }
        call(Some(&token_of(&[]))).is(403, "FORBIDDEN");
        for role in Role::ALL {
            let answer = call(Some(&token_of(&[role])));
            if roles.contains(&role.as_str()) {
                let let_in = ![401, 403].contains(&answer.status);
                assert!(let_in, "{method} {path} {role}: {answer:?}");
            } else {
                answer.is(403, "FORBIDDEN");
            }
        }
    }
    guarded
}

fn filled(path: &str, id: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}
