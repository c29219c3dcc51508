//! The sandbox over HTTP: a client in front of it, and a server behind it that receives webhooks.

mod control;
mod faults;
mod live;
mod marks;
mod messages;
mod panel;
mod support;
