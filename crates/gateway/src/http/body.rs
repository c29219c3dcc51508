//! The body of a request while it comes: counted, so that all of them together stay within what may be kept.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::admission::{Admitted, Class};

/// What a piece of a body costs beside its bytes.
const OVERHEAD: usize = 64;

/// What one request's body takes, until the request is answered.
pub(super) struct Meter {
    connection: Arc<Admitted>,
    class: Class,
    taken: AtomicUsize,
    overdrawn: AtomicBool,
}

impl Meter {
    pub(super) fn new(connection: Arc<Admitted>, class: Class) -> Arc<Self> {
        Arc::new(Self { connection, class, taken: AtomicUsize::new(0), overdrawn: AtomicBool::new(false) })
    }

    /// Whether the body was broken off, since all of them together were too much.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.overdrawn.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        if self.connection.take_body(self.class, bytes).is_err() {
            self.overdrawn.store(true, Ordering::Relaxed);
            return Err(NoRoom);
        }
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.connection.give_back_body(self.class, *self.taken.get_mut());
    }
}

/// All bodies together would be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many bodies at the same time")
    }
}

impl std::error::Error for NoRoom {}

/// A body on its way through its meter.
pub(super) struct Metered<B> {
    body: B,
    meter: Arc<Meter>,
}

impl<B> Metered<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    pub(super) fn wrap(body: B, meter: Arc<Meter>) -> Body {
        Body::new(Self { body, meter })
    }

    fn metered(&self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, axum::BoxError> {
        // What the library hands out is a piece of its buffer, and keeps all of it: 8 KB for a single byte, if
        // the body comes byte by byte.
        let frame = frame.map_data(|data| Bytes::copy_from_slice(&data));
        if let Some(data) = frame.data_ref() {
            self.meter.take(data.len() + OVERHEAD)?;
        }
        Ok(frame)
    }
}

impl<B> HttpBody for Metered<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => Some(self.metered(frame)),
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        };
        if frame.is_none() || self.body.is_end_stream() {
            self.meter.connection.body_is_complete();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
