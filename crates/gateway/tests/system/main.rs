//! The whole gateway as its users meet it: the real binary, a real database, the sandbox as AI
//! platform over real HTTP, and visitors on the page messenger.

mod browser;
mod commands;
mod database;
mod discord;
mod faults;
mod kill;
mod matrix;
mod operation;
mod replicas;
mod support;
mod telegram;
mod webhooks;
