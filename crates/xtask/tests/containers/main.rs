//! The container files: what `docker-compose.yml`, `Dockerfile` and `config.compose.toml` say fits together, and the
//! gateway runs with it. No container engine is needed.

mod files;
mod fit;
mod run;
