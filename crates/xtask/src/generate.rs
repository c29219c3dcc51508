//! `cargo xtask generate`: the query data that lets the stores be built without a database.
//!
//! The query macros of sqlx ask a live database what each query takes and gives, and write the answers as JSON. This
//! starts a `PostgreSQL` and makes an `SQLite` file, applies `migrations/` to both, and has each store crate checked
//! against its own. The JSON is committed in the crate's `.sqlx`, where every other build finds it.
//!
//! Only the library is expanded: queries in tests are unchecked ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use switchboard_testkit::postgres::{PostgresServer, psql};

use crate::requirements::{Tool, require};
use crate::step::{cargo, root, run, step};

/// A store crate, and the database it is checked against.
struct Target<'a> {
    package: &'a str,
    /// The crate's `common.database-url-var` in its `sqlx.toml`.
    url_variable: &'a str,
    url: &'a str,
}

/// Regenerates the query data; with `check_only` changes nothing, and fails where that would have.
pub fn generate(check_only: bool) -> Result<()> {
    require(&[Tool::Postgres, Tool::Sqlite])?;
    let server = PostgresServer::launch()?;
    let postgres = server.create_database()?;
    let directory = tempfile::tempdir()?;
    let sqlite = directory.path().join("switchboard.db");
    step("apply the migrations", || {
        apply(&migrations("postgres")?, || psql(postgres.url()))?;
        apply(&migrations("sqlite")?, || sqlite3(&sqlite))
    })?;

    let sqlite_url = format!("sqlite://{}", sqlite.display());
    let targets = [
        Target { package: "store-postgres", url_variable: "SWITCHBOARD_POSTGRES_URL", url: postgres.url() },
        Target { package: "store-sqlite", url_variable: "SWITCHBOARD_SQLITE_URL", url: &sqlite_url },
    ];
    let mut stale = Vec::new();
    for target in &targets {
        let fresh = describe(target)?;
        let committed = root().join("crates").join(target.package).join(".sqlx");
        if fresh == read_queries(&committed)? {
            continue;
        }
        stale.push(target.package);
        if !check_only {
            replace(&committed, &fresh)?;
        }
    }
    report(&stale, check_only)
}

fn report(stale: &[&str], check_only: bool) -> Result<()> {
    match (stale, check_only) {
        ([], _) => println!("The query data is up to date."),
        (_, false) => println!("New query data for {}. Commit it.", stale.join(", ")),
        (_, true) => bail!("the query data of {} is out of date: cargo xtask generate", stale.join(", ")),
    }
    Ok(())
}

/// The migrations of one dialect in the order of their versions, with which their names begin.
fn migrations(dialect: &str) -> Result<Vec<PathBuf>> {
    let directory = root().join("migrations").join(dialect);
    let entries = fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn sqlite3(file: &Path) -> Command {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail"]).arg(file);
    command
}

fn apply(files: &[PathBuf], client: impl Fn() -> Command) -> Result<()> {
    for path in files {
        let sql = File::open(path).with_context(|| format!("open {}", path.display()))?;
        run(client().stdin(sql).stdout(Stdio::null()))
            .with_context(|| format!("apply {}", path.display()))?;
    }
    Ok(())
}

/// Files by name.
type Queries = BTreeMap<String, String>;

/// Has the crate's queries described by its database.
fn describe(target: &Target) -> Result<Queries> {
    // Into a folder of its own: a crate that does not compile must not cost the data that are there.
    let directory = tempfile::tempdir()?;
    let source = root().join("crates").join(target.package).join("src/lib.rs");
    step(&format!("describe the queries of {}", target.package), || {
        // Cargo knows nothing of the database, so only a changed source has the macros expanded again.
        touch(&source)?;
        let package = format!("switchboard-{}", target.package);
        let mut check = cargo(&["check", "--quiet", "--package", &package]);
        check.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", directory.path());
        run(check.env(target.url_variable, target.url))
    })?;
    read_queries(directory.path())
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is the time of a file that cargo compares, not a measurement"
)]
fn touch(path: &Path) -> Result<()> {
    let file = File::options().append(true).open(path);
    let touched = file.and_then(|file| file.set_modified(SystemTime::now()));
    touched.with_context(|| format!("touch {}", path.display()))
}

fn read_queries(directory: &Path) -> Result<Queries> {
    let mut queries = Queries::new();
    if !directory.is_dir() {
        return Ok(queries);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        queries.insert(name, fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?);
    }
    Ok(queries)
}

fn replace(directory: &Path, queries: &Queries) -> Result<()> {
    if directory.is_dir() {
        fs::remove_dir_all(directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    fs::create_dir_all(directory)?;
    for (name, content) in queries {
        fs::write(directory.join(name), content)?;
    }
    Ok(())
}
