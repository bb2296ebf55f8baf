//! What is measured in every round, cell by cell.

use std::fmt::Write as _;

use crate::options::Options;

/// A part of the comparison that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// One reservation of one line in a request, beside plain, hello-world and redis-benchmark.
    Single,
    /// The bulk endpoint, beside redis-benchmark with pipelining.
    Bulk,
    /// Reservations of 10 lines.
    Lines,
    /// Redis over TCP.
    Tcp,
    /// Acknowledged when flushed to disk.
    Durable,
    /// Beside many open holds.
    Holds,
    /// Latency under a given load.
    Curve,
}

/// What serves the reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// inventory-server.
    Server,
    /// axum + bb8-redis + one EVALSHA per request.
    Plain,
    /// A fixed answer, and no store.
    Hello,
    /// redis-benchmark on 64 connections, so many commands in flight on each.
    Benchmark {
        /// `-P`.
        pipeline: u32,
    },
}

impl Target {
    /// Its name in the tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Server => "inventory-server".to_owned(),
            Self::Plain => "plain (axum + bb8 + EVALSHA)".to_owned(),
            Self::Hello => "hello-world".to_owned(),
            Self::Benchmark { pipeline } => format!("redis-benchmark -P {pipeline}, same script"),
        }
    }
}

/// What the requests are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Connections kept open.
    pub connections: u32,
    /// Distinct SKUs that the requests draw from.
    pub skus: u32,
    /// Lines of a reservation, each of one unit of another SKU.
    pub lines: u32,
    /// Reservations of a request to the bulk endpoint; 0 asks for one, without it.
    pub bulk: u32,
}

impl Load {
    /// One line and one reservation in a request.
    #[must_use]
    pub const fn single(connections: u32, skus: u32) -> Self {
        Self {
            connections,
            skus,
            lines: 1,
            bulk: 0,
        }
    }

    /// Reservations in one request.
    #[must_use]
    pub fn reservations(self) -> u32 {
        self.bulk.max(1)
    }

    /// `1,000 SKUs` or `one hot SKU`.
    #[must_use]
    pub const fn stock(self) -> &'static str {
        stock_name(self.skus)
    }
}

/// How the tables call a number of SKUs.
#[must_use]
pub const fn stock_name(skus: u32) -> &'static str {
    if skus == 1 {
        "one hot SKU"
    } else {
        "1,000 SKUs"
    }
}

/// What Redis is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Setting {
    /// TCP on loopback, else a unix socket.
    pub tcp: bool,
    /// AOF always, else everysec.
    pub durable: bool,
    /// Holds that are open before.
    pub open_holds: u32,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// What it belongs to.
    pub part: Part,
    /// What serves.
    pub target: Target,
    /// The requests.
    pub load: Load,
    /// The Redis.
    pub setting: Setting,
}

impl Cell {
    /// The cell of the first part that another one is set beside.
    #[must_use]
    pub const fn single(target: Target, connections: u32, skus: u32) -> Self {
        Self {
            part: Part::Single,
            target,
            load: Load::single(connections, skus),
            setting: Setting {
                tcp: false,
                durable: false,
                open_holds: 0,
            },
        }
    }

    /// The bulk endpoint with so many reservations in a request.
    #[must_use]
    pub const fn bulk(reservations: u32, skus: u32) -> Self {
        let mut cell = Self::single(Target::Server, BULK_CONNECTIONS, skus);
        cell.part = Part::Bulk;
        cell.load.bulk = reservations;
        cell
    }

    /// Its target, and what is special about it.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = self.target.name();
        if self.load.bulk > 0 {
            let _ = write!(name, ", {} in a request", self.load.bulk);
        }
        if self.load.lines > 1 {
            let _ = write!(name, ", {} lines", self.load.lines);
        }
        if self.setting.tcp {
            name.push_str(", Redis over TCP");
        }
        if self.setting.durable {
            name.push_str(", durability always");
        }
        if self.setting.open_holds > 0 {
            let _ = write!(name, ", {} open holds", self.setting.open_holds);
        }
        name
    }
}

/// The two stock loads.
pub const STOCKS: [u32; 2] = [1_000, 1];
/// Connections of the first part; everything is set beside the first.
pub const CONNECTIONS: [u32; 2] = [64, 256];
/// Sizes of bulk requests.
pub const BULK_SIZES: [u32; 2] = [100, 1_000];
/// Connections of the bulk part: as many bulk requests as the server works on at once.
pub const BULK_CONNECTIONS: u32 = 4;
/// Commands that redis-benchmark has in flight on a connection.
pub const PIPELINES: [u32; 2] = [1, 16];
const LINES: u32 = 10;

/// All cells that the options ask for, in the order of a round.
#[must_use]
pub fn cells(options: &Options) -> Vec<Cell> {
    let servers = [Target::Server, Target::Plain];
    let mut cells = Vec::new();
    for connections in CONNECTIONS {
        for skus in STOCKS {
            for target in [Target::Server, Target::Plain, Target::Hello] {
                cells.push(Cell::single(target, connections, skus));
            }
        }
    }
    for skus in STOCKS {
        for pipeline in PIPELINES {
            let target = Target::Benchmark { pipeline };
            cells.push(Cell::single(target, 64, skus));
        }
    }
    for reservations in BULK_SIZES {
        cells.extend(STOCKS.map(|skus| Cell::bulk(reservations, skus)));
    }
    for target in servers {
        let base = Cell::single(target, 64, 1_000);
        let special = |part, load, setting| Cell {
            part,
            load,
            setting,
            ..base
        };
        let (load, setting) = (base.load, base.setting);
        let wide = Load {
            lines: LINES,
            ..load
        };
        let (tcp, durable) = (true, true);
        let open_holds = options.open_holds();
        cells.push(special(Part::Lines, wide, setting));
        cells.push(special(Part::Tcp, load, Setting { tcp, ..setting }));
        cells.push(special(Part::Durable, load, Setting { durable, ..setting }));
        let beside = Setting {
            open_holds,
            ..setting
        };
        cells.push(special(Part::Holds, load, beside));
    }
    let mut durable_bulk = Cell::bulk(100, 1_000);
    durable_bulk.part = Part::Durable;
    durable_bulk.setting.durable = true;
    cells.push(durable_bulk);
    cells.retain(|cell| options.wants(cell.part) || is_needed(options, cell));
    cells
}

/// Whether a part that is asked for is set beside this cell.
fn is_needed(options: &Options, cell: &Cell) -> bool {
    let beside_single = [Part::Lines, Part::Tcp, Part::Durable, Part::Holds]
        .into_iter()
        .any(|part| options.wants(part));
    let is_base = [Target::Server, Target::Plain]
        .into_iter()
        .any(|target| *cell == Cell::single(target, 64, 1_000));
    let is_pipelined = cell.target == Target::Benchmark { pipeline: 16 };
    (beside_single && is_base) || (options.wants(Part::Bulk) && is_pipelined)
}
