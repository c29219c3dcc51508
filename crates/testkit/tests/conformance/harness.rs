//! How the kit looks at the town.

use std::{cell::Cell, sync::Arc};

use async_trait::async_trait;
use switchboard_core::Inbox;
use switchboard_testkit::conformance::{Connection, Harness, Lacks, Oddity, Room, Trouble, View, Written};

use crate::{
    adapter::Postman,
    sins::Sin,
    town::{Author, TOKEN, Town},
};

thread_local! {
    /// The sin of the adapters that are made on this thread.
    pub static SIN: Cell<Sin> = const { Cell::new(Sin::None) };
}

pub struct TownHarness {
    town: Arc<Town>,
    sin: Sin,
}

#[async_trait]
impl Harness for TownHarness {
    async fn start() -> Self {
        Self { town: Arc::new(Town::new()), sin: SIN.get() }
    }

    async fn connect(&self, _routes: Inbox) -> Connection {
        Connection { messenger: Arc::new(Postman::new(self.town.clone(), self.sin)), guard: Box::new(()) }
    }

    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
        Ok(written(self.town.write(room, author(room), Some(text))))
    }

    async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
        let number = match oddity {
            Oddity::Wordless => self.town.write(room, author(room), None),
            Oddity::NoMessage => self.town.write(room, Author::Bot, Some("my own")),
        };
        Ok(vec![written(number)])
    }

    async fn confirmed(&self, written: &Written) -> Result<bool, Lacks> {
        Ok(self.town.is_confirmed(written.0.parse().unwrap()))
    }

    async fn view(&self, room: Room) -> View {
        self.town.view(room)
    }

    async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks> {
        self.town.set_trouble(room, trouble);
        Ok(())
    }

    async fn reachable(&self, reachable: bool) -> Result<(), Lacks> {
        self.town.set_reachable(reachable);
        Ok(())
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

fn written(number: u64) -> Written {
    Written(number.to_string())
}

fn author(room: Room) -> Author {
    let (Room::Direct(person) | Room::Group(person)) = room;
    Author::Person(person)
}
