//! Who did what that only some may: a log line with the target `audit`, whatever the log level, and a row
//! of the table `admin_audit` in the transaction that changed something.
//!
//! [`crate::http`] writes the line for every request that an administrator makes, that asks for something
//! that customers may not, or that is refused with 403. A handler that changes a table calls
//! [`record`] in its transaction; a change whose own tables say who made it needs no row. A [`Command`]
//! writes its line and its row itself. Rows that are older than a flag says are deleted by [`keep_small`].

use crate::telemetry::AUDIT_TARGET;

/// What an audit line says; the time is the line's own.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// `admin:<sub>`, `service:<client id>` or `customer:<sub>`; of a command line, who ran it.
    pub who: &'a str,
    /// Such as `POST /api/users/{userId}/lock`, or the command.
    pub action: &'a str,
    /// Such as `/api/users/7/lock`, or an id.
    pub on: &'a str,
    /// `done`, `refused` or `failed`.
    pub outcome: &'a str,
    /// The status of the answer, where there is one.
    pub status: Option<u16>,
    /// The id of the request, where there is one.
    pub request_id: Option<&'a str>,
}

impl Line<'_> {
    /// Writes it.
    pub fn write(&self) {
        tracing::info!(
            target: AUDIT_TARGET,
            who = self.who,
            action = self.action,
            on = self.on,
            outcome = self.outcome,
            status = self.status,
            request_id = self.request_id,
            "audit"
        );
    }
}

/// What an answer with this status came to.
#[must_use]
pub const fn outcome(status: u16) -> &'static str {
    match status {
        0..400 => "done",
        400..500 => "refused",
        500.. => "failed",
    }
}

mod command;

#[cfg(feature = "http")]
pub use self::asked::Asked;
pub use self::command::{Command, OperatorFlags};
#[cfg(feature = "db")]
pub use self::retention::{AuditFlags, RETENTION, keep_small, prune};
#[cfg(all(feature = "http", feature = "db"))]
pub(crate) use self::row::scope;
#[cfg(all(feature = "http", feature = "db"))]
pub use self::row::{ddl, record};

#[cfg(feature = "db")]
mod retention;

#[cfg(feature = "http")]
mod asked {
    use std::sync::{Arc, OnceLock};

    use super::{Line, outcome};

    /// What a request asks for, and by whom as soon as that is known. All copies are the same.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Asked(Arc<Inner>);

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Inner {
        action: String,
        path: String,
        /// Customers may not ask for it.
        staff_only: bool,
        who: OnceLock<Who>,
        subject: OnceLock<String>,
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Who {
        name: String,
        is_admin: bool,
    }

    impl Asked {
        /// Of a request that begins; `staff_only`: customers may not ask for it.
        #[must_use]
        pub fn new(action: &str, path: &str, staff_only: bool) -> Self {
            Self(Arc::new(Inner {
                action: action.to_owned(),
                path: path.to_owned(),
                staff_only,
                ..Inner::default()
            }))
        }

        /// It is them. Only the first who says so counts.
        #[cfg(feature = "auth")]
        pub(crate) fn by(&self, role: &str, subject: &str, is_admin: bool) {
            let name = format!("{role}:{subject}");
            let _ = self.0.who.set(Who { name, is_admin });
        }

        /// Who asks, where that belongs into the audit whatever comes of it.
        #[must_use]
        pub fn audited(&self) -> Option<&str> {
            let who = self.0.who.get()?;
            (who.is_admin || self.0.staff_only).then_some(who.name.as_str())
        }

        #[cfg(feature = "db")]
        pub(super) fn action(&self) -> &str {
            &self.0.action
        }

        #[cfg(feature = "db")]
        pub(super) fn about(&self, subject: &str) {
            let _ = self.0.subject.set(subject.to_owned());
        }

        /// Writes the line of a request that was answered so, if it belongs into the audit.
        pub fn answered(&self, status: u16, request_id: &str) {
            let refused = || self.0.who.get().filter(|_| status == 403);
            let Some(who) = self
                .audited()
                .or_else(|| refused().map(|who| who.name.as_str()))
            else {
                return;
            };
            Line {
                who,
                action: &self.0.action,
                on: self.0.subject.get().unwrap_or(&self.0.path),
                outcome: outcome(status),
                status: Some(status),
                request_id: Some(request_id),
            }
            .write();
        }
    }
}

#[cfg(all(feature = "http", feature = "db"))]
mod row {
    use sqlx::MySqlConnection;

    use super::Command;
    use crate::{http::RequestContext, trace_context};

    tokio::task_local! {
        static UNDER_WAY: RequestContext;
    }

    /// Handles a request, in whose task [`record`] knows who asks.
    pub(crate) fn scope<F: Future>(
        context: RequestContext,
        handling: F,
    ) -> impl Future<Output = F::Output> {
        UNDER_WAY.scope(context, handling)
    }

    /// The table. A service copies the text into a migration of its own.
    #[must_use]
    pub const fn ddl() -> &'static str {
        include_str!("audit/table.sql")
    }

    /// Writes who changes `subject` (such as `user:7`) in the transaction that changes it, where the
    /// request that this task handles belongs into the audit; else nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record(
        connection: &mut MySqlConnection,
        subject: &str,
    ) -> Result<(), sqlx::Error> {
        let Ok(context) = UNDER_WAY.try_with(Clone::clone) else {
            return Ok(());
        };
        let Some(who) = context.asked.audited() else {
            return Ok(());
        };
        context.asked.about(subject);
        let traceparent = context.traceparent.as_deref();
        Row {
            actor: who,
            action: context.asked.action(),
            subject,
            request_id: &context.request_id,
            trace_id: traceparent.and_then(trace_context::trace_id),
        }
        .insert(connection)
        .await
    }

    impl Command {
        /// Writes that it changes `subject` (such as `user:7`) in the transaction that does so.
        ///
        /// # Errors
        /// Those of the database.
        pub async fn record(
            &self,
            connection: &mut MySqlConnection,
            subject: &str,
        ) -> Result<(), sqlx::Error> {
            Row {
                actor: &self.who,
                action: self.action,
                subject,
                request_id: &self.id,
                trace_id: None,
            }
            .insert(connection)
            .await
        }
    }

    struct Row<'a> {
        actor: &'a str,
        action: &'a str,
        subject: &'a str,
        request_id: &'a str,
        trace_id: Option<&'a str>,
    }

    impl Row<'_> {
        async fn insert(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
            sqlx::query(
                "INSERT INTO admin_audit (actor, action, subject, request_id, trace_id) \
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(self.actor)
            .bind(self.action)
            .bind(self.subject)
            .bind(self.request_id)
            .bind(self.trace_id)
            .execute(connection)
            .await?;
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::ddl;

        /// Migrations are never changed, so a change here wants one more in each of them.
        #[test]
        fn the_services_have_the_table_as_it_is_here() {
            for migration in [
                include_str!("../../catalog-service/migrations/0005_admin_audit.sql"),
                include_str!("../../order-service/migrations/0004_admin_audit.sql"),
                include_str!("../../payment-service/migrations/0005_admin_audit.sql"),
                include_str!("../../user-service/migrations/0003_admin_audit.sql"),
            ] {
                assert_eq!(migration, ddl());
            }
        }
    }
}
