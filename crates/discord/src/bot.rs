//! The bot itself: who it is, and whether its token is good.

use serde::Deserialize;

use crate::{
    client::{Client, Route},
    error::CallError,
};

/// What of `GET /users/@me` is of use to us.
#[derive(Deserialize)]
pub(crate) struct Me {
    pub(crate) id: serenity::model::id::UserId,
    pub(crate) username: String,
}

/// Asks who the bot is.
pub(crate) async fn ask_me(client: &Client) -> Result<Me, CallError> {
    client.get(Route { name: "GET me", major: 0 }, "/users/@me").await
}

/// What to make of a failed call. One refusal of the token proves nothing, since a good one is refused now and then:
/// it is believed if the question who the bot is gets refused too, and is otherwise a failure that passes.
pub(crate) async fn confirm(client: &Client, error: CallError) -> CallError {
    match error {
        CallError::Refused(refusal) if refusal.is_of_the_token() => {
            if refuses_the_token(client).await {
                CallError::Refused(refusal)
            } else {
                CallError::Unconfirmed(refusal)
            }
        }
        error => error,
    }
}

/// Whether Discord refuses the token now.
pub(crate) async fn refuses_the_token(client: &Client) -> bool {
    matches!(ask_me(client).await, Err(CallError::Refused(refusal)) if refusal.is_of_the_token())
}
