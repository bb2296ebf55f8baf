//! People who buy.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::shop::{Service, Shop};

const PASSWORD: &str = "a password for load";

/// Somebody with an address, who has logged in.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Customer {
    /// Logs in.
    ///
    /// # Errors
    /// What auth-service said.
    pub(crate) async fn log_in(shop: &Shop, email: &str) -> Result<String, String> {
        let body = json!({"email": email, "password": PASSWORD});
        let tokens = shop
            .post(Service::Auth, "/api/auth/login", None, &body)
            .await?;
        tokens["accessToken"]
            .as_str()
            .map(ToOwned::to_owned)
            .ok_or_else(|| format!("no token in {tokens}"))
    }
}

/// New customers, different ones in every run.
///
/// # Errors
/// What a service said.
pub(crate) async fn make(shop: &Shop, count: usize) -> Result<Vec<Customer>, String> {
    #[expect(clippy::disallowed_methods, reason = "a name that no other run has")]
    let run = SystemTime::now().duration_since(UNIX_EPOCH);
    let run = run.map_or(0, |since| since.as_millis());
    let mut customers = Vec::with_capacity(count);
    for number in 0..count {
        let email = format!("load-{run}-{number}@example.com");
        let person = json!({"email": email, "password": PASSWORD, "name": "부하"});
        shop.post(Service::User, "/api/users/register", None, &person)
            .await?;
        let token = Customer::log_in(shop, &email).await?;
        let address = json!({
            "label": "집", "recipient": "부하", "phone": "010-0000-0000", "zipCode": "04524",
            "address": "서울시 중구 세종대로 110", "addressDetail": "1층", "isDefault": true
        });
        shop.post(
            Service::User,
            "/api/users/me/addresses",
            Some(&token),
            &address,
        )
        .await?;
        customers.push(Customer { email, token });
    }
    Ok(customers)
}
