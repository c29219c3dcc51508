//! On a stand-in for a homeserver, where something goes wrong.

mod invitations;
mod outages;
mod scene;
mod sessions;
mod withheld;
