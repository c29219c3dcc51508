//! The launched browser, on a page without a server.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::browser::Browser;
use switchboard_testkit::browser::fantoccini::Locator;
use switchboard_testkit::child::{DeathSignal, command};
use switchboard_testkit::process::Process;
use switchboard_testkit::wait::wait_for;

const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_browser_shows_a_page_and_ends_with_its_value() -> Result<()> {
    let browser = Browser::start().await?;
    let page = "data:text/html,<title>A page</title><p id=answer>";
    browser.client().goto(page).await?;
    browser.client().execute("document.getElementById('answer').textContent = 'yes'", Vec::new()).await?;
    assert_eq!(browser.client().find(Locator::Id("answer")).await?.text().await?, "yes");

    let directory = tempfile::tempdir()?;
    let picture = directory.path().join("page.png");
    browser.screenshot(&picture).await?;
    assert!(fs::read(&picture)?.starts_with(b"\x89PNG"), "the screenshot is a PNG");

    let profile = browser.profile().to_owned();
    assert!(!processes_with(&profile)?.is_empty(), "a browser uses the profile");
    drop(browser);
    wait_until_gone(&profile).await;
    Ok(())
}

#[tokio::test]
async fn a_browser_whose_owner_is_killed_leaves_nothing() -> Result<()> {
    let mut owner = command(env::current_exe()?, DeathSignal::Kill);
    owner.args(["--exact", "--ignored", "--nocapture", "own_a_browser_until_killed"]);
    let owner = Process::spawn(owner)?;
    let line = owner.wait_for_line("profile: ", LIMIT).await;
    let (_, profile) = line.split_once("profile: ").context("a profile")?;
    let profile = Path::new(profile);
    assert!(!processes_with(profile)?.is_empty(), "a browser uses the profile");

    owner.kill().await;
    wait_until_gone(profile).await;
    Ok(())
}

/// What the test above kills.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn own_a_browser_until_killed() -> Result<()> {
    let browser = Browser::start().await?;
    println!("profile: {}", browser.profile().display());
    std::future::pending().await
}

async fn wait_until_gone(profile: &Path) {
    let ended = async || processes_with(profile).is_ok_and(|left| left.is_empty()).then_some(());
    wait_for("the browser to end", LIMIT, ended).await;
    wait_for("its profile to go", LIMIT, async || (!profile.exists()).then_some(())).await;
}

/// The processes that have the profile's path among their arguments. The janitor of the directory is none of them.
fn processes_with(profile: &Path) -> Result<Vec<PathBuf>> {
    let wanted = format!("--user-data-dir={}", profile.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        // A process that ended meanwhile has no arguments.
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        if arguments.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes()) {
            found.push(process);
        }
    }
    Ok(found)
}
