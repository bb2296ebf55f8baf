//! One GET, on a connection of its own: keys are fetched every few minutes.

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{FetchError, source::JWKS_BYTES_MAX};

pub(crate) async fn get(uri: Uri) -> Result<String, FetchError> {
    let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else {
        return Err(FetchError("the URL names no host".to_owned()));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80)))
        .await
        .map_err(failed)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority.as_str())
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(failed)?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(FetchError(format!("answered {status}")));
        }
        let body = Limited::new(response.into_body(), JWKS_BYTES_MAX)
            .collect()
            .await
            .map_err(failed)?;
        String::from_utf8(body.to_bytes().to_vec()).map_err(failed)
    };
    tokio::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        ended = connection => {
            ended.map_err(failed)?;
            // All there was has been read; the rest needs no connection.
            answered.await
        }
    }
}

fn failed(error: impl std::fmt::Display) -> FetchError {
    FetchError(error.to_string())
}
