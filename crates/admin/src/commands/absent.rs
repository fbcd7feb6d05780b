//! Commands about features that no configuration of this program has: there is nothing of them to be shown.

use weir_engine::conf::CliLevel::{Operator, User};

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("show cache", "", User, "show cache status", |_| Outcome::Done),
        command("show quic", "[help|<format>] [<filter>]", Operator, "display quic connections status", quic),
    ]
}

fn quic(call: &mut Call<'_, World>) -> Outcome {
    match call.arg(0).as_ref() {
        "" | "oneline" | "all" | "clo" | "be" => call.say(HEAD),
        "help" => call.usage(true, HELP.as_bytes()),
        word if LEVELS.contains(&word) || word.starts_with("0x") => Outcome::Done,
        _ => call.fail("Invalid argument, use 'help' for more options."),
    }
}

const HEAD: &str = "# conn/frontend                     state   in_flight infl_p lost_p         Local Address           \
                    Foreign Address      local & remote CIDs";
const LEVELS: [&str; 7] = ["stream", "full", "tp", "sock", "pktns", "cc", "mux"];
const HELP: &str = "Usage: show quic [help|<format>] [<filter>]
Dumps information about QUIC connections. Available output formats:
  oneline    dump a single, netstat-like line per connection (default)
  stream     dump a list of streams, one per line, sorted by connection
  full       dump all known information about each connection
  <levels>*  only dump certain information, defined by a comma-delimited list
             of levels among 'tp', 'sock', 'pktns', 'cc', or 'mux'
  help       display this help
Available output filters:
  all        dump all connections
  clo        dump frontend closing connections
  be         dump backend connections
  <id>       dump only the connection matching this identifier (0x...)
Without any argument, active frontend connections are dumped using the oneline format.
";
