//! What an error of the database means for who asked.

/// `ER_BAD_DB_ERROR`
pub(super) fn is_unknown_database(error: &sqlx::Error) -> bool {
    number(error) == Some(1049)
}

/// What to do about an error of TLS; begins with a colon.
pub(super) fn advice(error: &sqlx::Error) -> &'static str {
    if !matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_)) {
        return "";
    }
    let text = error.to_string();
    let advices = [
        (
            "UnknownIssuer",
            ": nobody whom this machine trusts has signed its certificate; name the authority that did by \
             --tls-ca, or by ssl-ca in the URL",
        ),
        (
            "not valid for name",
            ": its certificate is for another host; say the host that stands in it",
        ),
        (
            "does not support TLS",
            ": give MariaDB a certificate (ssl-cert, ssl-key in its settings), or leave ssl-mode out of the URL",
        ),
    ];
    let found = advices.iter().find(|(sign, _)| text.contains(sign));
    found.map_or("", |(_, advice)| advice)
}

/// The number of an error that MariaDB answered.
#[must_use]
pub fn number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether the same statement may succeed later: the database is away, busy, full, read-only, or says
/// something that nobody here knows. What is left is a fault of the statement or its data and comes
/// back every time: see `is_refusal`. An error of a `COMMIT` passes, too: ask whether it took place.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    if let Some(database) = error.as_database_error() {
        let state = database.code();
        return number(error).is_none_or(|number| !is_refusal(number, state.as_deref()));
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

/// Whether MariaDB refuses the statement or its data, whoever asks and whenever.
fn is_refusal(number: u16, state: Option<&str>) -> bool {
    let of_class = |state: &str| {
        REFUSING_CLASSES
            .iter()
            .any(|class| state.starts_with(class))
    };
    REFUSALS.contains(&number) || (state.is_some_and(of_class) && !PASSING.contains(&number))
}

/// Classes of `SQLSTATE` that are about the statement or its data: not supported, wrong number of
/// values, data, constraint, syntax or names.
const REFUSING_CLASSES: [&str; 5] = ["0A", "21", "22", "23", "42"];

/// Numbers of these classes that pass by themselves or by an operator's hand: access (1044, 1142, 1143,
/// 1227, 1370), a schema that is not there yet (1049, 1146), an engine that is not loaded (1286), too
/// many connections (1203, 1226).
const PASSING: [u16; 10] = [1044, 1049, 1142, 1143, 1146, 1203, 1226, 1227, 1286, 1370];

/// Numbers of other classes that are about the statement or its data: a packet that is too large
/// (1153), wrong arguments (1210), data that was cut (1265), collations that do not mix (1267, 1270,
/// 1271), not for prepared statements (1295), bytes that are no text (1300), no default (1364), no such
/// value (1366, 1411, 1525, 1526), too many placeholders (1390), a trigger's own refusal (1644), a
/// generated column (1906), text that cannot be converted (1977), a check (3819), bad JSON (4035 to
/// 4038, 4042) and arguments of the wrong type (4078).
const REFUSALS: [u16; 24] = [
    1153, 1210, 1265, 1267, 1270, 1271, 1295, 1300, 1364, 1366, 1390, 1411, 1525, 1526, 1644, 1906,
    1977, 3819, 4035, 4036, 4037, 4038, 4042, 4078,
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

    #[test]
    fn only_the_statement_and_its_data_stay_wrong() {
        for (number, state) in [
            (1048, "23000"),
            (1054, "42S22"),
            (1062, "23000"),
            (1064, "42000"),
            (1136, "21S01"),
            (1153, "08S01"),
            (1264, "22003"),
            (1366, "HY000"),
            (1366, "22007"),
            (1406, "22001"),
            (1452, "23000"),
            (1644, "45000"),
            (3819, "HY000"),
            (4025, "23000"),
        ] {
            assert!(is_refusal(number, Some(state)), "{number} {state}");
        }
        // Galera, engines, threads, hosts, connections, and what no list has.
        for (number, state) in [
            (1026, "HY000"),
            (1030, "HY000"),
            (1036, "HY000"),
            (1037, "HY001"),
            (1041, "HY000"),
            (1040, "08004"),
            (1044, "42000"),
            (1045, "28000"),
            (1047, "08S01"),
            (1049, "42000"),
            (1129, "HY000"),
            (1146, "42S02"),
            (1180, "HY000"),
            (1203, "42000"),
            (1205, "HY000"),
            (1213, "40001"),
            (1226, "42000"),
            (1290, "HY000"),
            (2006, "HY000"),
            (2013, "HY000"),
            (9999, "HY000"),
        ] {
            assert!(!is_refusal(number, Some(state)), "{number} {state}");
        }
        assert!(!is_refusal(1047, None) && is_refusal(1366, None));
    }
}
