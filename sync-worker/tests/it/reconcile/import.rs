//! Files in and out.

use std::{fmt::Write as _, path::Path, time::Instant};

use super::*;

const HEADER: &str = "skuId,locationId,onHandQuantity,purchaseLimit,purchaseLimitWindowSeconds\n";

fn file(dir: &tempfile::TempDir, name: &str, rows: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, rows).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_export_imported_elsewhere_gives_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::stocked().await;
    let rows = format!("{HEADER}d,default,7,2,\ne,busan,8,3,3600\n");
    let path = file(&dir, "new.csv", &rows);
    let ran = bench.run(&["import", &path]).await.ends(0);
    let ran = ran.audited(&format!("import {path}"), "done");
    assert_eq!(ran.json()["created"], 2);

    let exported = bench.run(&["export"]).await.ends(0).unaudited().out;
    let expected = format!(
        "{HEADER}e,busan,8,3,3600\na,default,98,,\nb,default,50,,\nd,default,7,2,\nc,seoul,10,,\n"
    );
    assert_eq!(exported, expected);
    let to = dir.path().join("out.csv");
    bench.run(&["export", to.to_str().unwrap()]).await.ends(0);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), expected);
    assert!(!Path::new(&format!("{}.part", to.display())).exists());

    let other = crate::bench::bench().await;
    let ran = other.run(&["import", to.to_str().unwrap()]).await.ends(0);
    assert_eq!(ran.json()["created"], 5);
    assert_eq!(other.run(&["export"]).await.ends(0).out, expected);
    let ran = other.run(&["import", to.to_str().unwrap()]).await.ends(0);
    assert_eq!(
        (&ran.json()["replayed"], &ran.json()["counted"]),
        (&5.into(), &0.into())
    );
    other.world.at_rest().await;
    other.is_clean().await;
}

#[tokio::test]
async fn a_faulty_row_is_told_and_nothing_is_applied_unless_partial() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench().await;
    let rows = format!("{HEADER}a,default,5,,\nb,x:y,5,,\nc,,-1,0,\n");
    let path = file(&dir, "faulty.csv", &rows);
    let ran = bench.run(&["import", &path]).await.ends(1);
    let json = ran.json();
    let faults: Vec<_> = json["rejected"].as_array().unwrap().iter().collect();
    let places = faults
        .iter()
        .map(|f| (f["line"].as_u64().unwrap(), f["field"].as_str().unwrap()));
    assert_eq!(
        places.collect::<Vec<_>>(),
        [
            (3, "locationId"),
            (4, "onHandQuantity"),
            (4, "purchaseLimit")
        ]
    );
    assert_eq!(bench.run(&["export"]).await.out, HEADER);
    let plain = reconcile(&bench.world, &["import", &path]).await.ends(1);
    assert!(plain.out.contains("3\tlocationId\t") && plain.out.contains("nothing was applied"));

    let ran = bench.run(&["import", "--partial", &path]).await.ends(1);
    assert_eq!(ran.json()["created"], 1);
    assert_eq!(
        bench.run(&["export"]).await.out,
        format!("{HEADER}a,default,5,,\n")
    );
    let no_header = file(&dir, "bare.csv", "a,default,5\n");
    bench.run(&["import", &no_header]).await.ends(1);
    let none = bench.run(&["import", "no-such-file.csv"]).await.ends(2);
    none.audited("import no-such-file.csv", "failed");
}

#[tokio::test]
async fn a_row_that_a_sale_forbids_is_told_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::stocked().await;
    let path = file(
        &dir,
        "low.csv",
        "skuId,locationId,onHandQuantity\na,,2\nb,,60\nz,,1\n",
    );
    let ran = bench.run(&["import", "--dry-run", &path]).await.ends(1);
    let ran = ran.unaudited();
    assert_eq!(
        (&ran.json()["created"], &ran.json()["counted"]),
        (&1.into(), &1.into())
    );
    assert_eq!(bench.figure("default:b", "availableQuantity"), 50);
    let ran = bench.run(&["import", &path]).await.ends(1);
    let json = ran.audited(&format!("import {path}"), "refused").json();
    assert_eq!((&json["created"], &json["counted"]), (&1.into(), &1.into()));
    assert_eq!(json["rejected"][0]["line"], 2);
    let reason = json["rejected"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "BELOW_RESERVED: 3 units are reserved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rows_take_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench().await;
    let mut rows = HEADER.to_owned();
    for row in 0..10_000 {
        writeln!(rows, "sku-{row},default,{},,", row % 100).unwrap();
    }
    let path = file(&dir, "many.csv", &rows);
    let began = Instant::now();
    let ran = bench.run(&["import", &path]).await.ends(0);
    let took = began.elapsed();
    println!("10,000 rows imported in {took:?}");
    assert_eq!(ran.json()["created"], 10_000);
    assert!(took.as_secs() < 60, "{took:?}");
    let began = Instant::now();
    assert_eq!(
        bench.run(&["export"]).await.ends(0).out.lines().count(),
        10_001
    );
    println!("exported in {:?}", began.elapsed());
    bench.world.at_rest().await;
    let began = Instant::now();
    bench.run(&["check"]).await.ends(0);
    println!("checked in {:?}", began.elapsed());
    let began = Instant::now();
    bench.run(&["verify-invariants"]).await.ends(0);
    println!("verified in {:?}", began.elapsed());
}
