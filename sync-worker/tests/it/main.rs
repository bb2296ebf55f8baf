//! Tests on a real Redis and a real MariaDB, both private (`devstack`).

#[cfg(test)]
mod bench;
#[cfg(test)]
mod both_sides;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod drills;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod project;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod sales;
#[cfg(test)]
mod site;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod worker;
