//! Streams of server-sent events, taken off the HTTP library's hands once they have begun.
//!
//! A stream is open for hours and mostly silent, and there may be tens of thousands. While `hyper`
//! serves a connection, it keeps about 16 KB of buffers for it. So once the head of such a response
//! is on its way, the connection is taken back from it: what is left is the socket and the body,
//! whose data are sent here, in the chunks that the head has announced.
//!
//! A client that takes nothing is not waited for (see [`send`]).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Method, Request, Response, Version, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::admission::Exchange;

/// How long a client may leave us waiting until it takes some of what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The same after the order to stop, for which all wait.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// How much a client may send us while a stream is sent to it, in bytes. Other requests, which it
/// sent before it knew of the stream, fit into this.
const MAX_IGNORED: usize = 16 * 1024;

/// What one connection's service, its response's body and its socket tell the connection.
#[derive(Default)]
pub(super) struct Handover {
    /// What is to be taken over.
    events: Mutex<Option<Events>>,
    /// The head was written: the library has asked for the body.
    begun: AtomicBool,
    /// Something that the library wrote does not fit into the socket yet.
    blocked: AtomicBool,
}

/// What is taken over.
pub(super) struct Events {
    body: Body,
    framing: Framing,
    /// Counts the stream while it is sent.
    _exchange: Exchange,
}

/// How a client knows where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By the last chunk.
    Chunks,
    /// By the end of the connection: so do clients, and proxies, that speak HTTP/1.0.
    Close,
}

impl Framing {
    /// What the library will announce in the head of a stream; `None` where it will send no body.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        match (request.method(), request.version()) {
            (&Method::GET, Version::HTTP_11) => Some(Self::Chunks),
            (&Method::GET, Version::HTTP_10) => Some(Self::Close),
            _ => None,
        }
    }
}

/// Whether the response is a stream of events.
pub(super) fn is_stream<B>(response: &Response<B>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == "text/event-stream")
}

impl Handover {
    /// Keeps the body of a stream of events, and puts another in its place that is never sent.
    pub(super) fn prepare(
        self: &Arc<Self>,
        mut response: Response<Body>,
        framing: Framing,
        exchange: Exchange,
    ) -> Response<Body> {
        // After its end there is nobody to read another request from this connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response.map(|body| {
            *self.lock() = Some(Events { body, framing, _exchange: exchange });
            Body::new(Placeholder(self.clone()))
        })
    }

    /// What is to be sent from now on, once the head is in the socket. Ask after the
    /// library has done what it could.
    pub(super) fn take(&self) -> Option<Events> {
        let ready = self.begun.load(Ordering::Relaxed) && !self.blocked.load(Ordering::Relaxed);
        if ready { self.lock().take() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Events>> {
        self.events.lock().expect("nothing panics while it holds the body")
    }
}

/// Stands for the body until the library has written the head.
struct Placeholder(Arc<Handover>);

impl HttpBody for Placeholder {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.begun.store(true, Ordering::Relaxed);
        // Nobody waits for more: whoever polls the connection takes over after this.
        Poll::Pending
    }
}

/// A socket that tells whether everything written has left, and gives up a client that takes nothing
/// for too long: the library would wait for ever.
pub(super) struct Socket {
    stream: TcpStream,
    handover: Arc<Handover>,
    /// While a client takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, handover: Arc<Handover>) -> Self {
        Self { stream, handover, patience: None }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn noted<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.handover.blocked.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        patience.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.noted(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Sends the body until it ends or the client is gone, or until it takes nothing for a while: what
/// is to be sent, and the connection, would be kept for as long as it likes. Once the server is
/// `closing`, that is a short while.
pub(super) async fn send(
    mut stream: TcpStream,
    Events { mut body, framing, _exchange }: Events,
    closing: &CancellationToken,
) -> io::Result<()> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = gone(&mut stream) => return Ok(()),
        };
        match frame {
            Some(Ok(frame)) => {
                // An empty chunk would be the end.
                let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) else { continue };
                match framing {
                    Framing::Chunks => write(&mut stream, &chunk(data), closing).await?,
                    Framing::Close => write(&mut stream, data, closing).await?,
                }
            }
            // Without the end, the client knows that something is missing.
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => {
                if framing == Framing::Chunks {
                    write(&mut stream, b"0\r\n\r\n", closing).await?;
                }
                return stream.shutdown().await;
            }
        }
    }
}

/// Its length in hexadecimal, and the data.
fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.reserve_exact(data.len() + 2);
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Writes everything, however slowly the client takes it.
async fn write(stream: &mut TcpStream, mut data: &[u8], closing: &CancellationToken) -> io::Result<()> {
    while !data.is_empty() {
        let written = tokio::select! {
            written = stream.write(data) => written?,
            () = lost_patience(closing) => return Err(io::ErrorKind::TimedOut.into()),
        };
        data = &data[written..];
    }
    Ok(())
}

async fn lost_patience(closing: &CancellationToken) {
    if timeout(WRITE_TIMEOUT, closing.cancelled()).await.is_ok() {
        sleep(LAST_WRITE_TIMEOUT).await;
    }
}

/// Returns when the client has closed its side, or talks on although it was told that nobody will
/// listen. What it says is of no interest.
async fn gone(stream: &mut TcpStream) {
    let mut ignored = [0; 64];
    for _ in 0..MAX_IGNORED / ignored.len() {
        if matches!(stream.read(&mut ignored).await, Ok(0) | Err(_)) {
            return;
        }
    }
}
