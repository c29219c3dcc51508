//! The gateway runs with the very command line, environment and configuration that the compose file gives it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::port::free_port;
use switchboard_testkit::postgres::{PostgresServer, execute};
use switchboard_testkit::process::{Process, switchboard};

use crate::files::{Compose, Service, read, variables};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_gateway_becomes_ready_and_ends_in_order() -> Result<()> {
    let compose = Compose::load()?;
    let gateway = compose.service("gateway")?;
    let environment = with_secrets(gateway)?;
    let database = PostgresServer::launch()?;
    create_database(&database, compose.service("db")?, &environment)?;

    // Where the container's addresses stand, those of this machine.
    let port = free_port()?;
    let place = database.url().rsplit_once('@').context("the server's url")?.1.replace("/postgres", "/");
    let configuration = read("config.compose.toml")?
        .replace("0.0.0.0:8080", &format!("127.0.0.1:{port}"))
        .replace("0.0.0.0:8081", "127.0.0.1:0")
        .replace("@db/", &format!("@{place}"));
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("config.toml");
    fs::write(&file, configuration)?;

    let process = run(&gateway.command, &environment, &file)?;
    process.wait_for_success(&format!("http://127.0.0.1:{port}/readyz"), LIMIT).await;
    process.terminate();
    assert!(process.wait(LIMIT).await.success(), "a stop in order is a success");
    Ok(())
}

/// The environment with a secret where the compose file takes one from its own.
fn with_secrets(service: &Service) -> Result<BTreeMap<String, String>> {
    let secret = |(name, value): (&String, &String)| {
        let variable =
            variables(value).pop().with_context(|| format!("{name} is taken from the environment"))?;
        Ok((name.clone(), format!("0123456789abcdef{}", variable.to_lowercase())))
    };
    service.environment.iter().map(secret).collect()
}

/// What the image of `PostgreSQL` does at its first start.
fn create_database(
    server: &PostgresServer,
    service: &Service,
    environment: &BTreeMap<String, String>,
) -> Result<()> {
    let (user, name) = (&service.environment["POSTGRES_USER"], &service.environment["POSTGRES_DB"]);
    let password = &environment["DB_PASSWORD"];
    execute(&server.url(), &format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"))?;
    execute(&server.url(), &format!("CREATE DATABASE {name} OWNER {user}"))?;
    Ok(())
}

fn run(command: &[String], environment: &BTreeMap<String, String>, file: &Path) -> Result<Process> {
    let mut program = switchboard()?;
    let directory = file.parent().context("the configuration's directory")?;
    for argument in command {
        if argument.starts_with('/') {
            program.arg(file)
        } else {
            program.arg(argument)
        };
    }
    // Nothing else is in the container's environment that matters, and its working directory is the data's.
    program.env_clear().envs(environment).current_dir(directory);
    Process::spawn(program)
}
