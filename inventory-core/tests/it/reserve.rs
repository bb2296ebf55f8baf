use inventory_core::{engine::Held, *};

use crate::support::*;

#[tokio::test]
async fn a_hold_moves_units_from_available_to_reserved() {
    let store = store().await;
    store.put("sku-1", 10).await;
    let held = store.reserve("r-1", &[("sku-1", 3)]).await.unwrap();
    assert!(!held.replayed);
    assert!(matches!(held.value, Held::New { .. }));
    assert_eq!(store.figures("sku-1").await, (7, 3, 0));
    let again = store.reserve("r-1", &[("sku-1", 3)]).await.unwrap();
    assert!(again.replayed);
    let Held::Existing(record) = again.value else {
        panic!("{again:?}")
    };
    assert_eq!(record.lines, lines(&[("sku-1", 3)]));
    assert_eq!(store.figures("sku-1").await, (7, 3, 0));
    let refused = store.reserve("r-2", &[("sku-1", 8)]).await.unwrap_err();
    assert_eq!(
        refused,
        Refusal::InsufficientStock(vec![Shortage {
            key: key("sku-1"),
            requested: 8,
            available: 7
        }])
    );
}
