//! What is below a category, as a range of paths that the index `category_path` has in one piece. To ask
//! for paths that are `LIKE` another row's path would be to read all categories.

/// Ids of a category and of all below it; bind the category's.
pub(super) const IDS: &str = "SELECT c.category_id FROM category r JOIN category c \
     ON c.path >= r.path AND c.path < CONCAT(LEFT(r.path, CHAR_LENGTH(r.path) - 1), '0') \
     WHERE r.category_id = ?";

/// Paths of the categories of a [`Subtree`], locked; bind `first` and `end`.
pub(super) const PATHS_LOCKED: &str =
    "SELECT path FROM category WHERE path >= ? AND path < ? ORDER BY path FOR UPDATE";

/// Puts another path in front; bind that, the length of the old one and one more, `first` and `end`.
pub(super) const MOVE: &str =
    "UPDATE category SET path = CONCAT(?, SUBSTRING(path, ?)) WHERE path >= ? AND path < ?";

/// Notes all of a [`Subtree`] whose products' documents have to be made again; bind `first` and `end`.
pub(crate) const NOTE: &str = "INSERT INTO search_pending (category_id) \
     SELECT category_id FROM category WHERE path >= ? AND path < ? ORDER BY category_id";

/// A category and all below it: paths from `first` up to, but without, `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subtree {
    pub(crate) first: String,
    pub(crate) end: String,
}

impl Subtree {
    /// Of the category with this path, which ends in `/`.
    pub(crate) fn of(path: &str) -> Self {
        // `0` is what comes after `/` in ASCII, by whose bytes paths are compared.
        let end = path.strip_suffix('/').unwrap_or(path).to_owned() + "0";
        Self {
            first: path.to_owned(),
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use devstack::mariadb::MariaDbServer;
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;
    use crate::limits::CATEGORIES_MAX;

    #[test]
    fn a_subtree_is_a_category_and_what_is_below_it() {
        let subtree = Subtree::of("/1/5/");
        let has = |path: &str| subtree.first.as_str() <= path && path < subtree.end.as_str();
        for below in ["/1/5/", "/1/5/6/", "/1/5/9999/1/"] {
            assert!(has(below), "{below}");
        }
        for other in ["/1/", "/1/4/", "/1/50/", "/1/55/6/", "/1/6/", "/15/", "/2/"] {
            assert!(!has(other), "{other}");
        }
    }

    /// As many categories as there may be: what is below one of them is read through the index, and
    /// nothing else is.
    #[tokio::test]
    async fn a_subtree_is_read_by_the_index() {
        let server = MariaDbServer::builder().start().expect("a MariaDB");
        let url = server.create_database().expect("a database");
        let pool = sqlx::MySqlPool::connect(&url).await.expect("connected");
        sqlx::migrate!().run(&pool).await.expect("tables");
        // 50 roots, each with a path of 99 below it.
        let each = CATEGORIES_MAX / 50;
        let fill = format!(
            "INSERT INTO category (category_id, name, ordering, path) \
             SELECT seq, CONCAT('c', seq), 0, CONCAT('/', 1 + (seq - 1) DIV {each}, '/', \
             IF((seq - 1) MOD {each} = 0, '', CONCAT(seq, '/'))) FROM seq_1_to_{CATEGORIES_MAX}"
        );
        for statement in [fill, "ANALYZE TABLE category".to_owned()] {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&pool)
                .await
                .expect("filled");
        }
        let subtree = Subtree::of("/7/");
        // The first of those under this path.
        let seventh = 1 + 6 * each;
        let found: Vec<u64> = sqlx::query_scalar(IDS)
            .bind(seventh)
            .fetch_all(&pool)
            .await
            .expect("read");
        assert_eq!(i64::try_from(found.len()), Ok(each));

        let (first, end, id) = (&subtree.first, &subtree.end, &seventh.to_string());
        for (sql, values) in [
            (IDS, vec![id.as_str()]),
            (PATHS_LOCKED, vec![first, end]),
            (NOTE, vec![first, end]),
            (MOVE, vec!["/8/", "4", first, end]),
        ] {
            let explain = format!("EXPLAIN {sql}");
            let mut query = sqlx::query(AssertSqlSafe(explain));
            for value in values {
                query = query.bind(value);
            }
            let plan = query.fetch_all(&pool).await.expect("explained");
            let line = plan.last().expect("a line");
            let text = |column: &str| {
                line.try_get_unchecked::<Option<String>, _>(column)
                    .expect(column)
                    .unwrap_or_default()
            };
            assert_eq!(
                (text("type"), text("key")),
                ("range".to_owned(), "category_path".to_owned()),
                "{sql}"
            );
            let rows: i64 = text("rows").parse().expect("a number");
            assert!(rows <= 2 * each, "{sql}: {rows} rows");
        }
    }
}
