//! Who uses the demo shop. What logs them in is in files that only this user may read.

use std::{path::PathBuf, process::Command, time::Duration};

use devstack::command;
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    addresses::Addresses,
    compile::Binaries,
    environment,
    failure::Failure,
    http::Api,
    launch, output, secrets,
    service::{AUTH_SERVICE, USER_SERVICE},
    workspace::Workspace,
};

const CREATE_TIMEOUT: Duration = Duration::from_secs(60);

/// Has a file `secrets/NAME.json`, the body of a login.
#[derive(Debug)]
pub(crate) struct Person {
    login: &'static str,
    pub(crate) email: &'static str,
    name: &'static str,
}

pub(crate) static ADMIN: Person = Person {
    login: "admin-login.json",
    email: "admin@example.com",
    name: "관리자",
};

pub(crate) static CUSTOMER: Person = Person {
    login: "customer-login.json",
    email: "demo@example.com",
    name: "김데모",
};

impl Person {
    /// The body of their login; the password is drawn with the first call.
    fn login(&self, workspace: &Workspace) -> Result<Value, Failure> {
        let text = secrets::kept(workspace, self.login, |password| {
            json!({"email": self.email, "password": password}).to_string()
        })?;
        serde_json::from_str(&text).map_err(|error| {
            let path = self.login_file(workspace);
            let message = format!("{} is not understood: {error}", path.display());
            Failure::new(message, "start anew: cargo dev reset")
        })
    }

    /// For a person's shell.
    pub(crate) fn login_file(&self, workspace: &Workspace) -> PathBuf {
        workspace.secrets_dir().join(self.login)
    }

    /// A token of theirs.
    pub(crate) fn log_in(
        &self,
        workspace: &Workspace,
        addresses: &Addresses,
    ) -> Result<String, Failure> {
        const PATH: &str = "/api/auth/login";
        let login = self.login(workspace)?;
        let api = Api::new(addresses, &AUTH_SERVICE);
        let answer = api.call(&Method::POST, PATH, Some(&login))?;
        match (answer.status, answer.text("accessToken")) {
            (200, token) if !token.is_empty() => Ok(token.to_owned()),
            (401, _) => {
                let path = self.login_file(workspace);
                let message = format!(
                    "{} has another password than that in {}",
                    self.email,
                    workspace.shown(&path)
                );
                let next = "write the right one into that file, or start anew: cargo dev reset";
                Err(Failure::new(message, next))
            }
            _ => Err(api.unexpected(&Method::POST, PATH, &answer)),
        }
    }
}

/// As on any machine: by the command of user-service, which leaves an admin alone who is there.
pub(super) fn make_admin(
    workspace: &Workspace,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<(), Failure> {
    let login = ADMIN.login(workspace)?;
    let password = login.get("password").and_then(Value::as_str);
    let mut create = Command::new(binaries.path(USER_SERVICE.name)?);
    environment::without_server_settings(&mut create);
    create
        .args(["create-admin", "--email", ADMIN.email, "--name", ADMIN.name])
        .envs(launch::environment(workspace, &USER_SERVICE, addresses)?)
        .env("USER_ADMIN_PASSWORD", password.unwrap_or_default());
    let finished = command::finish(&mut create, CREATE_TIMEOUT)?;
    if !finished.status.success() {
        let message = format!("making the admin: {}", finished.stderr.trim_end());
        let next = format!("cargo dev logs {}", USER_SERVICE.name);
        return Err(Failure::new(message, next));
    }
    output::progress(format!("    {}", finished.stdout.trim_end()));
    Ok(())
}

/// With an address, the first: its number is 1.
pub(super) fn make_customer(workspace: &Workspace, addresses: &Addresses) -> Result<(), Failure> {
    const REGISTER: &str = "/api/users/register";
    const ADDRESSES: &str = "/api/users/me/addresses";
    let api = Api::new(addresses, &USER_SERVICE);
    let mut account = CUSTOMER.login(workspace)?;
    account["name"] = CUSTOMER.name.into();
    let answer = api.call(&Method::POST, REGISTER, Some(&account))?;
    let known = answer.text("code") == "EMAIL_TAKEN";
    if answer.status != 201 && !known {
        return Err(api.unexpected(&Method::POST, REGISTER, &answer));
    }
    let api = api.with_token(&CUSTOMER.log_in(workspace, addresses)?);
    let answer = api.call(&Method::GET, ADDRESSES, None)?;
    match answer.body.get("addresses").and_then(Value::as_array) {
        Some(list) if list.is_empty() => {}
        Some(_) => return Ok(()),
        None => return Err(api.unexpected(&Method::GET, ADDRESSES, &answer)),
    }
    let answer = api.call(&Method::POST, ADDRESSES, Some(&address()))?;
    if answer.status == 201 {
        return Ok(());
    }
    Err(api.unexpected(&Method::POST, ADDRESSES, &answer))
}

/// An address that the shop takes.
pub(crate) fn address() -> Value {
    json!({
        "label": "집",
        "recipient": CUSTOMER.name,
        "phone": "010-1234-5678",
        "zipCode": "04524",
        "address": "서울특별시 중구 세종대로 110",
        "addressDetail": "101호",
        "isDefault": true,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_login_is_drawn_once_and_each_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let admin = ADMIN.login(&workspace).unwrap();
        assert_eq!(admin["email"], "admin@example.com");
        assert_eq!(ADMIN.login(&workspace).unwrap(), admin);
        assert_ne!(
            CUSTOMER.login(&workspace).unwrap()["password"],
            admin["password"]
        );
        let text = fs::read_to_string(ADMIN.login_file(&workspace)).unwrap();
        assert!(text.starts_with(r#"{"email":"#), "{text}");
    }
}
