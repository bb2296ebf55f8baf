//! MariaDB is lost, and is put back from a dump and the copy of its binary log.

use std::time::Duration;

use devstack::{mariadb::MariaDbServer, process::ServerProcess};

use super::{
    hands::Hands,
    page::{blocks, filled},
    shop::*,
};
use crate::support::*;

const PASSWORD: &str = "of the account for backups";

/// What the page says of a backup: the account that makes it, how it gets there, the dump, the copy of the log.
pub(super) struct Backup {
    pub(super) dump: &'static str,
    copy: &'static str,
}

impl Backup {
    pub(super) fn prepare(hands: &Hands, mariadb: &MariaDbServer) -> Self {
        let [account, my_cnf, dump, copy] = blocks("### MariaDB");
        let account = filled(account, &[("PASSWORD", PASSWORD)]);
        mariadb.sql(&account).unwrap();
        let port = mariadb.port().to_string();
        let names = [
            ("host = DB", "host = 127.0.0.1"),
            ("3306", &*port),
            ("PASSWORD", PASSWORD),
        ];
        hands.write_my_cnf(&filled(my_cnf, &names));
        Self { dump, copy }
    }

    /// Begins to copy the log.
    pub(super) fn copy_log(&self, hands: &Hands) -> ServerProcess {
        hands.begin(self.copy)
    }
}

/// All that MariaDB has logged is in the copy.
pub(super) async fn copied(hands: &Hands, mariadb: &MariaDbServer) {
    let status = mariadb.sql("SHOW MASTER STATUS").unwrap();
    let mut status = status.split('\t');
    let (name, length) = (status.next().unwrap(), status.next().unwrap());
    let length: u64 = length.parse().unwrap();
    let copy = hands.binlogs().join(name);
    eventually("the log is copied", async || {
        std::fs::metadata(&copy).is_ok_and(|copy| copy.len() >= length)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_restored_from_the_dump_and_the_binary_log() {
    let mut hands = Hands::new();
    let lost = mariadb();
    let (world, worker) = shop(&lost).await;
    hands.has_redis(&world.redis);
    let backup = Backup::prepare(&hands, &lost);
    let copying = backup.copy_log(&hands);
    order(&lost, "before");
    trade(&world, "before").await;
    world.at_rest().await;

    hands.type_in(backup.dump).await;
    order(&lost, "after");
    trade(&world, "after").await;
    world.at_rest().await;
    copied(&hands, &lost).await;
    // The copy ends with the server, and goes on where it was.
    lost.stop().unwrap();
    copying.wait_for_exit(Duration::from_secs(60)).unwrap();
    lost.start_again().unwrap();
    let copying = backup.copy_log(&hands);
    order(&lost, "last");
    trade(&world, "last").await;
    world.at_rest().await;
    copied(&hands, &lost).await;
    lost.kill9().unwrap();
    copying.wait_for_exit(Duration::from_secs(60)).unwrap();
    // The shop sells on.
    trade(&world, "without").await;
    worker.stop();
    drop(lost);

    let new = mariadb();
    hands.are_root_of(&new);
    let [restore] = blocks("### MariaDB is gone, Redis is there");
    hands.type_in(restore).await;
    assert_eq!(orders(&new), ["after", "before", "last"]);
    hands.has_mariadb(&new);
    let world = world.moved_to_mariadb(&new);
    let worker = Worker::start(&world);
    trade(&world, "again").await;
    let recovery = world.looks_well(&hands, &worker).await;
    assert!(recovery.is_null(), "it is followed, not opened: {recovery}");
    world.has_trades(5).await;
    assert_eq!(world.kinds().await, ["REBUILT"], "of the first start");
    worker.stop();
}
