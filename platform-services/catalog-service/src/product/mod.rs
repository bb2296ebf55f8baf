//! Products, their options and their SKUs.

mod change;
mod create;
mod options;
mod read;
mod status;

pub(crate) use self::{
    change::{Attributes, refresh_sold_out, set_sku_active, set_status, update, withdraw},
    create::{New, add_values, create},
    options::{NewGroup, NewSku, NewValue},
    read::{Product, Sku, live_skus, option_texts, read},
    status::Status,
};
