use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use super::{Call, Coalescer, Shed};

/// Answers each number with its double, notes the batches, and waits until it is let go.
struct Doubling {
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    gate: Arc<Semaphore>,
    panics: Arc<AtomicBool>,
}

impl Call for Doubling {
    type Ask = u32;
    type Answer = u32;
    type Room = Vec<u32>;

    const BATCH_MAX: usize = 4;

    fn admit(&self, room: &mut Vec<u32>, ask: &u32) -> bool {
        let new = !room.contains(ask);
        room.push(*ask);
        new
    }

    async fn call(&self, asks: &[u32], _: Instant) -> Vec<u32> {
        self.batches
            .lock()
            .expect("no panic holds it")
            .push(asks.to_vec());
        self.gate.acquire().await.expect("never closed").forget();
        assert!(!self.panics.load(Ordering::SeqCst), "as told");
        asks.iter().map(|n| n * 2).collect()
    }
}

struct Test {
    coalescer: Arc<Coalescer<Doubling>>,
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    gate: Arc<Semaphore>,
    panics: Arc<AtomicBool>,
}

impl Test {
    fn new(queue_max: usize) -> Self {
        let (batches, gate, panics) = (Arc::default(), Arc::new(Semaphore::new(0)), Arc::default());
        let call = Doubling {
            batches: Arc::clone(&batches),
            gate: Arc::clone(&gate),
            panics: Arc::clone(&panics),
        };
        Self {
            coalescer: Arc::new(Coalescer::start(call, queue_max, 1)),
            batches,
            gate,
            panics,
        }
    }

    /// Sends asks one after the other, each waiting in the queue before the next one comes.
    async fn ask(&self, numbers: &[u32]) -> Vec<tokio::task::JoinHandle<Result<u32, Shed>>> {
        let mut answers = Vec::new();
        for &number in numbers {
            let coalescer = Arc::clone(&self.coalescer);
            let deadline = Instant::now() + Duration::from_secs(60);
            answers.push(tokio::spawn(async move {
                coalescer.ask(number, deadline).await.map(|(_, a)| a)
            }));
            settle().await;
        }
        answers
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().expect("no panic holds it").clone()
    }
}

/// Lets every task run until none has anything left to do: the runtime has one thread.
async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lone_request_is_sent_at_once_and_the_next_batch_gathers_meanwhile() {
    let test = Test::new(16);
    let answers = test.ask(&[1, 2, 3]).await;
    assert_eq!(test.batches(), [vec![1]]);
    test.gate.add_permits(2);
    let mut doubles = Vec::new();
    for answer in answers {
        doubles.push(answer.await.expect("no panic").expect("an answer"));
    }
    assert_eq!(doubles, [2, 4, 6]);
    assert_eq!(test.batches(), [vec![1], vec![2, 3]]);
}

#[tokio::test]
async fn a_batch_is_bounded_and_what_may_not_join_stays_first() {
    let test = Test::new(16);
    let answers = test.ask(&[9, 1, 1, 2, 3, 1, 4]).await;
    test.gate.add_permits(4);
    for answer in answers {
        answer.await.expect("no panic").expect("an answer");
    }
    assert_eq!(
        test.batches(),
        [vec![9], vec![1, 2, 3], vec![1, 4], vec![1]]
    );
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let test = Test::new(2);
    let _waiting = test.ask(&[1, 2, 3]).await;
    assert_eq!(test.coalescer.depth(), 2);
    let refused = test
        .coalescer
        .ask(4, Instant::now() + Duration::from_secs(60))
        .await;
    assert_eq!(refused.expect_err("no room"), Shed::Full);
}

#[tokio::test]
async fn what_waited_too_long_or_whose_caller_left_is_not_sent() {
    let test = Test::new(16);
    let first = test.ask(&[1]).await;
    let late = tokio::spawn({
        let coalescer = Arc::clone(&test.coalescer);
        async move { coalescer.ask(2, Instant::now()).await.map(|(_, a)| a) }
    });
    let gone = test.ask(&[3]).await;
    gone[0].abort();
    settle().await;
    test.gate.add_permits(2);
    let last = test.ask(&[4]).await;
    for answer in first.into_iter().chain(last) {
        answer.await.expect("no panic").expect("an answer");
    }
    assert_eq!(late.await.expect("no panic"), Err(Shed::Late));
    assert_eq!(test.batches(), [vec![1], vec![4]]);
}

#[tokio::test]
async fn a_call_that_panics_loses_its_batch_and_not_the_queue() {
    let test = Test::new(16);
    test.panics.store(true, Ordering::SeqCst);
    let answers = test.ask(&[1]).await;
    test.gate.add_permits(1);
    for answer in answers {
        assert_eq!(answer.await.expect("only the call panics"), Err(Shed::Lost));
    }
    test.panics.store(false, Ordering::SeqCst);
    test.gate.add_permits(1);
    let answers = test.ask(&[2]).await;
    for answer in answers {
        assert_eq!(answer.await.expect("no panic"), Ok(4));
    }
}
