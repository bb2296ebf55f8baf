//! Every row of the table of recoveries, end to end.

mod attach;
mod crashes;
mod grace;
mod scale;
mod table;
