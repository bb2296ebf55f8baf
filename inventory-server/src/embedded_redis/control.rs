use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// What Redis said to a command.
#[derive(Debug)]
pub(super) enum Answer {
    /// A status, such as `+PONG`.
    Yes,
    /// An error, such as `-LOADING`.
    No(String),
    /// It cannot be reached.
    Nothing,
}

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Says an inline command. This is about the process, not about stock, so it needs no client.
pub(super) async fn ask(socket: &Path, command: &str) -> Answer {
    let ask = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        let mut line = [0; 256];
        let len = stream.read(&mut line).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&line[..len]).trim().to_owned())
    };
    match tokio::time::timeout(TIMEOUT, ask).await {
        Ok(Ok(line)) if line.starts_with('+') => Answer::Yes,
        Ok(Ok(line)) if line.starts_with('-') => Answer::No(line),
        Ok(Ok(_) | Err(_)) | Err(_) => Answer::Nothing,
    }
}
