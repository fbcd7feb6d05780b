//! Maps: `map_<method>_<output>(file[,default])`.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::pattern::{Comparing, MapOutput, Method, User};
use crate::{Load, Type, Value};

const WITH_TEXT: (u8, &[ArgType]) = (1, &[ArgType::Str, ArgType::Str]);
const WITH_INT: (u8, &[ArgType]) = (1, &[ArgType::Str, ArgType::Int]);
const ALONE: (u8, &[ArgType]) = (1, &[ArgType::Str]);

macro_rules! map {
    ($name:literal, $method:ident, $input:ident, $args:ident, $output:ident, $type:ident) => {
        prepared(
            converter($name, $args, Type::$input, Type::$type, run, "What a map says of the sample."),
            |args, load| prepare(args, load, Method::$method, MapOutput::$output),
        )
    };
}

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    map!("map", Str, Str, WITH_TEXT, Str, Str),
    map!("map_str", Str, Str, WITH_TEXT, Str, Str),
    map!("map_str_int", Str, Str, WITH_INT, Int, Sint),
    map!("map_str_ip", Str, Str, WITH_TEXT, Ip, Addr),
    map!("map_str_key", Str, Str, ALONE, Key, Str),
    map!("map_beg", Beg, Str, WITH_TEXT, Str, Str),
    map!("map_beg_int", Beg, Str, WITH_INT, Int, Sint),
    map!("map_beg_ip", Beg, Str, WITH_TEXT, Ip, Addr),
    map!("map_beg_key", Beg, Str, ALONE, Key, Str),
    map!("map_sub", Sub, Str, WITH_TEXT, Str, Str),
    map!("map_sub_int", Sub, Str, WITH_INT, Int, Sint),
    map!("map_sub_ip", Sub, Str, WITH_TEXT, Ip, Addr),
    map!("map_sub_key", Sub, Str, ALONE, Key, Str),
    map!("map_dir", Dir, Str, WITH_TEXT, Str, Str),
    map!("map_dir_int", Dir, Str, WITH_INT, Int, Sint),
    map!("map_dir_ip", Dir, Str, WITH_TEXT, Ip, Addr),
    map!("map_dir_key", Dir, Str, ALONE, Key, Str),
    map!("map_dom", Dom, Str, WITH_TEXT, Str, Str),
    map!("map_dom_int", Dom, Str, WITH_INT, Int, Sint),
    map!("map_dom_ip", Dom, Str, WITH_TEXT, Ip, Addr),
    map!("map_dom_key", Dom, Str, ALONE, Key, Str),
    map!("map_end", End, Str, WITH_TEXT, Str, Str),
    map!("map_end_int", End, Str, WITH_INT, Int, Sint),
    map!("map_end_ip", End, Str, WITH_TEXT, Ip, Addr),
    map!("map_end_key", End, Str, ALONE, Key, Str),
    map!("map_reg", Reg, Str, WITH_TEXT, Str, Str),
    map!("map_reg_int", Reg, Str, WITH_INT, Int, Sint),
    map!("map_reg_ip", Reg, Str, WITH_TEXT, Ip, Addr),
    map!("map_reg_key", Reg, Str, ALONE, Key, Str),
    map!("map_int", Int, Sint, WITH_TEXT, Str, Str),
    map!("map_int_int", Int, Sint, WITH_INT, Int, Sint),
    map!("map_int_ip", Int, Sint, WITH_TEXT, Ip, Addr),
    map!("map_int_key", Int, Sint, ALONE, Key, Str),
    map!("map_ip", Ip, Addr, WITH_TEXT, Str, Str),
    map!("map_ip_int", Ip, Addr, WITH_INT, Int, Sint),
    map!("map_ip_ip", Ip, Addr, WITH_TEXT, Ip, Addr),
    map!("map_ip_key", Ip, Addr, ALONE, Key, Str),
    map!("map_regm", Reg, Str, WITH_TEXT, Groups, Str),
];

fn run<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let Arg::Map(map) = args.arg(0) else { return None };
    map.value(value, eval.scratch).or_else(|| match args.arg(1) {
        Arg::Str(s) => Some(Value::Str(s)),
        Arg::Int(i) => Some(Value::Sint(*i)),
        Arg::Ipv4(ip) => Some(Value::Ipv4(*ip)),
        Arg::Ipv6(ip) => Some(Value::Ipv6(*ip)),
        _ => None,
    })
}

fn prepare(args: &mut Args, load: &mut Load<'_>, method: Method, output: MapOutput) -> Result<(), String> {
    let name = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let user = User { file: &load.at.0, line: load.at.1 };
    let list = load.files.load(&name, true, user, load.names)?;
    args.set(0, Arg::Map(list.view(Comparing { method, ignore_case: false, output: Some(output) })?));
    if let (MapOutput::Ip, Some(text)) = (output, args.str(1)) {
        let text = String::from_utf8_lossy(text).into_owned();
        let ip = text.parse().map_err(|_| format!("invalid default value '{text}': expected an address"))?;
        args.set(
            1,
            match ip {
                std::net::IpAddr::V4(ip) => Arg::Ipv4(ip),
                std::net::IpAddr::V6(ip) => Arg::Ipv6(ip),
            },
        );
    }
    Ok(())
}
