//! Discord: what is promised holds over it too, whatever becomes of its connections.

mod checks;
mod kill;
mod outage;
mod trouble;

use std::time::Duration;

use switchboard_testkit::{
    discord::{Bot, Channel, FakeDiscord, User},
    port::free_port,
};

const TOKEN: &str = "MTIzNDU2Nzg5.GxYzAb.the-secret-part-of-the-first-bot-s-token";
const OTHER_TOKEN: &str = "OTg3NjU0MzIx.GaBcDe.the-secret-part-of-the-other-bot-s-token";
/// For what waits for the pauses between attempts to connect, which double up to a minute.
const RECOVERY: Duration = Duration::from_mins(2);

/// The server, on a port that it gets back when it was away.
async fn stand_in() -> FakeDiscord {
    FakeDiscord::start_at(free_port().expect("a free port")).await.expect("the port is free")
}

/// The configuration of one bot's channel. In guilds, it is for the bot whatever is written.
fn channel(discord: &FakeDiscord, name: &str, token: &str) -> String {
    format!(
        "[[channel]]\nname = \"{name}\"\nkind = \"discord\"\nai = \"main\"\ntask_id = \"task-1\"\n\
         token = \"{token}\"\napi_url = \"{}\"\nlimits = \"off\"\ngroups = \"all\"\n",
        discord.url(),
    )
}

/// A place where somebody writes, and gets answers.
#[derive(Clone)]
struct Desk {
    person: User,
    place: Channel,
    direct: bool,
}

impl Desk {
    fn writes(&self, text: &str) {
        self.person.says(text).in_channel(&self.place).send();
    }

    /// What the AI platform calls this dialogue.
    fn chat_id(&self) -> String {
        let (person, place) = (self.person.id(), self.place.id());
        if self.direct { format!("bot:{person}") } else { format!("bot:{place}:{person}") }
    }
}

/// Direct channels, a channel of a guild, a thread in it, and a post of a forum, which a bot began; a person for each.
fn desks(bot: &Bot) -> Vec<Desk> {
    let people: Vec<User> = (0..5).map(|number| bot.user(&format!("Person {number}"))).collect();
    let guild = bot.guild("Shop");
    let help = guild.text_channel("help");
    let thread = help.opens_thread(&people[3], "an order");
    let (post, _) = guild.forum("ideas").posts(&bot.other_bot("Host"), "an idea", "What do you think?");
    let places = [people[0].direct(), people[1].direct(), help, thread, post];
    let desk = |(number, (person, place))| Desk { person, place, direct: number < 2 };
    people.into_iter().zip(places).enumerate().map(desk).collect()
}
