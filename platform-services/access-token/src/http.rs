//! One GET, on a connection of its own: keys are fetched every few minutes.

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use tls::Trust;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::{FetchError, source::JWKS_BYTES_MAX};

pub(crate) async fn get(uri: Uri, trust: Trust) -> Result<String, FetchError> {
    let Some(host) = uri.host() else {
        return Err(no_host());
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    if secure {
        let stream = trust.connect(host, stream).await;
        ask(&uri, stream.map_err(failed)?).await
    } else {
        ask(&uri, stream).await
    }
}

async fn ask<S>(uri: &Uri, stream: S) -> Result<String, FetchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let authority = uri.authority().ok_or_else(no_host)?;
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
        // All there was has been read; the rest needs no connection.
        ended = connection => answered.await.map_err(|error| ended.err().map_or(error, failed)),
    }
}

fn no_host() -> FetchError {
    FetchError("the URL names no host".to_owned())
}

fn failed(error: impl std::fmt::Display) -> FetchError {
    FetchError(error.to_string())
}
