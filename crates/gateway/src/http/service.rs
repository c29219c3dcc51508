//! What happens to every request on its way to its route and back: where it comes from is noted, what it holds
//! is counted, and a stream of events is kept for the connection to take over.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{Request, Response},
};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;

use super::{
    admission::{Admitted, Class, Exchange},
    body::{Meter, Metered},
    client_address::ClientAddress,
    event_stream::{Framing, Handover, is_stream},
    refused::Refused,
};

/// What the requests of one connection are answered with.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) routes: watch::Receiver<Router>,
    pub(super) clients: ClientAddress,
    pub(super) peer: IpAddr,
    pub(super) connection: Arc<Admitted>,
    pub(super) handover: Arc<Handover>,
}

impl Service {
    pub(super) async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        self.clients.note(&mut request, self.peer);
        let class = Class::of(request.uri().path());
        let client = self.clients.behind_a_proxy(&request);
        let has_body = !request.body().is_end_stream();
        let exchange = match self.connection.begin(class, client, has_body) {
            Ok(exchange) => exchange,
            Err(refused) => return Ok(noted(refused).response()),
        };
        let framing = Framing::of(&request);
        let meter = Meter::new(self.connection.clone(), class);
        let request = request.map(|body| Metered::wrap(body, meter.clone()));
        let routes = self.routes.borrow().clone();
        let response = TowerToHyperService::new(routes).call(request).await?;
        if meter.is_overdrawn() {
            return Ok(noted(Refused::Bodies).instead_of(response));
        }
        match framing.filter(|_| is_stream(&response)) {
            Some(framing) => Ok(match exchange.stream() {
                Ok(()) => self.handover.prepare(response, framing, exchange),
                Err(refused) => noted(refused).instead_of(response),
            }),
            None => Ok(response.map(|body| Body::new(Answer { body, _exchange: exchange }))),
        }
    }
}

fn noted(refused: Refused) -> Refused {
    refused.note();
    refused
}

/// The body of an answer. Its request is not over before it was sent.
struct Answer {
    body: Body,
    _exchange: Exchange,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
