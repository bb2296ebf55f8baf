//! Logins.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{customers::Customer, shop::Shop};

/// People who log in at the same time.
const AT_A_TIME: usize = 16;

/// Logins per second.
///
/// # Errors
/// What auth-service said.
pub(crate) async fn per_second(
    shop: &Shop,
    customers: &[Customer],
    lasts: Duration,
) -> Result<f64, String> {
    let began = Instant::now();
    let mut people = JoinSet::new();
    for customer in customers.iter().take(AT_A_TIME) {
        let (shop, email) = (shop.clone(), customer.email.clone());
        people.spawn(async move {
            let mut count: u32 = 0;
            while began.elapsed() < lasts {
                Customer::log_in(&shop, &email).await?;
                count = count.saturating_add(1);
            }
            Ok::<_, String>(count)
        });
    }
    let mut all = 0.0;
    while let Some(person) = people.join_next().await {
        all += f64::from(person.map_err(|error| error.to_string())??);
    }
    Ok(all / began.elapsed().as_secs_f64())
}
