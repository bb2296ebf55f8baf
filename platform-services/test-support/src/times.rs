use std::{
    fmt,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// How long a condition may take to come true; far longer than it ever should.
pub const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_PERIOD: Duration = Duration::from_millis(10);

/// Waits until the condition holds.
#[track_caller]
pub fn eventually(what: impl fmt::Display, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        thread::sleep(LOOK_PERIOD);
    }
}

/// Does it `times` at once, each in a thread of its own.
pub fn at_once<T: Send>(times: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(times);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..times)
            .map(|n| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(n)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}
