//! What a replica hears of the others.

use std::time::Duration;

use switchboard_core::ChannelName;
use switchboard_store::{About, Hint, HintStore as _};
use switchboard_store_postgres::PostgresStore;
use switchboard_testkit::postgres::{database, execute};
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_mins(1);

fn hint(about: About) -> Hint {
    Hint { channel: ChannelName::new("site"), about }
}

/// Told again and again until it is heard, because nobody knows when the other has begun to listen.
async fn tell_until_heard(store: &PostgresStore, heard: &mut mpsc::UnboundedReceiver<Hint>) -> Hint {
    let telling = async {
        loop {
            store.hint("there", vec![hint(About::Work)]).await.expect("the server takes it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        hint = heard.recv() => hint.expect("somebody listens"),
        () = telling => unreachable!("it never ends"),
    }
}

#[tokio::test]
async fn others_are_heard_until_the_connection_is_lost() -> anyhow::Result<()> {
    let database = database()?;
    let store = PostgresStore::connect(database.url()).await?;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let pass_on = move |hint| sender.send(hint).expect("the test waits for it");
    let listening = store.listen("here", &pass_on);
    let test = async {
        assert_eq!(timeout(PATIENCE, tell_until_heard(&store, &mut heard)).await?, hint(About::Work));
        while heard.try_recv().is_ok() {}

        let note = |text: &str| hint(About::Note(text.to_owned()));
        store.hint("here", vec![note("of its own")]).await?;
        // Other people's, and what is too long, are left out; what goes with it is not.
        execute(database.url(), "SELECT pg_notify('switchboard', 'nonsense')")?;
        store
            .hint("there", vec![note("\"it's\" Ünïcode"), note(&"x".repeat(8_000)), note("the last")])
            .await?;
        let mut notes = Vec::new();
        while notes.last() != Some(&note("the last")) {
            notes.push(timeout(PATIENCE, heard.recv()).await?.expect("somebody listens"));
        }
        notes.retain(|it| *it != hint(About::Work));
        assert_eq!(notes, [note("\"it's\" Ünïcode"), note("the last")]);

        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        execute(database.url(), cut)?;
        anyhow::Ok(())
    };
    let (ended, result) = timeout(PATIENCE, async { tokio::join!(listening, test) }).await?;
    result?;
    let error = ended.expect_err("the connection is gone");
    assert!(error.is_transient(), "{error:?}");
    Ok(())
}
