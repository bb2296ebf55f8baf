//! auth-service with a real user-service: in this process, on private MariaDB, Redis and Kafka.

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod locked;
#[cfg(test)]
mod login;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod password;
#[cfg(test)]
mod redis_tls;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod service_tokens;
#[cfg(test)]
mod support;
