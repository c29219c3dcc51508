//! What each of the container files says about the others is true.

use anyhow::{Context, Result};

use crate::files::{Compose, Volume, read, variables};

#[test]
fn what_the_configuration_takes_from_the_environment_is_given_and_required() -> Result<()> {
    let compose = Compose::load()?;
    let environment = &compose.service("gateway")?.environment;
    let configuration = read("config.compose.toml")?;
    assert!(
        !variables(&configuration).is_empty(),
        "the configuration takes its secrets from the environment"
    );
    for name in variables(&configuration) {
        let value = environment.get(name).with_context(|| format!("{name} is not given to the gateway"))?;
        // A default would be a secret that everybody knows.
        assert_eq!(value, &format!("${{{name}:?set it in .env}}"), "{name}");
    }
    Ok(())
}

#[test]
fn the_gateway_and_the_database_agree() -> Result<()> {
    let compose = Compose::load()?;
    let (gateway, database) = (compose.service("gateway")?, compose.service("db")?);
    assert!(
        read("config.compose.toml")?
            .contains("url = \"postgres://switchboard:${DB_PASSWORD}@db/switchboard\"")
    );
    assert_eq!(database.environment["POSTGRES_USER"], "switchboard");
    assert_eq!(database.environment["POSTGRES_DB"], "switchboard");
    assert_eq!(database.environment["POSTGRES_PASSWORD"], gateway.environment["DB_PASSWORD"]);
    assert_eq!(gateway.depends_on["db"].condition, "service_healthy");

    let version = database.image.strip_prefix("postgres:").and_then(|tag| tag.split('-').next());
    let version: u32 = version.context("the image's version")?.parse()?;
    assert!(version >= switchboard_testkit::postgres::OLDEST_VERSION, "PostgreSQL {version} is too old");
    Ok(())
}

#[test]
fn every_service_is_watched_and_restarted_and_keeps_its_data() -> Result<()> {
    let compose = Compose::load()?;
    for (name, service) in &compose.services {
        assert_eq!(service.restart, "unless-stopped", "{name}");
        assert_eq!(service.healthcheck.test[0], "CMD", "{name}: no shell is needed");
        assert!(!service.named_volumes().is_empty(), "{name} keeps its data in a named volume");
        for volume in service.named_volumes().keys() {
            assert!(compose.volumes.contains_key(*volume), "{name}: the volume {volume} is declared");
        }
    }
    Ok(())
}

#[test]
fn the_configuration_is_mounted_where_the_command_looks() -> Result<()> {
    let compose = Compose::load()?;
    let gateway = compose.service("gateway")?;
    let (source, target, read_only) = gateway
        .volumes
        .iter()
        .find_map(|volume| match volume {
            Volume::Long { source, target, read_only } => Some((source, target, read_only)),
            Volume::Short(_) => None,
        })
        .context("a file is mounted")?;
    assert_eq!((source.as_str(), *read_only), ("./config.toml", true));
    assert_eq!(gateway.command, ["serve", "--config", target]);
    Ok(())
}

#[test]
fn the_image_does_what_the_compose_file_takes_for_granted() -> Result<()> {
    let compose = Compose::load()?;
    let gateway = compose.service("gateway")?;
    let dockerfile = read("Dockerfile")?;
    let instruction = |name: &str| {
        let mut lines = dockerfile.lines().filter_map(|line| line.trim_start().strip_prefix(name));
        lines.next_back().map(str::trim).with_context(|| format!("no {name} in the Dockerfile"))
    };
    // Of the last stage, which is the image.
    assert_eq!(instruction("USER ")?, "switchboard", "it does not run as root");
    assert_eq!(instruction("VOLUME ")?, gateway.named_volumes()["data"]);
    assert_eq!(instruction("ENTRYPOINT ")?, r#"["switchboard"]"#);
    let list = |text: &str| serde_yaml_ng::from_str::<Vec<String>>(text);
    let commands: Vec<&str> =
        dockerfile.lines().filter_map(|line| line.trim_start().strip_prefix("CMD ")).collect();
    assert_eq!(commands.len(), 2, "the health check's and the image's");
    assert_eq!(list(commands[0])?, gateway.healthcheck.test[1..], "both check the same");
    assert_eq!(list(commands[1])?, gateway.command);

    let port = instruction("EXPOSE ")?;
    let readiness = format!("http://127.0.0.1:{port}/readyz");
    assert_eq!(gateway.healthcheck.test.last(), Some(&readiness));
    assert!(read("config.compose.toml")?.contains(&format!("listen = \"0.0.0.0:{port}\"")));
    assert!(dockerfile.contains(concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"), "-")));
    Ok(())
}

#[test]
fn no_secret_gets_into_the_image() -> Result<()> {
    let ignored = read(".dockerignore")?;
    for name in [".env", "config.toml", ".git", "data", "target"] {
        assert!(ignored.lines().any(|line| line == name), "{name}");
    }
    Ok(())
}
