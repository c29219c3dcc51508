//! The routes of one channel, one endpoint per file.

mod body;
mod events;
mod messages;
mod page;
mod session;
mod visitor;
mod widget;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware,
    routing::{get, post},
};
use switchboard_core::Inbox;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{
    ConfigError, WebConfig, attendant::Attendant, endings::Endings, flood::Limits, identity::Identities,
    inbound::PostedMessage, origin, streams::Streams, token::Tokens,
};

/// What the endpoints work with.
struct Channel {
    attendant: Attendant,
    config: WebConfig,
    identities: Identities,
    inbox: Inbox,
    limits: Limits,
    streams: Arc<Streams>,
    tokens: Tokens,
}

/// The router, with the channel's name in its paths.
pub(crate) fn router(
    config: WebConfig,
    inbox: Inbox,
    streams: Arc<Streams>,
    stop: CancellationToken,
) -> Result<Router, ConfigError> {
    let path = format!("/chat/{}", config.segment());
    let endings = Arc::new(Endings::new(&config));
    let channel = Arc::new(Channel {
        attendant: Attendant::new(streams.clone(), inbox.clone(), stop),
        identities: Identities::new(&config.identity_secrets, &config.channel, endings.clone()),
        limits: Limits::new(&config)?,
        tokens: Tokens::new(&config.secret, &config.channel, endings),
        config,
        inbox,
        streams,
    });
    Ok(Router::new()
        // A channel's name may begin with a colon or an asterisk; it is meant literally.
        .without_v07_checks()
        .merge(page::router(&path, &channel.config))
        .merge(widget::router(&path, &channel.config))
        .merge(api(&path, channel))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        )))
}

/// What scripts call, as opposed to what browsers open.
fn api(path: &str, channel: Arc<Channel>) -> Router {
    let allowed: Arc<[String]> = channel.config.allowed_origins.clone().into();
    let max_body = PostedMessage::max_body(channel.config.max_text);
    Router::new()
        .without_v07_checks()
        .route(&format!("{path}/session"), post(session::create))
        .route(&format!("{path}/messages"), post(messages::create))
        .route(&format!("{path}/events"), get(events::stream))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(middleware::from_fn_with_state(allowed, origin::guard))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(channel)
}
