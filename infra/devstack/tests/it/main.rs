//! The library against real processes and a real redis-server, mariadbd and Kafka.

#[cfg(test)]
mod connect;
#[cfg(test)]
mod held;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod mariadb;
#[cfg(test)]
mod process;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod stack;
