//! The scripts of `lua/`, embedded and assembled: the shebang line, then the library files that the
//! header's USES line names, then the script.

use redis::Script;

/// One script, ready to be called by its hash.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) name: &'static str,
    pub(crate) hash: String,
    pub(crate) text: String,
}

macro_rules! scripts {
    ($($field:ident = $file:literal,)*) => {
        /// All scripts of the engine.
        #[derive(Debug)]
        pub(crate) struct Scripts {
            $(pub(crate) $field: Loaded,)*
        }

        impl Scripts {
            pub(crate) fn assemble() -> Self {
                Self { $($field: load($file, include_str!(concat!("../../../lua/", $file, ".lua"))),)* }
            }

            pub(crate) fn all(&self) -> Vec<&Loaded> {
                vec![$(&self.$field,)*]
            }
        }

        /// Name and text of each script as its file has it.
        #[cfg(test)]
        const SOURCES: &[(&str, &str)] =
            &[$(($file, include_str!(concat!("../../../lua/", $file, ".lua"))),)*];
    };
}

scripts! {
    reserve = "reserve",
    confirm = "confirm",
    release = "release",
    extend = "extend",
    return_goods = "return",
    adjust = "adjust",
    count = "count",
    retire = "retire",
    expire = "expire",
    purge = "purge",
    trim = "trim",
    forget = "forget",
    restore = "restore",
    attest = "attest",
    repair_stock = "repair_stock",
    repair_reservation = "repair_reservation",
    bless = "bless",
    projected = "projected",
    detach = "detach",
    survey = "survey",
    cut = "cut",
    cut_hash = "cut_hash",
    reservation = "reservation",
    stock = "stock",
    list = "list",
    status = "status",
}

const LIBRARY: &[(&str, &str)] = &[
    ("admit", include_str!("../../../lua/lib/admit.lua")),
    ("journal", include_str!("../../../lua/lib/journal.lua")),
    ("stock", include_str!("../../../lua/lib/stock.lua")),
    ("record", include_str!("../../../lua/lib/record.lua")),
    ("limit", include_str!("../../../lua/lib/limit.lua")),
    ("commit", include_str!("../../../lua/lib/commit.lua")),
    ("reap", include_str!("../../../lua/lib/reap.lua")),
];

fn load(name: &'static str, source: &str) -> Loaded {
    let text = assemble(source);
    let hash = Script::new(&text).get_hash().to_owned();
    Loaded { name, hash, text }
}

fn uses(source: &str) -> impl Iterator<Item = &str> {
    let line = source
        .lines()
        .find_map(|line| line.strip_prefix("USES "))
        .unwrap_or_default();
    line.split_whitespace()
}

/// Shebang, library, body. The block comment is left out: Redis need not keep it.
fn assemble(source: &str) -> String {
    let (shebang, rest) = source.split_once('\n').unwrap_or((source, ""));
    let body = rest.split_once("\n]]\n").map_or(rest, |(_, body)| body);
    let mut text = format!("{shebang}\n");
    for name in uses(source) {
        if let Some((_, library)) = LIBRARY.iter().find(|(file, _)| *file == name) {
            text.push_str(library);
        }
    }
    text.push_str(body);
    text
}

#[cfg(test)]
mod tests;
