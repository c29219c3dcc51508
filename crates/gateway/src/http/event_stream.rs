//! Streams of server-sent events, taken off the HTTP library's hands once they have begun.
//!
//! A stream is open for hours and mostly silent, and there may be tens of thousands. While `hyper`
//! serves a connection, it keeps about 16 KB of buffers for it. So once the head of such a response
//! is on its way, the connection is taken back from it: what is left is the socket and the body,
//! whose data are sent here, in the chunks that the head has announced.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Method, Request, Response, Version, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};

/// What one connection's service, its response's body and its socket tell the connection.
#[derive(Default)]
pub(super) struct Handover {
    /// The body of the response that is to be taken over.
    body: Mutex<Option<Body>>,
    /// The head was written: the library has asked for the body.
    begun: AtomicBool,
    /// Something that the library wrote does not fit into the socket yet.
    blocked: AtomicBool,
}

impl Handover {
    /// Whether the response to this request may be taken over: the library will announce chunks.
    pub(super) fn suits<B>(request: &Request<B>) -> bool {
        request.method() == Method::GET && request.version() == Version::HTTP_11
    }

    /// Keeps the body, if the response is a stream of events, and puts another in its place that
    /// is never sent.
    pub(super) fn prepare(self: &Arc<Self>, mut response: Response<Body>) -> Response<Body> {
        let is_stream =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == "text/event-stream");
        if !is_stream {
            return response;
        }
        // After its end there is nobody to read another request from this connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response.map(|body| {
            *self.lock() = Some(body);
            Body::new(Placeholder(self.clone()))
        })
    }

    /// The body that is to be sent from now on, once the head is in the socket. Ask after the
    /// library has done what it could.
    pub(super) fn take(&self) -> Option<Body> {
        let ready = self.begun.load(Ordering::Relaxed) && !self.blocked.load(Ordering::Relaxed);
        if ready { self.lock().take() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Body>> {
        self.body.lock().expect("nothing panics while it holds the body")
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

/// A socket that tells whether everything written has left.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) handover: Arc<Handover>,
}

impl Socket {
    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        self.handover.blocked.store(written.is_pending(), Ordering::Relaxed);
        written
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
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.noted(written)
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

/// Sends the body until it ends or the client is gone.
pub(super) async fn send(mut stream: TcpStream, mut body: Body) -> io::Result<()> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = gone(&stream) => return Ok(()),
        };
        match frame {
            Some(Ok(frame)) => {
                // An empty chunk would be the end.
                if let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) {
                    stream.write_all(&chunk(data)).await?;
                }
            }
            // Without the end, the client knows that something is missing.
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => {
                stream.write_all(b"0\r\n\r\n").await?;
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

/// Returns when the client has closed its side. What it still sends is of no interest.
async fn gone(stream: &TcpStream) {
    let mut ignored = [0; 64];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
