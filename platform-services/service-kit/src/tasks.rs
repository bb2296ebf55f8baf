//! What a process does beside its requests.

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Serves until `serving` ends; then tells the tasks to stop, which go on while requests under way end,
/// and waits for them. A task that fails ends everything.
///
/// # Errors
/// Of the first task that fails or panics.
pub async fn serve_beside<E: From<JoinError> + 'static>(
    mut tasks: JoinSet<Result<(), E>>,
    stop: &CancellationToken,
    serving: impl Future<Output = ()>,
) -> Result<(), E> {
    let served = tokio::select! {
        () = serving => Ok(()),
        failed = first_failure(&mut tasks) => Err(failed),
    };
    stop.cancel();
    let ended = all(tasks).await;
    served.and(ended)
}

/// Waits for all of them.
///
/// # Errors
/// Of the first one that fails or panics; the others are not waited for.
pub async fn all<E: From<JoinError> + 'static>(mut tasks: JoinSet<Result<(), E>>) -> Result<(), E> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// Waits for a task that fails; those that end well are done.
async fn first_failure<E: From<JoinError> + 'static>(tasks: &mut JoinSet<Result<(), E>>) -> E {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => return error.into(),
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Failed;

    impl From<JoinError> for Failed {
        fn from(_: JoinError) -> Self {
            Self
        }
    }

    #[tokio::test]
    async fn tasks_go_on_until_the_last_request_has_ended() {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (told, serving) = (stop.clone(), stop.clone());
        tasks.spawn(async move {
            told.cancelled().await;
            Ok::<(), Failed>(())
        });
        tasks.spawn(async { Ok(()) });
        let served = serve_beside(tasks, &stop, async move {
            assert!(!serving.is_cancelled());
        });
        served.await.expect("nothing failed");
    }

    #[tokio::test]
    async fn one_that_fails_ends_everything() {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let told = stop.clone();
        tasks.spawn(async { Err(Failed) });
        tasks.spawn(async move {
            told.cancelled().await;
            Ok(())
        });
        let served = serve_beside(tasks, &stop, std::future::pending());
        served.await.expect_err("one failed");
        assert!(stop.is_cancelled());
    }
}
