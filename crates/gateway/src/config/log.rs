//! `[log]`: what is logged, and how it looks.

use tracing_subscriber::EnvFilter;

use super::{mistake::Fault, nearest, section::Section, value::Text};

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// How a line looks. Default: [`LogFormat::Text`].
    pub format: LogFormat,
    /// What is logged, as [`EnvFilter`] takes it: a level, or levels for parts of the program.
    /// Default: `info`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl LogConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            format: section
                .one_of("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
                .or(LogFormat::Text),
            filter: section.text("filter", "\"info\"").then(filter).or(default_filter()),
        }
    }
}

fn filter(text: Text) -> Result<String, Fault> {
    let not_a_filter = |remedy| Fault::new(format!("{:?} is not a filter", text.written), remedy);
    for directive in text.resolved.split(',').filter(|directive| !directive.contains(['=', '['])) {
        // `EnvFilter` takes any other word for a part of the program, logged in full.
        if !LEVELS.contains(&directive.trim().to_ascii_lowercase().as_str()) {
            return Err(not_a_filter(nearest::remedy(directive, &LEVELS)));
        }
    }
    match EnvFilter::try_new(&text.resolved) {
        Ok(_) => Ok(text.resolved),
        Err(_) => Err(not_a_filter("write it as \"info,switchboard_engine=debug\"".to_owned())),
    }
}

fn default_filter() -> String {
    "info".to_owned()
}
