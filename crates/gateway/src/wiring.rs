//! The one place that names every database, AI platform and messenger.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use switchboard_ai::{
    AiBackend,
    selarti::{Selarti, SelartiConfig, TokenSource},
};
use switchboard_core::AiName;
use switchboard_store::Store;
use switchboard_store_postgres::PostgresStore;
use switchboard_store_sqlite::SqliteStore;

#[cfg(feature = "web")]
mod appearance;
#[cfg(feature = "discord")]
mod discord;
#[cfg(feature = "matrix")]
pub(crate) mod matrix;
#[cfg(feature = "telegram")]
mod telegram;

use crate::{
    BuildAdapter,
    config::{AiConfig, DatabaseConfig, Kinds},
    gateway::Unusable,
};

/// What the libraries of this build are not heard saying, as log directives.
pub(crate) const QUIET: &[&str] = &[
    // Postgres says at every start that the table of migrations exists already.
    "sqlx::postgres::notice=warn",
    #[cfg(feature = "matrix")]
    matrix::QUIET,
];

/// What a configuration may name in this build.
pub(crate) fn kinds() -> Kinds<BuildAdapter> {
    let kinds = Kinds::new().database("sqlite").database("postgres").database("postgresql").ai("selarti");
    #[cfg(feature = "web")]
    let kinds = kinds.channel("web", web::read);
    #[cfg(feature = "telegram")]
    let kinds = kinds.channel("telegram", telegram::read);
    #[cfg(feature = "discord")]
    let kinds = kinds.channel("discord", discord::read);
    #[cfg(feature = "matrix")]
    let kinds = kinds.channel("matrix", matrix::read);
    kinds
}

/// What the store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To run the gateway.
    Serve,
    /// To make it what this version needs, beside a running gateway.
    Migrate,
    /// To look, or to change something that is there, beside a running gateway.
    Command,
}

/// Opens the database. The error is transient where trying again later may succeed.
pub(crate) async fn open_store(
    config: &DatabaseConfig,
    purpose: Purpose,
) -> Result<Arc<dyn Store>, switchboard_store::StoreError> {
    let url = config.url.expose_secret();
    if url.starts_with("sqlite:") {
        return Ok(match purpose {
            Purpose::Serve => Arc::new(SqliteStore::open(url).await?),
            Purpose::Migrate => Arc::new(SqliteStore::open_shared(url).await?),
            // What somebody else makes (an administrator who looks before the first start), the gateway
            // might not be allowed to open.
            Purpose::Command => Arc::new(SqliteStore::open_existing(url).await?),
        });
    }
    Ok(Arc::new(PostgresStore::connect_with(url, config.max_connections).await?))
}

/// The AI platforms of the configuration.
pub(crate) fn ai_backends(configs: &[AiConfig]) -> anyhow::Result<HashMap<AiName, Arc<dyn AiBackend>>> {
    configs.iter().map(|config| Ok((config.name.clone(), ai_backend(config)?))).collect()
}

fn ai_backend(config: &AiConfig) -> anyhow::Result<Arc<dyn AiBackend>> {
    match config.kind.as_str() {
        "selarti" => {
            let token = config.token.clone();
            let token =
                TokenSource::reread(Arc::new(move || -> Result<SecretString, String> { token.read() }));
            let mut selarti = SelartiConfig::new(config.base_url.clone(), token);
            selarti.timeout = config.timeout;
            let backend = Selarti::new(selarti).with_context(|| Unusable::ai(&config.name))?;
            Ok(Arc::new(backend))
        }
        other => bail!("the AI kind {other:?} was registered without a backend"),
    }
}

#[cfg(feature = "web")]
pub(crate) mod web {
    use secrecy::SecretString;
    use switchboard_web::{ConfigError, Web, WebConfig, check_identity_secret, check_origin, check_visitor};
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    use super::Arc;
    use crate::{
        Adapter, BuildAdapter,
        config::{Fault, Invalid, Section, rate},
    };

    /// The keys of a `[[channel]]` of kind `web`.
    pub(super) fn read(section: &mut Section<'_>) -> Result<BuildAdapter, Invalid> {
        let allowed_origins = section.list("allowed_origins", origin).or(Vec::new());
        let appearance = super::appearance::read(section);
        let max_text = section.integer("max_text", 1..=100_000_u32).or(8_000);
        let identity_secrets = identity_secrets(section);
        let sessions_valid_from = section.string("sessions_valid_from").then(|text| past(&text)).optional();
        let sessions_ended = section.named_strings("sessions_ended", ended);
        let flood = section.table("flood", rate).transpose();
        let sessions = section.table("sessions", rate).transpose();
        let sessions_per_address = section.table("sessions_per_address", rate).transpose();
        let (flood, sessions, sessions_per_address) = (flood?, sessions?, sessions_per_address?);
        Ok(Box::new(move |context| {
            let mut config = WebConfig::new(context.channel, context.secret, Arc::new(now));
            config.identity_secrets = identity_secrets;
            config.sessions_valid_from = sessions_valid_from;
            config.sessions_ended = sessions_ended;
            config.allowed_origins = allowed_origins;
            // A proxy in front may hide from us the name under which the page was asked for.
            config.allowed_origins.push(context.public_url.origin().ascii_serialization());
            config.appearance = appearance;
            config.max_text = max_text as usize;
            config.flood = flood.unwrap_or(config.flood);
            config.sessions = sessions.unwrap_or(config.sessions);
            config.sessions_per_address = sessions_per_address.unwrap_or(config.sessions_per_address);
            let web = Web::new(config, context.inbox, context.stop)?;
            Ok(Adapter { messenger: web.messenger, routes: Some(web.router), account: None })
        }))
    }

    /// The keys with which the site signs; it signs with the first.
    pub(crate) fn identity_secrets(section: &mut Section<'_>) -> Vec<SecretString> {
        let checked = |secret: SecretString| match check_identity_secret(&secret) {
            Ok(()) => Ok(secret),
            Err(_) => Err(Fault::new("is too short", "take `openssl rand -hex 32`")),
        };
        let secret = section.secret("identity_secret").then(checked).optional();
        let previous = section.secret("previous_identity_secret").then(checked).optional();
        secret.into_iter().chain(previous).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the page messenger gets its clock")]
    pub(crate) fn now() -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn past(text: &str) -> Result<OffsetDateTime, Fault> {
        let time = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Fault::new("is not a time", "write it as \"2026-01-31T12:00:00Z\""))?;
        if time > now() {
            return Err(Fault::new("is in the future, so that every session would be refused", "take now"));
        }
        Ok(time)
    }

    /// Whose sessions are ended, and from when on.
    fn ended(visitor: &str, time: &str) -> Result<(String, OffsetDateTime), Fault> {
        match check_visitor(visitor) {
            Err(ConfigError::Visitor { remedy, .. }) => {
                Err(Fault::new("is no visitor as a chat_id has them after the channel's name", remedy))
            }
            Err(other) => Err(Fault::new(other.to_string(), "correct it")),
            Ok(()) => Ok((visitor.to_owned(), past(time)?)),
        }
    }

    fn origin(origin: String) -> Result<String, Fault> {
        match check_origin(&origin) {
            Err(ConfigError::Origin { suggestion, .. }) => {
                let remedy = format!("write it as {suggestion:?}");
                Err(Fault::new(format!("{origin:?} is not an origin"), remedy))
            }
            Err(other) => Err(Fault::new(other.to_string(), "correct it")),
            Ok(()) => Ok(origin),
        }
    }
}
