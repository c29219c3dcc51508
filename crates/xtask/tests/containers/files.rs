//! Reading the container files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// What the tests look at in `docker-compose.yml`. That the rest is well formed is for its schema.
#[derive(Deserialize)]
pub struct Compose {
    pub services: BTreeMap<String, Service>,
    #[serde(default)]
    pub volumes: BTreeMap<String, serde_yaml_ng::Value>,
}

/// One service.
#[derive(Deserialize)]
pub struct Service {
    #[serde(default)]
    pub image: String,
    #[serde(default)]
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub volumes: Vec<Volume>,
    pub healthcheck: Healthcheck,
    pub restart: String,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
}

/// How a service is seen to be well.
#[derive(Deserialize)]
pub struct Healthcheck {
    pub test: Vec<String>,
}

/// When a service may start.
#[derive(Deserialize)]
pub struct Dependency {
    pub condition: String,
}

/// What is mounted, in the short or the long form.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Volume {
    /// `volume:/path`
    Short(String),
    /// A file of the host.
    Long { source: String, target: String, read_only: bool },
}

impl Compose {
    /// Reads the file of this repository.
    pub fn load() -> Result<Self> {
        serde_yaml_ng::from_str(&read("docker-compose.yml")?).context("docker-compose.yml")
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| format!("no service {name}"))
    }
}

impl Service {
    /// Where the named volumes are mounted, by their names.
    pub fn named_volumes(&self) -> BTreeMap<&str, &str> {
        let short = self.volumes.iter().filter_map(|volume| match volume {
            Volume::Short(text) => text.split_once(':'),
            Volume::Long { .. } => None,
        });
        short.collect()
    }
}

/// Reads a file of the repository's root.
pub fn read(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read_to_string(path).with_context(|| format!("read {name}"))
}

/// The names in a text's `${NAME}` and `${NAME:?reason}`.
pub fn variables(text: &str) -> Vec<&str> {
    let references = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    references.map(|reference| reference.split(':').next().unwrap_or(reference)).collect()
}
