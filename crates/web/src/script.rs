//! `widget.js`: everything of the messenger in one script, for a page of its own as for any page of
//! a site. It is made once for each language of a channel, when the channel is.

use std::{collections::BTreeMap, io::Write as _, sync::LazyLock};

use axum::{body::Bytes, http::HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Side, Theme, WebConfig, pack, texts};

/// The files, in the order in which they run.
const FILES: [&str; 14] = [
    include_str!("page/begin.js"),
    include_str!("page/text.js"),
    include_str!("page/dom.js"),
    include_str!("page/call.js"),
    include_str!("page/session.js"),
    include_str!("page/outbox.js"),
    include_str!("page/stream.js"),
    include_str!("page/sanitise.js"),
    include_str!("page/log.js"),
    include_str!("page/panel.js"),
    include_str!("page/sound.js"),
    include_str!("page/events.js"),
    include_str!("page/button.js"),
    include_str!("page/interface.js"),
];

/// The script of one channel in one language.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
    /// Changes with the content, so that a browser asks once per page and gets a new version at
    /// once. Weak, since it is the same for both forms.
    pub(crate) etag: HeaderValue,
}

/// The scripts of one channel.
pub(crate) struct Scripts {
    by_language: BTreeMap<String, Script>,
    /// Whatever the browser wishes.
    only: Option<String>,
}

impl Scripts {
    pub(crate) fn new(config: &WebConfig) -> Self {
        let tables = texts::tables(&config.appearance).into_iter();
        let by_language = tables
            .map(|(language, texts)| (language.clone(), Script::new(config, &language, &texts)))
            .collect();
        Self { by_language, only: config.appearance.language.clone() }
    }

    /// The one for a browser that wishes for these languages.
    pub(crate) fn for_visitor(&self, accept_language: &str) -> &Script {
        let wishes = self.only.as_deref().unwrap_or(accept_language);
        let language =
            texts::choose(wishes, |tag| self.by_language.get_key_value(tag).map(|(tag, _)| tag.as_str()));
        &self.by_language[language]
    }
}

impl Script {
    fn new(config: &WebConfig, language: &str, texts: &Value) -> Self {
        static PACKED: LazyLock<(String, String)> = LazyLock::new(|| {
            let styles = pack::styles(include_str!("page/styles.css"));
            let (styles, code) = pack::variables(styles, pack::script(&FILES.concat()));
            (Value::from(styles).to_string(), code)
        });
        let settings = settings(config, language, texts);
        let (styles, code) = &*PACKED;
        // JSON is also JavaScript.
        let script =
            format!("(()=>{{\"use strict\";const SETTINGS={settings},STYLES={styles};{code}}})();\n");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(script.as_bytes()).expect("writing to memory cannot fail");
        let gzip = encoder.finish().expect("writing to memory cannot fail");
        let tag = format!("W/\"{}\"", BASE64.encode(Sha256::digest(&script)));
        let etag = HeaderValue::from_str(&tag).expect("base64 is fit for a header");
        Self { plain: script.into(), gzip: gzip.into(), etag }
    }
}

fn settings(config: &WebConfig, language: &str, texts: &Value) -> Value {
    let appearance = &config.appearance;
    json!({
        "color": appearance.color.to_string(),
        "on_color": appearance.color.text(),
        "position": match appearance.side { Side::Right => "right", Side::Left => "left" },
        "theme": match appearance.theme { Theme::Auto => "auto", Theme::Light => "light", Theme::Dark => "dark" },
        "sound": if appearance.sound { "on" } else { "off" },
        "limit": config.max_text,
        "language": language,
        "texts": texts,
    })
}
