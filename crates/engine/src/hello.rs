//! The TLS hello that a stream begins with, for the rules that look at it without speaking TLS (manual, 7.3.5).

use weir_expr::scope::Hello;
use weir_expr::{Lookup, Scratch, Value};
use weir_wire::first_bytes::{self, Peek};

/// What the hello at the start of `input` says.
pub(crate) fn look<'a>(
    input: &'a [u8],
    what: Hello,
    is_final: bool,
    scratch: &'a Scratch,
) -> Lookup<Value<'a>> {
    let found = match what {
        Hello::Type => first_bytes::hello_type(input).map(|kind| Some(Value::Sint(kind.into()))),
        Hello::Version => first_bytes::version(input)
            .map(|(major, minor)| Some(Value::Sint(i64::from(major) << 16 | i64::from(minor)))),
        _ => first_bytes::hello(input).map(|hello| part(&hello, what, scratch)),
    };
    match found {
        Peek::Found(Some(value)) => Lookup::Value(value),
        Peek::NotYet if !is_final => Lookup::NotYet,
        Peek::Found(None) | Peek::Absent | Peek::NotYet => Lookup::Absent,
    }
}

fn part<'a>(hello: &first_bytes::Hello<'a>, what: Hello, scratch: &'a Scratch) -> Option<Value<'a>> {
    Some(match what {
        Hello::Type | Hello::Version => return None,
        // A text ends where C's end.
        Hello::Sni => Value::Str(Value::Bin(hello.server_name()?).to_str(scratch)),
        Hello::Alpn => Value::Bin(hello.protocols()?),
        Hello::HasCurves => Value::Bool(hello.has_groups()?),
        Hello::Ticket => Value::Sint(match hello.ticket()? {
            None => 0,
            Some([]) => 1,
            Some(_) => 2,
        }),
        Hello::Ciphers => Value::Bin(hello.cipher_suites),
        Hello::KeyShares => Value::Bin(scratch.build(|out| out.extend(hello.key_share_groups().flatten()))),
        Hello::SignatureAlgorithms => Value::Bin(hello.signature_algorithms()?),
        Hello::Groups => Value::Bin(hello.groups()?),
    })
}
