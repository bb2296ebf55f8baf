//! `POST /api/reservations/batch/release`

use hyper::body::Incoming;
use inventory_core::Release;

use super::{Answer, Call, confirm_batch, may_change};
use crate::{metrics::Operation, problem::Subject};

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    let caller = &call.caller;
    confirm_batch::run(call, body, |app, id, context, deadline| async move {
        may_change(&app, caller, &id, deadline).await?;
        let command = Release {
            id,
            reason: None,
            tombstone: false,
            context,
        };
        let engine = app.engine.release(app.shard, &command, deadline);
        app.command(
            Operation::Release,
            &Subject::reservation(&command.id),
            engine,
        )
        .await
    })
    .await
}
