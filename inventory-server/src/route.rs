//! Method and path to what is meant. `/api/v1/…` is the same as `/api/…`.

use hyper::Method;

/// What a request asks for. Ids are as in the path, neither decoded nor checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Reserve,
    ReserveBatch,
    ConfirmBatch,
    ReleaseBatch,
    Reservation(&'a str),
    Confirm(&'a str),
    Release(&'a str),
    Extend(&'a str),
    Return(&'a str),
    StockList,
    StockBulk,
    AdjustBatch,
    Stock(&'a str),
    Count(&'a str),
    Retire(&'a str),
    Adjust(&'a str),
    Stream(&'a str),
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Docs,
    ProblemPage(&'a str),
}

/// The routes without their ids, for metrics and the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteName {
    Reserve,
    ReserveBatch,
    ConfirmBatch,
    ReleaseBatch,
    Reservation,
    Confirm,
    Release,
    Extend,
    Return,
    StockList,
    StockBulk,
    AdjustBatch,
    Stock,
    Count,
    Retire,
    Adjust,
    Stream,
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Docs,
    ProblemPage,
    /// No such path, or not with this method.
    None,
}

impl RouteName {
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 24] = [
        Self::Reserve,
        Self::ReserveBatch,
        Self::ConfirmBatch,
        Self::ReleaseBatch,
        Self::Reservation,
        Self::Confirm,
        Self::Release,
        Self::Extend,
        Self::Return,
        Self::StockList,
        Self::StockBulk,
        Self::AdjustBatch,
        Self::Stock,
        Self::Count,
        Self::Retire,
        Self::Adjust,
        Self::Stream,
        Self::Healthz,
        Self::Readyz,
        Self::Metrics,
        Self::OpenApi,
        Self::Docs,
        Self::ProblemPage,
        Self::None,
    ];

    /// Method and path template, as in the OpenAPI document and the label `route`.
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Reserve => "POST /api/reservations",
            Self::ReserveBatch => "POST /api/reservations/batch",
            Self::ConfirmBatch => "POST /api/reservations/batch/confirm",
            Self::ReleaseBatch => "POST /api/reservations/batch/release",
            Self::Reservation => "GET /api/reservations/{reservationId}",
            Self::Confirm => "POST /api/reservations/{reservationId}/confirm",
            Self::Release => "POST /api/reservations/{reservationId}/release",
            Self::Extend => "POST /api/reservations/{reservationId}/extend",
            Self::Return => "POST /api/reservations/{reservationId}/return",
            Self::StockList => "GET /api/inventories",
            Self::StockBulk => "POST /api/inventories/bulk",
            Self::AdjustBatch => "POST /api/inventories/adjustments",
            Self::Stock => "GET /api/inventories/{skuId}",
            Self::Count => "PUT /api/inventories/{skuId}",
            Self::Retire => "DELETE /api/inventories/{skuId}",
            Self::Adjust => "POST /api/inventories/{skuId}/adjustments",
            Self::Stream => "GET /api/inventories/{skuId}/stream",
            Self::Healthz => "GET /healthz",
            Self::Readyz => "GET /readyz",
            Self::Metrics => "GET /metrics",
            Self::OpenApi => "GET /openapi.json",
            Self::Docs => "GET /docs",
            Self::ProblemPage => "GET /problems/{code}",
            Self::None => "none",
        }
    }
}

impl Route<'_> {
    pub(crate) const fn name(&self) -> RouteName {
        match self {
            Self::Reserve => RouteName::Reserve,
            Self::ReserveBatch => RouteName::ReserveBatch,
            Self::ConfirmBatch => RouteName::ConfirmBatch,
            Self::ReleaseBatch => RouteName::ReleaseBatch,
            Self::Reservation(_) => RouteName::Reservation,
            Self::Confirm(_) => RouteName::Confirm,
            Self::Release(_) => RouteName::Release,
            Self::Extend(_) => RouteName::Extend,
            Self::Return(_) => RouteName::Return,
            Self::StockList => RouteName::StockList,
            Self::StockBulk => RouteName::StockBulk,
            Self::AdjustBatch => RouteName::AdjustBatch,
            Self::Stock(_) => RouteName::Stock,
            Self::Count(_) => RouteName::Count,
            Self::Retire(_) => RouteName::Retire,
            Self::Adjust(_) => RouteName::Adjust,
            Self::Stream(_) => RouteName::Stream,
            Self::Healthz => RouteName::Healthz,
            Self::Readyz => RouteName::Readyz,
            Self::Metrics => RouteName::Metrics,
            Self::OpenApi => RouteName::OpenApi,
            Self::Docs => RouteName::Docs,
            Self::ProblemPage(_) => RouteName::ProblemPage,
        }
    }
}

/// Why there is no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// No such path.
    NotFound,
    /// Only with these methods, as the header `Allow` lists them.
    MethodNotAllowed(&'static str),
}

/// Finds the route. `HEAD` is `GET` without the body, except where the body never ends.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, NoRoute> {
    let Some(api) = path.strip_prefix("/api/") else {
        return ops(method, path);
    };
    let api = api.strip_prefix("v1/").unwrap_or(api);
    let (collection, rest) = api
        .split_once('/')
        .map_or((api, None), |(c, r)| (c, Some(r)));
    match collection {
        "reservations" => reservations(method, rest),
        "inventories" => inventories(method, rest),
        _ => Err(NoRoute::NotFound),
    }
}

fn reservations<'a>(method: &Method, rest: Option<&'a str>) -> Result<Route<'a>, NoRoute> {
    let post = |route| allowed(*method == Method::POST, route, "POST");
    let Some(rest) = rest else {
        return post(Route::Reserve);
    };
    match split(rest)? {
        ("batch", None) if *method == Method::POST => Ok(Route::ReserveBatch),
        ("batch", Some("confirm")) => post(Route::ConfirmBatch),
        ("batch", Some("release")) => post(Route::ReleaseBatch),
        ("batch", None) => allowed(
            is_get(method),
            Route::Reservation("batch"),
            "GET, HEAD, POST",
        ),
        (id, None) => allowed(is_get(method), Route::Reservation(id), "GET, HEAD"),
        (id, Some("confirm")) => post(Route::Confirm(id)),
        (id, Some("release")) => post(Route::Release(id)),
        (id, Some("extend")) => post(Route::Extend(id)),
        (id, Some("return")) => post(Route::Return(id)),
        (_, Some(_)) => Err(NoRoute::NotFound),
    }
}

fn inventories<'a>(method: &Method, rest: Option<&'a str>) -> Result<Route<'a>, NoRoute> {
    let post = |route| allowed(*method == Method::POST, route, "POST");
    let Some(rest) = rest else {
        return allowed(is_get(method), Route::StockList, "GET, HEAD");
    };
    match split(rest)? {
        ("bulk", None) if *method == Method::POST => Ok(Route::StockBulk),
        ("adjustments", None) if *method == Method::POST => Ok(Route::AdjustBatch),
        (sku, None) if is_get(method) => Ok(Route::Stock(sku)),
        (sku, None) if *method == Method::PUT => Ok(Route::Count(sku)),
        (sku, None) if *method == Method::DELETE => Ok(Route::Retire(sku)),
        ("bulk" | "adjustments", None) => {
            Err(NoRoute::MethodNotAllowed("DELETE, GET, HEAD, POST, PUT"))
        }
        (_, None) => Err(NoRoute::MethodNotAllowed("DELETE, GET, HEAD, PUT")),
        (sku, Some("adjustments")) => post(Route::Adjust(sku)),
        (sku, Some("stream")) => allowed(*method == Method::GET, Route::Stream(sku), "GET"),
        (_, Some(_)) => Err(NoRoute::NotFound),
    }
}

fn ops<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, NoRoute> {
    let route = match path {
        "/healthz" => Route::Healthz,
        "/readyz" => Route::Readyz,
        "/metrics" => Route::Metrics,
        "/openapi.json" => Route::OpenApi,
        "/docs" => Route::Docs,
        _ => match path.strip_prefix("/problems/") {
            Some(page) if !page.is_empty() && !page.contains('/') => Route::ProblemPage(page),
            _ => return Err(NoRoute::NotFound),
        },
    };
    allowed(is_get(method), route, "GET, HEAD")
}

/// An id, which is not empty, and at most one word after it.
fn split(rest: &str) -> Result<(&str, Option<&str>), NoRoute> {
    match rest.split_once('/') {
        None if !rest.is_empty() => Ok((rest, None)),
        Some((id, word)) if !id.is_empty() => Ok((id, Some(word))),
        _ => Err(NoRoute::NotFound),
    }
}

fn is_get(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn allowed<'a>(fits: bool, route: Route<'a>, methods: &'static str) -> Result<Route<'a>, NoRoute> {
    if fits {
        Ok(route)
    } else {
        Err(NoRoute::MethodNotAllowed(methods))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &'static str) -> Route<'static> {
        find(method, path).unwrap_or_else(|e| panic!("{method} {path}: {e:?}"))
    }

    #[test]
    fn every_path_of_the_contract_has_its_route_with_and_without_v1() {
        let post = &Method::POST;
        let table = [
            (post, "/reservations", Route::Reserve),
            (post, "/reservations/batch", Route::ReserveBatch),
            (post, "/reservations/batch/confirm", Route::ConfirmBatch),
            (post, "/reservations/batch/release", Route::ReleaseBatch),
            (&Method::GET, "/reservations/r-1", Route::Reservation("r-1")),
            (post, "/reservations/r-1/confirm", Route::Confirm("r-1")),
            (post, "/reservations/r-1/release", Route::Release("r-1")),
            (post, "/reservations/r-1/extend", Route::Extend("r-1")),
            (post, "/reservations/r-1/return", Route::Return("r-1")),
            (&Method::GET, "/inventories", Route::StockList),
            (post, "/inventories/bulk", Route::StockBulk),
            (post, "/inventories/adjustments", Route::AdjustBatch),
            (&Method::GET, "/inventories/s", Route::Stock("s")),
            (&Method::HEAD, "/inventories/s", Route::Stock("s")),
            (&Method::PUT, "/inventories/s", Route::Count("s")),
            (&Method::DELETE, "/inventories/s", Route::Retire("s")),
            (post, "/inventories/s/adjustments", Route::Adjust("s")),
            (&Method::GET, "/inventories/s/stream", Route::Stream("s")),
        ];
        for (method, path, route) in table {
            for prefix in ["/api", "/api/v1"] {
                let path: &'static str = format!("{prefix}{path}").leak();
                assert_eq!(found(method, path), route, "{method} {path}");
            }
        }
        let ops = [
            ("/healthz", Route::Healthz),
            ("/readyz", Route::Readyz),
            ("/metrics", Route::Metrics),
            ("/openapi.json", Route::OpenApi),
            ("/docs", Route::Docs),
            ("/problems/overloaded", Route::ProblemPage("overloaded")),
        ];
        for (path, route) in ops {
            assert_eq!(found(&Method::GET, path), route);
        }
    }

    #[test]
    fn words_of_the_contract_can_still_be_ids() {
        assert_eq!(
            found(&Method::GET, "/api/reservations/batch"),
            Route::Reservation("batch")
        );
        assert_eq!(
            found(&Method::POST, "/api/reservations/batch/extend"),
            Route::Extend("batch")
        );
        assert_eq!(
            found(&Method::GET, "/api/inventories/bulk"),
            Route::Stock("bulk")
        );
        assert_eq!(
            found(&Method::PUT, "/api/inventories/adjustments"),
            Route::Count("adjustments")
        );
        assert_eq!(
            found(&Method::GET, "/api/v1/reservations/v1"),
            Route::Reservation("v1")
        );
    }

    #[test]
    fn another_path_is_not_found() {
        for path in [
            "/",
            "",
            "/api",
            "/api/",
            "/api/v1",
            "/api/v1/",
            "/api/orders",
            "/api/reservations/",
            "/api/inventories/",
            "/api/inventories//stream",
            "/api/reservations/r/confirm/",
            "/api/reservations/r/steal",
            "/healthz/",
            "/problems/",
            "/problems/a/b",
            "/api/v2/reservations",
            "/apiv1/reservations",
            "*",
        ] {
            assert_eq!(find(&Method::GET, path), Err(NoRoute::NotFound), "{path}");
        }
    }

    #[test]
    fn another_method_is_told_which_are_allowed() {
        let table = [
            (Method::GET, "/api/reservations", "POST"),
            (Method::PUT, "/api/reservations/batch", "GET, HEAD, POST"),
            (Method::DELETE, "/api/reservations/r", "GET, HEAD"),
            (Method::GET, "/api/reservations/r/confirm", "POST"),
            (Method::GET, "/api/reservations/batch/confirm", "POST"),
            (Method::POST, "/api/inventories", "GET, HEAD"),
            (Method::POST, "/api/inventories/s", "DELETE, GET, HEAD, PUT"),
            (
                Method::PATCH,
                "/api/inventories/bulk",
                "DELETE, GET, HEAD, POST, PUT",
            ),
            (Method::HEAD, "/api/inventories/s/stream", "GET"),
            (Method::POST, "/readyz", "GET, HEAD"),
        ];
        for (method, path, allow) in table {
            assert_eq!(
                find(&method, path),
                Err(NoRoute::MethodNotAllowed(allow)),
                "{method} {path}"
            );
        }
    }
}
