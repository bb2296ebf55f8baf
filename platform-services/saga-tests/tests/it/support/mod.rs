//! One shop for all tests of the process. Tests have customers, goods and orders of their own, so
//! that they can run at the same time; one that harms a process has the shop to itself.

mod books;
mod customer;
mod goods;
mod order;
pub(crate) mod stack;

use std::{
    fmt,
    ops::Deref,
    sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
};

use devstack::{logfile, wait};
use serde_json::json;

use self::stack::{ADMIN, Stack};
pub(crate) use test_support::{Answer, Http, PATIENCE};

pub(crate) use self::{
    customer::{Customer, lines},
    goods::Stock,
    order::Order,
    stack::Service,
};

const LOG_LINES: usize = 40;
const LINE_CHARS: usize = 400;

static SHOP: LazyLock<Shop> = LazyLock::new(Shop::start);
static QUIET: RwLock<()> = RwLock::new(());

/// The shop, beside other tests.
pub(crate) fn shop() -> (&'static Shop, Visit<RwLockReadGuard<'static, ()>>) {
    let guard = QUIET.read().unwrap_or_else(PoisonError::into_inner);
    (&SHOP, Visit { _guard: guard })
}

/// The shop for this test alone.
pub(crate) fn shop_alone() -> (&'static Shop, Visit<RwLockWriteGuard<'static, ()>>) {
    let guard = QUIET.write().unwrap_or_else(PoisonError::into_inner);
    (&SHOP, Visit { _guard: guard })
}

/// A test in the shop. When it fails, what the processes logged is printed.
#[derive(Debug)]
#[must_use = "the visit ends with it"]
pub(crate) struct Visit<G> {
    _guard: G,
}

impl<G> Drop for Visit<G> {
    fn drop(&mut self) {
        if thread::panicking() {
            for service in SHOP.stack.services() {
                let log = logfile::tail(service.process.log_path(), LOG_LINES);
                eprintln!("--- the end of {}'s log", service.name);
                for line in log.lines() {
                    let cut = line.char_indices().nth(LINE_CHARS);
                    eprintln!("{}", &line[..cut.map_or(line.len(), |(at, _)| at)]);
                }
                // The next test finds everybody at work again.
                service.revive();
            }
        }
    }
}

/// The shop, with people in it.
#[derive(Debug)]
pub(crate) struct Shop {
    stack: Stack,
    /// An admin's token.
    pub(crate) admin: String,
    /// A service's.
    pub(crate) service: String,
}

impl Deref for Shop {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

impl Shop {
    fn start() -> Self {
        let stack = Stack::start();
        let body = json!({"grantType": "client_credentials", "clientId": "order-service",
            "clientSecret": stack.secret});
        let service = stack.auth.http.post("/api/auth/token", "", &body);
        let service = text(&service.expect(200)["accessToken"]);
        let admin = login(&stack, ADMIN.0, ADMIN.1);
        Self {
            stack,
            admin,
            service,
        }
    }
}

/// An access token.
#[track_caller]
fn login(stack: &Stack, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let answer = stack.auth.http.post("/api/auth/login", "", &body);
    text(&answer.expect(200)["accessToken"])
}

#[track_caller]
pub(crate) fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A name that nothing else has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", service_kit::ids::uuid())
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn until(what: impl fmt::Display, condition: impl FnMut() -> bool) {
    wait::until(PATIENCE, what, condition).unwrap();
}
