//! The configuration file: reading it, and saying everything that is wrong with it.
//!
//! [`Config::load`] reads a TOML file once, at start, and gives either a [`Config`] in which every
//! value is usable or all [`Mistakes`] at once, each with its file, line, path and remedy. This is
//! the only place that reads the environment ([`Sources`]).
//!
//! Every section of the file has a module here, with its fields, their defaults and their rules.
//! A `[[channel]]` has keys of its own for each kind of messenger; the adapter's side reads them
//! from the same [`Section`], in a function registered with [`Kinds::channel`].
//!
//! In any text, `${NAME}` stands for an environment variable and `${file:/path}` for what is in a
//! file, without the line break at its end; `$${` is a plain `${`. A mistake shows what is written
//! in the file, never what a variable or a file holds, and nothing at all of a secret or an address.

mod admin;
mod ai;
mod channel;
mod database;
mod delivery;
mod entry;
mod kinds;
mod lease;
mod limits;
mod log;
mod mistake;
mod name;
mod nearest;
mod reading;
mod secret;
mod section;
mod server;
mod source;
mod value;

use std::{collections::BTreeMap, path::Path};

pub use self::{
    admin::AdminConfig,
    ai::AiConfig,
    channel::ChannelConfig,
    database::DatabaseConfig,
    delivery::DeliveryConfig,
    entry::{Entry, Presence},
    kinds::Kinds,
    lease::LeaseConfig,
    limits::rate,
    log::{LogConfig, LogFormat},
    mistake::{Fault, Invalid, Mistake, Mistakes},
    secret::SecretSource,
    section::Section,
    server::ServerConfig,
    source::Sources,
};
use self::{name::Names, reading::Reading};

/// Everything that is configured. `A` is what the kinds of channels make of their own keys.
#[derive(Clone, Debug)]
pub struct Config<A> {
    /// `[server]`
    pub server: ServerConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[delivery]`
    pub delivery: DeliveryConfig,
    /// `[lease]`
    pub lease: LeaseConfig,
    /// Every `[[ai]]`, in the file's order. Their names differ.
    pub ais: Vec<AiConfig>,
    /// Every `[[channel]]`, in the file's order. Their names differ, and their AIs exist.
    pub channels: Vec<ChannelConfig<A>>,
    known_keys: BTreeMap<String, Presence>,
}

impl<A> Config<A> {
    /// Reads the configuration at `path`.
    pub fn load(path: &Path, sources: &Sources, kinds: &Kinds<A>) -> Result<Self, Mistakes> {
        let file = path.display().to_string();
        let text = sources.read_file(path).map_err(|error| Mistakes::unreadable(&file, &error))?;
        Self::parse(&file, &text, sources, kinds)
    }

    /// Reads a configuration that is in memory; `file` is its name in mistakes.
    pub fn parse(file: &str, text: &str, sources: &Sources, kinds: &Kinds<A>) -> Result<Self, Mistakes> {
        let reading = Reading::new(file, text, sources);
        let config = reading.read(|root| Self::read(root, kinds));
        let known_keys = reading.known_keys();
        let config = reading.finish(config)?;
        Ok(Self { known_keys, ..config })
    }

    /// Every key that was asked for while reading, as `section.key`: the keys that exist. Keys that
    /// are asked for only in some cases are there only in these cases.
    pub fn known_keys(&self) -> &BTreeMap<String, Presence> {
        &self.known_keys
    }

    fn read(root: &mut Section<'_>, kinds: &Kinds<A>) -> Result<Self, Invalid> {
        let server = root.table_or_empty("server", ServerConfig::read);
        let database = root.table_or_empty("database", |section| DatabaseConfig::read(section, kinds));
        let admin = root.table_or_empty("admin", AdminConfig::read);
        let log = root.table_or_empty("log", LogConfig::read);
        let delivery = root.table_or_empty("delivery", DeliveryConfig::read);
        let lease = root.table_or_empty("lease", LeaseConfig::read);
        let mut ai_names = Names::default();
        let ais = root.tables("ai", |section| AiConfig::read(section, &mut ai_names, kinds));
        let mut channel_names = Names::default();
        let channels = root
            .tables("channel", |section| ChannelConfig::read(section, &mut channel_names, &ai_names, kinds));
        Ok(Self {
            server,
            database,
            admin,
            log,
            delivery,
            lease,
            ais: ais.into_iter().collect::<Result<_, _>>()?,
            channels: channels.into_iter().collect::<Result<_, _>>()?,
            known_keys: BTreeMap::new(),
        })
    }
}
