//! On a real homeserver.

mod bot;
mod devices;
mod encrypted;
mod login;
mod plain;
