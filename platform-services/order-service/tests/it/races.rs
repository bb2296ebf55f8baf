use std::thread;

use crate::{
    saga::Ordered,
    support::{SERVICE, Sent, text},
};

/// A cancellation and an approval at the same time: one of them wins, and only one is told.
#[test]
fn cancelled_or_paid_but_never_both() {
    let orders: Vec<Ordered> = (0..24).map(|_| Ordered::new()).collect();
    for order in &orders {
        order.created();
    }
    let answers: Vec<u16> = thread::scope(|scope| {
        let tasks: Vec<_> = orders
            .iter()
            .enumerate()
            .map(|(index, order)| {
                scope.spawn(move || {
                    let cancel = || {
                        let path = format!("/api/orders/{}/cancel", order.id);
                        order.customer.post_empty(&path).status
                    };
                    // Some are sure to be paid first, some to be cancelled first, the rest race.
                    match index % 4 {
                        0 => {
                            order.completed();
                            order.until("PAID");
                            cancel()
                        }
                        1 => {
                            let status = cancel();
                            order.completed();
                            status
                        }
                        _ => {
                            order.completed();
                            cancel()
                        }
                    }
                })
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    for (index, (order, answer)) in orders.iter().zip(answers).enumerate() {
        let (status, told, not_told) = match answer {
            202 => ("CANCELLED", "order.cancelled", "order.confirmed"),
            409 => ("PAID", "order.confirmed", "order.cancelled"),
            other => panic!("{other}"),
        };
        match index % 4 {
            0 => assert_eq!(answer, 409),
            1 => assert_eq!(answer, 202),
            _ => {}
        }
        order.until(status);
        Sent::one(told, &order.id);
        // What comes later changes nothing.
        order.expired();
        order.reserved();
        assert_eq!(text(&order.customer.order(&order.id), "status"), status);
        assert_eq!(Sent::so_far(not_told, &order.id).len(), 0);
    }
}

/// Many customers at once: nobody is turned away because of another.
#[test]
fn everybody_orders_at_once() {
    let ids: Vec<String> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let customer = SERVICE.customer();
                    let body = serde_json::json!({
                        "items": [{"skuId": "a", "quantity": 1}],
                        "shippingAddressId": "1",
                    });
                    let place = |index: usize| {
                        let key = format!("k-{index}");
                        let order = customer.post_with_key("/api/orders", &key, &body);
                        text(&order.expect(202), "orderId").to_owned()
                    };
                    (0..15).map(place).collect::<Vec<_>>()
                })
            })
            .collect();
        tasks
            .into_iter()
            .flat_map(|task| task.join().unwrap())
            .collect()
    });
    for id in &ids {
        Sent::one("order.placed", id);
    }
}
