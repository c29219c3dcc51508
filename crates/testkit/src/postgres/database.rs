//! A database of its own for every test.

use std::env;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use super::{Binaries, PostgresServer, random_hex};

/// Names the server that tests make their databases on: a superuser's url. `cargo xtask test` sets it.
pub const SERVER_VARIABLE: &str = "SWITCHBOARD_TEST_POSTGRES";

/// Nothing drops a static: the server and its data go when this process ends, as if it had been killed.
static OWN_SERVER: Mutex<Option<PostgresServer>> = Mutex::new(None);

/// An empty database on the server that [`SERVER_VARIABLE`] names, or else on one that this process starts once and
/// keeps until it ends.
///
/// Blocks for a tenth of a second, and for two seconds where the server must be started.
pub fn database() -> Result<TestDatabase> {
    if let Some(url) = env::var_os(SERVER_VARIABLE) {
        let url = url.into_string().ok().with_context(|| format!("{SERVER_VARIABLE} is not UTF-8"))?;
        return TestDatabase::create(&url);
    }
    let mut server = OWN_SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if server.is_none() {
        *server = Some(PostgresServer::launch()?);
    }
    server.as_ref().context("the server was started above")?.create_database()
}

/// A database that is dropped after its value, connections or not.
#[derive(Debug)]
pub struct TestDatabase {
    admin_url: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Makes an empty database on the server of `admin_url`, a superuser's `postgres://user:password@host:port/name`.
    pub fn create(admin_url: &str) -> Result<Self> {
        let name = format!("test_{}", random_hex()?);
        let url = with_database(admin_url, &name).context("the server's url is not postgres://…")?;
        execute(admin_url, &format!("CREATE DATABASE {name}"))?;
        Ok(Self { admin_url: admin_url.into(), name, url })
    }

    /// Where to connect to it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Not waited for: the server drops nothing while a connection is half open, and the one of a task on this
        // very thread would stay so for as long. Where the server is down or gone there is nothing to tidy up.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let mut command = psql(&self.admin_url);
        command.args(["--command", &sql]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = command.spawn();
    }
}

/// A `psql` that is connected to `url`, reads no settings of the user's and stops at the first error.
pub fn psql(url: &str) -> Command {
    let program = Binaries::find().map_or_else(|_| "psql".into(), |binaries| binaries.program("psql"));
    let mut command = Command::new(program);
    for variable in ["PGOPTIONS", "PGSERVICE", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD"] {
        command.env_remove(variable);
    }
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    command.args(["--dbname", url]);
    command
}

/// Executes SQL on the database of `url` and returns what it printed, one line for each row.
pub fn execute(url: &str, sql: &str) -> Result<String> {
    let output = psql(url).args(["--command", sql]).output().context("run psql")?;
    if !output.status.success() {
        bail!("psql refused {sql:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The same server, user and parameters, another database.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next()?;
    let question = if parameters.is_empty() { "" } else { "?" };
    Some(format!("{scheme}://{authority}/{name}{question}{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_changes() {
        for (url, expected) in [
            ("postgres://u:p@h:5432/postgres", "postgres://u:p@h:5432/test"),
            ("postgres://u@h", "postgres://u@h/test"),
            (
                "postgres://u@h/a?sslmode=disable&options=-c%20a/b",
                "postgres://u@h/test?sslmode=disable&options=-c%20a/b",
            ),
        ] {
            assert_eq!(with_database(url, "test").as_deref(), Some(expected));
        }
    }
}
