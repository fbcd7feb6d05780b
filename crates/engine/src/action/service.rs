//! Services in the place of servers (manual, 4.4 "use-service").

use weir_config::Keyword;

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};
use crate::service::{NAMED, Order};

/// The actions of this file.
pub(super) const SERVICE: &[Keyword<ActionFn>] =
    &[works("http-request use-service", "has a service of the program answer", use_service)];

#[derive(Clone, Copy, Debug)]
struct UseService {
    name: &'static str,
}

fn use_service(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.expect("'use-service' expects a service name.")?;
    if word.bytes.starts_with(b"lua.") {
        let name = word.text();
        return Err(p.error(format!("service '{name}' is not available yet (it comes with Lua)")));
    }
    match NAMED.into_iter().find(|name| word.is(name)) {
        Some(name) => Ok(Box::new(UseService { name })),
        None if word.bytes.starts_with(b"lua.") => {
            Err(p.error(format!("'use-service {}' is not available yet (it comes with Lua)", word.text())))
        }
        None => Err(p.error(format!("'{}' unknown service name.", word.text()))),
    }
}

impl Action for UseService {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let t = &mut *run.t;
        let Some(service) = t.client.worker.runtime.process.services.find(self.name) else {
            return Verdict::Answer(503);
        };
        t.messages.service =
            Some(Order { service, proxy: t.proxy().shared.clone(), admin: false, ruled: true });
        Verdict::Serve
    }

    fn is_final(&self) -> bool {
        true
    }
}
