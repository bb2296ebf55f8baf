//! The engine on a private Redis.

#[cfg(test)]
mod ledger;
#[cfg(test)]
mod support;

#[cfg(test)]
mod big_numbers;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod corrupt;
#[cfg(test)]
mod cut;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod oom;
#[cfg(test)]
mod projection;
#[cfg(test)]
mod purge;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod reserve;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod tls;
