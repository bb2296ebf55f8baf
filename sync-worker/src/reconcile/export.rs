//! `reconcile export`: what an import takes, from Redis, which is the authority.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use inventory_core::{ShardId, Stock, Text, limits::STOCK_PAGE_MAX};
use serde_json::json;

use super::{
    exit::{Exit, Trouble},
    import::COLUMNS,
    output::{Output, say},
    stores::{engine, within},
};
use crate::{config::Stores, limits::RECONCILE_CHANGE_TIMEOUT};

#[derive(Debug, Clone, Args)]
pub(super) struct ExportArgs {
    /// Where to; `-` is standard output.
    #[arg(default_value = "-")]
    file: PathBuf,
}

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    args: &ExportArgs,
    out: Output,
) -> Result<Exit, Trouble> {
    let engine = engine(stores, who).await?;
    let (mut stocks, mut from) = (Vec::new(), None);
    let bar = out.progress(0, "reading");
    loop {
        let deadline = within(RECONCILE_CHANGE_TIMEOUT);
        let page = engine
            .list_stock(ShardId::ZERO, from.as_ref(), STOCK_PAGE_MAX, deadline)
            .await?;
        if page.stale {
            return Err(Trouble::Unclear(
                "the shard is fenced: its figures may be behind".to_owned(),
            ));
        }
        if let Some(key) = page.corrupt.first() {
            return Err(Trouble::Unclear(format!(
                "stock {key} is corrupt in Redis; `reconcile repair --from mariadb` it first"
            )));
        }
        bar.inc(page.stocks.len() as u64);
        stocks.extend(page.stocks);
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    if args.file == Path::new("-") {
        return match write(&stocks, io::stdout().lock()) {
            Ok(()) => Ok(Exit::Fine),
            Err(error) => Err(error.into()),
        };
    }
    // Whole or not at all.
    let mut part = args.file.clone().into_os_string();
    part.push(".part");
    let written = fs::File::create(&part)
        .and_then(|file| {
            write(&stocks, &file)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, &args.file));
    if let Err(error) = written {
        drop(fs::remove_file(&part));
        let name = args.file.display();
        return Err(Trouble::File(io::Error::new(
            error.kind(),
            format!("{name}: {error}"),
        )));
    }
    if out.json {
        out.report(&json!({"outcome": "exported", "rows": stocks.len()}))?;
    } else {
        say(&format!("{} rows", stocks.len()));
    }
    Ok(Exit::Fine)
}

fn write(stocks: &[Stock], to: impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(COLUMNS)?;
    for stock in stocks {
        let limit = stock.purchase_limit;
        csv.write_record([
            stock.key.sku.as_str(),
            stock.key.location.as_str(),
            &stock.on_hand().to_string(),
            &limit.map_or_else(String::new, |limit| limit.quantity.to_string()),
            &limit
                .and_then(|limit| limit.window_seconds)
                .map_or_else(String::new, |seconds| seconds.to_string()),
        ])?;
    }
    csv.flush()
}
