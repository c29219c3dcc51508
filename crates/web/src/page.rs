//! The page of its own, and its policy: what a browser may load and run on it.

use axum::http::HeaderValue;

use crate::{Theme, WebConfig};

const TEMPLATE: &str = include_str!("page/index.html");

/// The page of a channel. Its addresses are relative, so it also works behind a proxy that
/// mounts the gateway below a path of its own.
pub(crate) fn html(config: &WebConfig) -> String {
    let scheme = match config.appearance.theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    TEMPLATE
        .replace("{{base}}", &escape(&format!("./{}", config.segment())))
        .replace("{{scheme}}", scheme)
        .replace("{{title}}", &escape(config.appearance.title.as_deref().unwrap_or("Chat")))
}

/// Everything comes from here and nothing is inline, so nothing that gets into the page can run.
/// Only the configured sites may show it in a frame.
pub(crate) fn policy(config: &WebConfig) -> HeaderValue {
    let mut policy = String::from(
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types switchboard; \
         frame-ancestors 'self'",
    );
    for origin in &config.allowed_origins {
        policy.push(' ');
        policy.push_str(origin);
    }
    HeaderValue::try_from(policy).expect("an origin that was checked is fit for a header")
}

/// For text and for attributes in double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
