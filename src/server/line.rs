//! Connections: each is closed if nobody asks anything over it, and can be cut from above, so that a fault
//! can close one without an answer.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// How long a new connection may take until the head of its first request is there. Whoever connects has
/// shown no key yet, and could hold every connection there is.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener whose connections can be cut.
pub(super) struct Lines(pub(super) TcpListener);

/// One connection, as requests know it.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    is_cut: Arc<AtomicBool>,
    is_heard: Arc<AtomicBool>,
}

impl Line {
    /// Lets nothing more out. The connection closes when its server next has something to say.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    /// Says that the head of a request has come.
    pub(super) fn heard(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }
}

/// One connection, as its server uses it.
#[derive(Debug)]
pub(super) struct Cuttable {
    stream: TcpStream,
    line: Line,
    /// When it is closed; none once a request has come.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Listener for Lines {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Cuttable, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets may wait");
        }
        let patience = Some(Box::pin(sleep(PATIENCE)));
        (Cuttable { stream, line: Line::default(), patience }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

impl Cuttable {
    fn check(&self) -> io::Result<()> {
        match self.line.is_cut.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line.is_heard.load(Ordering::Relaxed) {
            self.patience = None;
        }
        if let Some(patience) = &mut self.patience
            && patience.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Returns both ends of a new connection.
    async fn connected() -> (TcpStream, Cuttable) {
        let mut lines = Lines(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let caller = TcpStream::connect(lines.local_addr().unwrap()).await.unwrap();
        let (line, _) = lines.accept().await;
        (caller, line)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_given_up_that_never_gets_to_a_request() {
        let (mut caller, mut line) = connected().await;
        caller.write_all(b"GET /v1").await.unwrap();
        let mut head = [0; 7];
        line.read_exact(&mut head).await.unwrap();
        let given_up = line.read(&mut head).await.unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_got_to_one_may_be_quiet() {
        let (mut caller, mut line) = connected().await;
        line.line.heard();
        sleep(2 * PATIENCE).await;
        caller.write_all(b"x").await.unwrap();
        assert_eq!(line.read_u8().await.unwrap(), b'x');
    }
}
