//! Opening the file: who may, and what it looks like then.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use switchboard_core::{ChannelName, ChatId};
use switchboard_store::{LeaseStore as _, MessageStore as _, Store as _, StoreError};
use switchboard_store_sqlite::SqliteStore;
use tempfile::TempDir;

/// A directory, and the address of a file in it.
fn address(name: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join(name).to_str().expect("a readable path").to_owned();
    (directory, file)
}

#[tokio::test]
async fn the_file_and_its_directory_are_made() {
    for prefix in ["", "sqlite://", "sqlite:"] {
        let (_directory, file) = address("a/b/switchboard.db");
        let store = SqliteStore::open(&format!("{prefix}{file}")).await.expect("it opens");
        store.migrate().await.expect("the tables are made");
        assert!(Path::new(&file).exists(), "{prefix}");
        store.close().await;
    }
}

#[tokio::test]
async fn only_its_owner_may_read_the_file() {
    let (directory, file) = address("switchboard.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    store.migrate().await.expect("the tables are made");
    for entry in std::fs::read_dir(directory.path()).expect("it can be listed") {
        let entry = entry.expect("it can be listed");
        if entry.file_name().to_string_lossy().ends_with(".lock") {
            continue;
        }
        let mode = entry.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
    store.close().await;
}

#[tokio::test]
async fn what_was_stored_is_there_again() {
    let (_directory, file) = address("switchboard.db");
    let site = ChannelName::new("site");
    for round in 0..2 {
        let store = SqliteStore::open(&file).await.expect("it opens");
        store.migrate().await.expect("the tables are up to date");
        let secret = store.register_channel(&site, "web").await;
        secret.expect("a channel can be registered");
        let secret = store.channel_secret(&site, &format!("secret {round}")).await;
        assert_eq!(secret.expect("it has a secret"), "secret 0");
        store.close().await;
    }
}

#[tokio::test]
async fn only_one_gateway_serves_from_a_file() {
    let (_directory, file) = address("switchboard.db");
    let serving = SqliteStore::open(&file).await.expect("it opens");
    assert!(serving.single_process());

    let error = SqliteStore::open(&file).await.expect_err("another one serves");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    let reason = switchboard_core::chain(&error);
    assert!(reason.contains("another gateway serves from") && reason.contains(&file), "{reason}");

    serving.close().await;
    let next = SqliteStore::open(&file).await.expect("the former one has closed it");
    drop(next);
    SqliteStore::open(&file).await.expect("the former one is gone").close().await;
}

#[tokio::test]
async fn a_command_works_beside_the_gateway() {
    let (_directory, file) = address("switchboard.db");
    let serving = SqliteStore::open(&file).await.expect("it opens");
    let command = SqliteStore::open_shared(&file).await.expect("it opens beside the gateway");
    assert!(!command.single_process());
    // Both migrate at once: one does it, the other finds it done.
    let (one, two) = tokio::join!(serving.migrate(), command.migrate());
    one.and(two).expect("the tables are made once");

    let (serving, command) = (Arc::new(serving), Arc::new(command));
    let mut writing = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = if number % 2 == 0 { serving.clone() } else { command.clone() };
        writing.spawn(async move {
            store.register_channel(&ChannelName::new(format!("channel-{number}")), "web").await
        });
    }
    for result in writing.join_all().await {
        result.expect("both write in turns");
    }
    assert_eq!(command.cursor(&ChannelName::new("channel-0")).await.expect("it reads"), None);
    command.close().await;
    serving.close().await;
}

#[tokio::test]
async fn an_address_that_is_no_file_is_refused() {
    for address in ["sqlite::memory:", "sqlite://:memory:", ":memory:", ""] {
        let error = SqliteStore::open(address).await.expect_err("it is no file");
        assert!(matches!(error, StoreError::Refused { .. }), "{address}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_unavailable() {
    let (directory, file) = address("in-the-way");
    std::fs::write(&file, "not a directory").expect("the directory can be written to");
    let error =
        SqliteStore::open(&format!("{file}/switchboard.db")).await.expect_err("there is no such place");
    assert!(error.is_transient(), "{error:?}");

    let foreign = directory.path().join("foreign.db");
    std::fs::write(&foreign, "something else entirely ".repeat(100))
        .expect("the directory can be written to");
    let foreign = foreign.to_str().expect("a readable path");
    let error = SqliteStore::open(foreign).await.expect_err("it is no database");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_store_without_tables_says_so() {
    let (_directory, file) = address("switchboard.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    let error = store.find_chat(&ChatId::new("site:anna")).await.expect_err("there are no tables");
    assert!(matches!(error, StoreError::Refused { operation: "db.chat.find", .. }), "{error:?}");
    store.close().await;
    let error = store.ping().await.expect_err("it is closed");
    assert!(error.is_transient(), "{error:?}");
}
