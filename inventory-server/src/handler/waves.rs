//! Working off the elements of a batch with a bounded number of calls in flight.

use std::{collections::HashSet, future::Future, hash::Hash};

use futures_util::future::join_all;

use crate::limits::BATCH_CALLS_IN_FLIGHT_MAX;

/// Runs `call` for every element and answers in order. Elements with the same key run one after
/// the other, in the order given; others up to [`BATCH_CALLS_IN_FLIGHT_MAX`] at once.
pub(super) async fn run<'a, E, K, A, F>(
    elements: &'a [E],
    key: impl Fn(&E) -> Option<K>,
    call: impl Fn(&'a E) -> F,
) -> Vec<A>
where
    K: Hash + Eq,
    F: Future<Output = A>,
{
    let mut answers = Vec::with_capacity(elements.len());
    let mut rest = elements;
    while !rest.is_empty() {
        let (wave, later) = rest.split_at(wave_len(rest, &key));
        answers.extend(join_all(wave.iter().map(&call)).await);
        rest = later;
    }
    answers
}

/// How many of the first elements have different keys.
fn wave_len<E, K: Hash + Eq>(elements: &[E], key: &impl Fn(&E) -> Option<K>) -> usize {
    let mut keys = HashSet::new();
    let mut distinct = |element: &E| key(element).is_none_or(|key| keys.insert(key));
    elements
        .iter()
        .take(BATCH_CALLS_IN_FLIGHT_MAX)
        .take_while(|element| distinct(element))
        .count()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn equal_keys_run_in_order_and_answers_keep_theirs() {
        let elements: Vec<u32> = (0..40).map(|n| n % 10).collect();
        let running = RefCell::new(Vec::new());
        let most = RefCell::new(0);
        let answers = run(
            &elements,
            |n| Some(*n),
            |n| {
                let (running, most) = (&running, &most);
                async move {
                    assert!(!running.borrow().contains(n), "{n} runs twice at once");
                    running.borrow_mut().push(*n);
                    tokio::task::yield_now().await;
                    let now = running.borrow().len();
                    most.replace_with(|m| now.max(*m));
                    running.borrow_mut().retain(|r| r != n);
                    n * 2
                }
            },
        )
        .await;
        assert_eq!(answers, elements.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(*most.borrow(), 10);
    }

    #[tokio::test]
    async fn no_more_than_the_limit_run_at_once() {
        let elements: Vec<usize> = (0..100).collect();
        assert_eq!(
            wave_len(&elements, &|n: &usize| Some(*n)),
            BATCH_CALLS_IN_FLIGHT_MAX
        );
        assert_eq!(
            wave_len(&elements, &|_: &usize| None::<u8>),
            BATCH_CALLS_IN_FLIGHT_MAX
        );
        assert_eq!(wave_len(&elements, &|_: &usize| Some(0)), 1);
    }
}
