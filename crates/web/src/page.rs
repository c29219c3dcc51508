//! The page's files, and its policy: what a browser may load and run on it.

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};

use crate::WebConfig;

const TEMPLATE: &str = include_str!("page/index.html");

/// A file that the page loads.
#[derive(Clone, Copy)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) content: &'static str,
}

/// All of them.
pub(crate) static ASSETS: [Asset; 7] = [
    script("chat.js", include_str!("page/chat.js")),
    script("outbox.js", include_str!("page/outbox.js")),
    script("session.js", include_str!("page/session.js")),
    script("sanitise.js", include_str!("page/sanitise.js")),
    script("stream.js", include_str!("page/stream.js")),
    script("view.js", include_str!("page/view.js")),
    Asset {
        name: "chat.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("page/chat.css"),
    },
];

const fn script(name: &'static str, content: &'static str) -> Asset {
    Asset { name, content_type: "text/javascript; charset=utf-8", content }
}

impl Asset {
    /// Changes with the content, so that a browser asks once per page and gets a new version at
    /// once.
    pub(crate) fn etag(&self) -> HeaderValue {
        let tag = format!("\"{}\"", BASE64.encode(Sha256::digest(self.content)));
        HeaderValue::from_str(&tag).expect("base64 is fit for a header")
    }
}

/// The page of a channel. Its addresses are relative, so it also works behind a proxy that
/// mounts the gateway below a path of its own.
pub(crate) fn html(config: &WebConfig) -> String {
    let title = escape(config.title.as_deref().unwrap_or("Chat"));
    TEMPLATE
        .replace("{{base}}", &escape(&format!("./{}", config.segment())))
        .replace("{{max_text}}", &config.max_text.to_string())
        .replace("{{title}}", &title)
}

/// Everything comes from here and nothing is inline, so nothing that gets into the page can run.
/// Only the configured sites may show it in a frame.
pub(crate) fn policy(config: &WebConfig) -> HeaderValue {
    let mut policy = String::from(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
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
