//! The binary: how it starts and how it ends.

use std::process::Command;

use access_token::Role;
use devstack::process::ServerProcess;

use crate::{
    saga::Ordered,
    support::{Client, MARIADB, PATIENCE, Sent, arguments, brokers, token, unique, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_order-service");

#[test]
fn a_wrong_configuration_is_told_as_a_whole() {
    let ran = Command::new(BINARY)
        .args(["--listen", "here", "--user-url", "user", "--no-such-flag"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(64));
    let told = String::from_utf8(ran.stderr).unwrap();
    for problem in ["--listen", "--user-url", "--no-such-flag"] {
        assert!(told.contains(problem), "{problem} in {told}");
    }
    let help = Command::new(BINARY).arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("ORDER_CLIENT_SECRET") && help.contains("--unpaid-max-ms"));
}

#[test]
fn told_to_stop_it_ends() {
    let process = ServerProcess::builder(BINARY)
        .args(["--listen", "127.0.0.1:0", "--kafka-brokers", &brokers()])
        .args(["--database-url", &MARIADB.create_database().unwrap()])
        .start()
        .unwrap();
    process
        .wait_for_line(|line| line.contains("MariaDB is there"), PATIENCE)
        .unwrap();
    let ended = process.terminate().unwrap();
    assert_eq!(ended.code(), Some(0), "{}", process.log());
}

#[test]
fn told_to_stop_it_ends_also_without_mariadb() {
    let process = ServerProcess::builder(BINARY)
        .args(["--listen", "127.0.0.1:0", "--kafka-brokers", "127.0.0.1:1"])
        .args(["--database-url", "mysql://root@127.0.0.1:1"])
        .start()
        .unwrap();
    process
        .wait_for_line(|line| line.contains("waiting for MariaDB"), PATIENCE)
        .unwrap();
    let ended = process.terminate().unwrap();
    assert_eq!(ended.code(), Some(0), "{}", process.log());
}

/// Killed in the middle of the work, started again: every order goes on, and each command was
/// decided once.
#[test]
fn killed_and_started_again_it_goes_on() {
    const ORDERS: usize = 40;
    let address = test_support::free_address().to_string();
    let database_url = MARIADB.create_database().unwrap();
    let args = arguments(&database_url, &[&format!("--listen={address}")]);
    let process = ServerProcess::builder(BINARY)
        .args(&args[1..])
        .start()
        .unwrap();
    let customer = Client::new(&address, Some(token(&unique("user"), &[Role::Customer])));
    let said = |line: &str| line.contains("MariaDB is there");
    process.wait_for_line(said, PATIENCE).unwrap();
    let orders: Vec<Ordered> = (0..ORDERS)
        .map(|_| Ordered::of(customer.clone(), &[("a", 2), ("b", 1)]))
        .collect();
    for (index, order) in orders.iter().enumerate() {
        order.completed();
        if index % 10 == 5 {
            process.kill9().unwrap();
            process.start_again().unwrap();
        }
        order.confirmed();
    }
    process.wait_for_line(said, PATIENCE).unwrap();
    until("it is ready", || customer.get("/readyz").status == 200);
    for order in &orders {
        order.until("CONFIRMED");
        Sent::one("order.placed", &order.id);
        Sent::one("order.confirmed", &order.id);
        assert_eq!(Sent::so_far("order.cancelled", &order.id).len(), 0);
    }
}
