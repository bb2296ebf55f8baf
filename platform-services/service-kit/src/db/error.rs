//! What an error of the database means for who asked.

/// `ER_BAD_DB_ERROR`
pub(super) fn is_unknown_database(error: &sqlx::Error) -> bool {
    number(error) == Some(1049)
}

/// The number of an error that MariaDB answered.
#[must_use]
pub fn number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether the same statement may succeed later: the database is away, busy, full or read-only.
/// Everything else is a fault of the statement or its data and comes back every time.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    if error.as_database_error().is_some() {
        return number(error).is_none_or(|number| TRANSIENT.contains(&number));
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    )
}

/// Numbers of MariaDB's errors that pass by themselves or by an operator's hand: disk full (1021,
/// 1114), too many connections (1040, 1203, 1226), access denied (1044, 1045, 1142), shutdown
/// (1053, 1927), lock wait timeout (1205), deadlock (1213), read-only (1290, 1792), interrupted
/// (1317, 1969), a table that is being changed (1412), a row that changed since the snapshot
/// (1020), and a schema that is not there (1049, 1146).
const TRANSIENT: [u16; 20] = [
    1020, 1021, 1040, 1044, 1045, 1049, 1053, 1114, 1142, 1146, 1203, 1205, 1213, 1226, 1290, 1317,
    1412, 1792, 1927, 1969,
];

/// Whether a unique key has this value already (`ER_DUP_ENTRY`).
#[must_use]
pub fn is_duplicate_key(error: &sqlx::Error) -> bool {
    number(error) == Some(1062)
}

/// The name of the unique key, foreign key or check that refused a row.
#[must_use]
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    let message = error.as_database_error()?.message();
    match number(error)? {
        // Duplicate entry '1-2' for key 'order_user'
        1062 => between(message, "for key '", '\''),
        // Cannot … a foreign key constraint fails (`db`.`t`, CONSTRAINT `name` FOREIGN KEY (…
        1451 | 1452 => between(message, "CONSTRAINT `", '`'),
        // CONSTRAINT `name` failed for `db`.`t`
        4025 => between(message, "CONSTRAINT `", '`'),
        _ => None,
    }
}

/// The text behind the last `start`, up to `end`: what stands before it may quote a value.
fn between<'a>(message: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_, rest) = message.rsplit_once(start)?;
    rest.split_once(end).map(|(name, _)| name)
}

/// Answers to a refused row.
pub trait OnConstraint<T> {
    /// What `refusal` makes of it when the constraint `name` refused the row; other errors go on.
    ///
    /// # Errors
    /// The refusal, or the error that it was.
    fn on_constraint<E: From<sqlx::Error>>(
        self,
        name: &str,
        refusal: impl FnOnce() -> E,
    ) -> Result<T, E>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint<E: From<sqlx::Error>>(
        self,
        name: &str,
        refusal: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.map_err(|error| {
            if constraint(&error) == Some(name) {
                refusal()
            } else {
                error.into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_taken_from_the_end_of_the_message() {
        let message = "Duplicate entry 'a for key 'x'' for key 'order_user'";
        assert_eq!(between(message, "for key '", '\''), Some("order_user"));
        assert_eq!(between("nothing", "for key '", '\''), None);
    }

    #[test]
    fn what_is_not_the_databases_answer_is_sorted_too() {
        assert!(is_transient(&sqlx::Error::PoolTimedOut));
        assert!(!is_transient(&sqlx::Error::RowNotFound));
        assert_eq!(constraint(&sqlx::Error::RowNotFound), None);
    }
}
