//! The REST API of the sandbox.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Config,
    ledger::{Ledger, Reply, Turn},
    script::{OnCancel, OnConfirm},
    webhook::Webhooks,
};
use crate::toss::{
    IDEMPOTENCY_KEY,
    wire::{Cancel, Confirm, Failure},
};

/// Longest `Idempotency-Key`, as Toss has it.
const IDEMPOTENCY_KEY_LEN_MAX: usize = 300;

#[derive(Debug, Clone)]
pub(crate) struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    ledger: Ledger,
    webhooks: Webhooks,
    drain: CancellationToken,
}

impl Sandbox {
    pub(crate) fn new(
        config: Config,
        ledger: Ledger,
        webhooks: Webhooks,
        drain: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            config,
            ledger,
            webhooks,
            drain,
        }))
    }

    fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Who has the secret key, if there is one.
    fn let_in(&self, headers: &HeaderMap) -> Result<(), Reply> {
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| BASE64_STANDARD.decode(value).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let user = given
            .as_deref()
            .and_then(|given| given.strip_suffix(':'))
            .filter(|user| !user.is_empty());
        let wanted = self.0.config.secret_key.as_ref();
        match user {
            Some(user) if wanted.is_none_or(|wanted| wanted.reveal() == user) => Ok(()),
            Some(_) | None => Err(Reply::refusal(
                401,
                "UNAUTHORIZED_KEY",
                "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.",
            )),
        }
    }

    /// Until no client waits any more, or the sandbox ends.
    async fn hold(&self) -> Reply {
        tokio::select! {
            () = tokio::time::sleep(self.0.config.hold) => {}
            () = self.0.drain.cancelled() => {}
        }
        Reply::refusal(504, "GATEWAY_TIMEOUT", "held back on purpose")
    }

    async fn confirm(&self, key: Option<&str>, asked: &Confirm) -> Reply {
        let request = json!(asked);
        match self.ledger().turn(key, &request) {
            Turn::Again(reply) => return reply,
            Turn::First => {}
        }
        let told = OnConfirm::of(&asked.payment_key);
        let reply = match self.ledger().begin(asked) {
            Err(refusal) => refusal,
            Ok(()) => self.answer_confirm(told, asked).await,
        };
        self.ledger().answered(key, &reply);
        match told {
            OnConfirm::HoldBefore => self.hold().await,
            OnConfirm::HoldAfter | OnConfirm::Lost | OnConfirm::Abandoned => {
                let held = self.hold().await;
                // Not before the client has given up: it is to learn it in another way.
                self.tell(asked.payment_key.clone());
                held
            }
            OnConfirm::Approve | OnConfirm::Decline | OnConfirm::Slow => {
                self.tell(asked.payment_key.clone());
                reply
            }
            OnConfirm::Error => reply,
        }
    }

    async fn answer_confirm(&self, told: OnConfirm, asked: &Confirm) -> Reply {
        let key = asked.payment_key.as_str();
        match told {
            OnConfirm::Approve | OnConfirm::HoldAfter => self.approve(key, false),
            OnConfirm::Lost => self.approve(key, true),
            OnConfirm::Abandoned => {
                self.ledger().abandon(asked);
                self.approve(key, true)
            }
            OnConfirm::Slow => {
                tokio::time::sleep(self.0.config.slow).await;
                self.approve(key, false)
            }
            OnConfirm::Decline => {
                let failure = Failure {
                    code: "REJECT_CARD_PAYMENT".to_owned(),
                    message: "한도초과 혹은 잔액부족으로 결제에 실패했습니다.".to_owned(),
                };
                let refusal = Reply::refusal(403, &failure.code, &failure.message);
                self.ledger().decline(key, failure);
                refusal
            }
            OnConfirm::Error | OnConfirm::HoldBefore => {
                self.ledger().hide(key);
                internal_error()
            }
        }
    }

    fn approve(&self, payment_key: &str, hidden: bool) -> Reply {
        let approved = self.ledger().approve(payment_key, hidden);
        approved.map_or_else(internal_error, |payment| Reply::payment(&payment))
    }

    async fn cancel(&self, key: Option<&str>, payment_key: &str, asked: &Cancel) -> Reply {
        let request = json!({"paymentKey": payment_key, "cancel": asked});
        match self.ledger().turn(key, &request) {
            Turn::Again(reply) => return reply,
            Turn::First => {}
        }
        let told = self.ledger().spoil(payment_key);
        let reply = match told {
            OnCancel::Refuse(_) => Reply::refusal(
                403,
                "NOT_CANCELABLE_PAYMENT",
                "취소 할 수 없는 결제 입니다.",
            ),
            OnCancel::ErrorOnce | OnCancel::HoldBeforeOnce => internal_error(),
            OnCancel::PayBack | OnCancel::HoldAfterOnce => {
                match self.ledger().cancel(payment_key, asked) {
                    Err(refusal) => refusal,
                    Ok(payment) => {
                        self.tell(payment.payment_key.clone());
                        Reply::payment(&payment)
                    }
                }
            }
        };
        self.ledger().answered(key, &reply);
        match told {
            OnCancel::HoldBeforeOnce | OnCancel::HoldAfterOnce => self.hold().await,
            OnCancel::PayBack | OnCancel::Refuse(_) | OnCancel::ErrorOnce => reply,
        }
    }

    /// Sends the webhook after a while; queries see the payment from then on.
    fn tell(&self, payment_key: String) {
        let sandbox = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(sandbox.0.webhooks.delay()).await;
            if let Some(payment) = sandbox.ledger().show(&payment_key) {
                sandbox.0.webhooks.send(&payment).await;
            }
        });
    }
}

fn internal_error() -> Reply {
    Reply::refusal(
        500,
        "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요.",
    )
}

pub(crate) fn routes(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/payments/{payment_key}", get(by_key))
        .route("/v1/payments/{payment_key}/cancel", post(cancel))
        .route("/v1/payments/orders/{order_id}", get(by_order))
        .route("/sandbox/ledger", get(ledger))
        .with_state(sandbox)
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        (status, Json(self.body)).into_response()
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body)
        .map_err(|error| Reply::refusal(400, "INVALID_REQUEST", &error.to_string()))
}

fn idempotency_key(headers: &HeaderMap, operation: &str) -> Result<Option<String>, Reply> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_LEN_MAX => {
            Ok(Some(format!("{operation} {key}")))
        }
        Ok(_) | Err(_) => Err(Reply::refusal(
            400,
            "INVALID_IDEMPOTENCY_KEY",
            "멱등키는 300자 이하여야 합니다.",
        )),
    }
}

/// Goes on when the client has gone away: a gateway does.
async fn to_the_end(work: impl Future<Output = Reply> + Send + 'static) -> Reply {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed");
        internal_error()
    })
}

async fn confirm(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Reply> {
    sandbox.let_in(&headers)?;
    let key = idempotency_key(&headers, "confirm")?;
    let asked: Confirm = read(&body)?;
    if asked.payment_key.is_empty() || asked.order_id.is_empty() || asked.amount < 1 {
        return Err(Reply::refusal(400, "INVALID_REQUEST", "잘못된 요청입니다."));
    }
    Ok(to_the_end(async move { sandbox.confirm(key.as_deref(), &asked).await }).await)
}

async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Reply> {
    sandbox.let_in(&headers)?;
    let key = idempotency_key(&headers, "cancel")?;
    let asked: Cancel = read(&body)?;
    if asked.cancel_reason.is_empty() {
        return Err(Reply::refusal(
            400,
            "INVALID_REQUEST",
            "취소 사유는 필수 입니다.",
        ));
    }
    Ok(to_the_end(async move { sandbox.cancel(key.as_deref(), &payment_key, &asked).await }).await)
}

async fn by_key(
    State(sandbox): State<Sandbox>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    sandbox.let_in(&headers)?;
    Ok(sandbox.ledger().by_key(&payment_key))
}

async fn by_order(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    sandbox.let_in(&headers)?;
    Ok(sandbox.ledger().by_order(&order_id))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LedgerQuery {
    order_id: Option<String>,
}

async fn ledger(State(sandbox): State<Sandbox>, Query(query): Query<LedgerQuery>) -> Json<Value> {
    Json(sandbox.ledger().written(query.order_id.as_deref()))
}
