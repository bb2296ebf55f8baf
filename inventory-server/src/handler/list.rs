//! `GET /api/inventories`

use hyper::StatusCode;
use inventory_core::{Location, Sku, StockKey, limits::STOCK_PAGE_MAX};

use super::{Answer, Call, json, mark_stale};
use crate::{
    limits::STOCK_PAGE_DEFAULT,
    metrics::Operation,
    problem::Problem,
    wire::{
        self,
        json::Errors,
        query::{only, parameter},
        write::Writer,
    },
};

pub(super) async fn handle(call: &Call<'_>) -> Answer {
    let mut errors = Errors::default();
    only(call.query, &["cursor", "limit"], &mut errors);
    let from = parameter(call.query, "cursor", &mut errors, read_cursor);
    let limit =
        parameter(call.query, "limit", &mut errors, read_limit).unwrap_or(STOCK_PAGE_DEFAULT);
    errors.or(Some(())).map_err(Problem::invalid)?;
    let app = call.app;
    let listed = app
        .engine
        .list_stock(app.shard, from.as_ref(), limit, call.deadline());
    let page = app.read(Operation::StockList, listed).await?;
    let mut writer = Writer::object(64 + 200 * page.stocks.len());
    writer.array("inventories", &page.stocks, wire::stock::write);
    wire::stock::corrupt(&mut writer, &page.corrupt);
    if let Some(next) = &page.next {
        writer.id("nextCursor", &cursor(next));
    }
    let mut response = json(StatusCode::OK, writer.finish());
    mark_stale(&mut response, page.stale);
    Ok(response)
}

fn read_limit(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|n| (1..=STOCK_PAGE_MAX).contains(n));
    number.ok_or_else(|| format!("must be 1 to {STOCK_PAGE_MAX}"))
}

/// `<location>:<sku>`: a location has no colon, and neither needs an escape in a URL.
fn cursor(key: &StockKey) -> String {
    format!("{}:{}", key.location, key.sku)
}

fn read_cursor(text: &str) -> Result<StockKey, &'static str> {
    let key = text.split_once(':').and_then(|(location, sku)| {
        Some(StockKey {
            location: Location::parse(location).ok()?,
            sku: Sku::parse(sku).ok()?,
        })
    });
    key.ok_or("must be a nextCursor of this listing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_where_it_goes_on() {
        let key = StockKey {
            location: Location::parse("seoul").expect("a location"),
            sku: Sku::parse("a:b|c".replace('|', "-").as_str()).expect("a SKU"),
        };
        assert_eq!(read_cursor(&cursor(&key)), Ok(key));
        for broken in ["", "default", ":s", "default:", "a b:c"] {
            read_cursor(broken).expect_err(broken);
        }
    }

    #[test]
    fn a_page_has_a_limit() {
        assert_eq!(read_limit("1"), Ok(1));
        assert_eq!(read_limit("1000"), Ok(1_000));
        for broken in ["", "0", "1001", "-1", "ten"] {
            read_limit(broken).expect_err(broken);
        }
    }
}
