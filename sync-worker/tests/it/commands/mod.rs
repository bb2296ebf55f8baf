//! Stock commands: what the shop's events make of the stock, whatever goes wrong meanwhile.

mod confirm;
mod crashes;
mod poison;
mod process;
mod release;
mod reserve;
mod return_goods;
mod shop;
mod storm;
mod workers;
