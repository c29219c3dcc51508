//! What the pages of one replica show of what happens on another.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use switchboard_core::{Author, Messenger as _, Notes};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    outbound::{delivery, typing},
    support::{FakeIntake, Site},
};

/// How often a page's replica looks by itself. Time stands still in these tests until everybody waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One channel on two replicas with one store; the second hears what the first tells.
fn replicas() -> (Site, Site) {
    let (intake, heard) = (Arc::new(FakeIntake::default()), Notes::default());
    let told = {
        let heard = heard.clone();
        Notes::new(move |note| heard.hear(note))
    };
    let replica = |notes| Site::over(intake.clone(), notes, "site", |_| ());
    (replica(told), replica(heard))
}

#[tokio::test(start_paused = true)]
async fn a_page_shows_at_once_what_another_replica_was_told() {
    let (here, there) = replicas();
    let visitor = here.visitor().await;
    let mut page = there.stream(&visitor, None).await;
    page.expect("ready").await;
    // The attendant has begun to look by itself when this has come.
    here.post_message(&visitor, Uuid::new_v4(), "first").await;
    page.message().await;

    let begin = Instant::now();
    here.post_message(&visitor, Uuid::new_v4(), "second").await;
    assert!(page.message().await.1.contains("second"));
    assert!(begin.elapsed() < LOOK_EVERY, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_page_shows_what_the_channels_owner_does() {
    let (owner, other) = replicas();
    let visitor = owner.visitor().await;
    let mut page = other.stream(&visitor, None).await;
    page.expect("ready").await;
    owner.post_message(&visitor, Uuid::new_v4(), "first").await;
    page.message().await;

    let begin = Instant::now();
    for on in [true, false] {
        owner.messenger.execute(&typing(&visitor.conversation, on)).await.unwrap();
        assert_eq!(page.expect("typing").await, json!({ "on": on }));
    }
    owner.intake.write(&visitor.conversation, Author::Bot, "An answer");
    owner.messenger.execute(&delivery(&visitor.conversation)).await.unwrap();
    assert!(page.message().await.1.contains("An answer"));
    assert!(begin.elapsed() < LOOK_EVERY, "{:?}", begin.elapsed());
}
