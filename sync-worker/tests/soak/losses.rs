//! A minute of losses, one after the other, picked at random while customers buy.

use std::time::{Duration, Instant};

use devstack::mariadb::{Durability, MariaDbServer};
use sync_worker::cursor::CursorState;

use crate::{
    faults::{
        losses::*,
        stage::{Stage, copy_folder},
        verify::Lost,
    },
    site::*,
    support::*,
};

const SEED: u64 = 20_261_123;
const LASTS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sold_twice_in_a_minute_of_losses() {
    println!("seed {SEED}");
    let mut dice = Dice::new(SEED);
    let mariadb = MariaDbServer::builder().durability(Durability::EverySecond);
    let mariadb = mariadb.start().unwrap();
    let mut stage = Stage::set(&mariadb, 2).await;
    let mut worker = work(&stage.world).await;
    let load = stage.sell(SEED).await;
    let copy = tempfile::tempdir().unwrap();
    let copy = copy.path().join("redis");
    copy_folder(stage.world.redis.dir(), &copy);
    let began = Instant::now();
    while began.elapsed() < LASTS {
        load.answers(1 + dice.roll(300)).await;
        let loss = dice.roll(9);
        println!("{:?}: loss {loss}", began.elapsed());
        match loss {
            0 => stage.lose(restart).await,
            1 => stage.lose(die).await,
            2 => {
                let kept = stage.world.aof_len();
                load.answers(dice.roll(200)).await;
                stage.lose(|redis| cut(redis, kept + 11)).await;
            }
            3 => stage.lose(flush).await,
            4 => stage.lose(|redis| replace(redis, None)).await,
            5 => stage.lose(|redis| replace(redis, Some(&copy))).await,
            6 => {
                // Its lease stays, the projection falls behind, another worker comes.
                worker.abandon().await;
                load.answers(dice.roll(200)).await;
                stage
                    .lose(if dice.roll(2) == 0 { die } else { flush })
                    .await;
                worker = work(&stage.world).await;
            }
            7 => {
                let known = stage.known().await;
                mariadb.kill9().unwrap();
                load.answers(dice.roll(200)).await;
                stage
                    .lose_knowing(known, if dice.roll(2) == 0 { die } else { flush })
                    .await;
                mariadb.start_again().unwrap();
            }
            _ => {
                stage.lose(flush).await;
                stage.is_being_restored().await;
                stage.lose(flush).await;
            }
        }
        stage.back(&load).await;
        assert_eq!(stage.world.cursor().await.state, CursorState::Following);
        if dice.roll(3) == 0 {
            std::fs::remove_dir_all(&copy).unwrap();
            copy_folder(stage.world.redis.dir(), &copy);
        }
    }
    let book = load.end().await;
    let kinds = stage.world.kinds().await;
    let kinds: Vec<_> = kinds.iter().skip(1).map(String::as_str).collect();
    println!("{} losses", stage.faults.len());
    stage.verify(&book, &kinds, Lost::Unprojected).await;
    worker.follows().await;
}
