//! The binary `switchboard` with the messengers of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard_gateway::Switchboard::standard().main()
}
