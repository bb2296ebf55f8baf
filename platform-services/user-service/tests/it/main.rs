//! user-service as a whole: in this process, on a private MariaDB.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod events;
#[cfg(test)]
mod races;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod support;
