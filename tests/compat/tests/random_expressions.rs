//! Random expressions: what both programs make of the same samples, seed by seed.
//!
//! Each seed makes a configuration of random chains of converters over random fetches, types respected, and asks
//! it for what random requests evaluate to. `WEIR_EVALUATIONS` says how many evaluations (some thousand where it is
//! not set; `cargo xtask expressions` makes a hundred thousand), `WEIR_SEED` where to begin.

use std::sync::Mutex;

use weir_compat::compat;

/// The types of samples, as the language counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Bool,
    Int,
    Addr,
    Str,
    Bin,
}

use Type::{Addr, Bin, Bool, Int, Str};

/// What a random number of each line's length stands for.
struct Dice(u64);

// === impl Dice ===

impl Dice {
    /// The next number below `n` (xorshift64*).
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// `text` with each `^` replaced by an integer, each `$` by a word, and each `~` by a small number.
    fn filled(&mut self, text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '^' => out += self.one_of(&INTEGERS),
                '$' => out += self.one_of(&WORDS),
                '~' => out += &(1 + self.below(4)).to_string(),
                c => out.push(c),
            }
        }
        out
    }
}

const INTEGERS: [&str; 12] =
    ["0", "1", "2", "3", "7", "10", "16", "255", "-1", "1000", "65536", "9223372036854775807"];
const WORDS: [&str; 10] = ["a", "bc", "x.y", "foo", "0", "12", "-", "/p/q", "A1b2", "1.2.3.4"];

/// Fetches with what they give.
const FETCHES: [(&str, Type); 53] = [
    ("str($)", Str),
    ("str($$$)", Str),
    ("int(^)", Int),
    ("bool(true)", Bool),
    ("bool(false)", Bool),
    ("bin(00ff41)", Bin),
    ("bin(4a6f68)", Bin),
    ("ipv4(192.168.1.~)", Addr),
    ("ipv6(2001:db8::~)", Addr),
    ("path", Str),
    ("pathq", Str),
    ("url", Str),
    ("query", Str),
    ("url_param(a)", Str),
    ("url_param(b)", Str),
    ("urlp_val(n)", Int),
    ("req.hdr(x-a)", Str),
    ("req.hdr(x-a,-~)", Str),
    ("req.hdr(x-a,~)", Str),
    ("req.fhdr(x-b)", Str),
    ("req.hdr_cnt(x-a)", Int),
    ("req.hdr_val(x-n)", Int),
    ("req.hdr_ip(x-ip)", Addr),
    ("req.hdr_names", Str),
    ("req.cook(c)", Str),
    ("req.cook(d)", Str),
    ("req.cook_cnt(c)", Int),
    ("req.cook_val(n)", Int),
    ("req.ver", Str),
    ("base", Str),
    ("base32", Int),
    ("req.hdrs_bin", Bin),
    ("src", Addr),
    ("dst", Addr),
    ("fe_name", Str),
    ("always_true", Bool),
    ("always_false", Bool),
    ("url_param(none)", Str),
    ("hdr(x-b)", Str),
    ("cookie(d)", Str),
    ("internal.htx.data", Int),
    ("internal.htx.free_data", Int),
    ("internal.htx.nbblks", Int),
    ("internal.htx.has_eom", Bool),
    ("internal.htx_blk.size(~)", Int),
    ("internal.htx_blk.type(~)", Str),
    ("internal.htx_blk.hdrname(~)", Str),
    ("internal.htx_blk.hdrval(~)", Str),
    ("internal.htx_blk.start_line(head)", Str),
    ("dump_all_vars(txn)", Str),
    ("dump_all_vars(res,,$)", Str),
    ("distcc_param(ARGC)", Int),
    ("http_first_req", Bool),
];

/// Converters: how they are written, what they take and what they give. Hashes have their argument: without one the
/// reference reads what another expression left behind. Dates are not of 1970's first second, which the reference
/// takes for another.
const CONVERTERS: [(&str, Type, Type); 121] = [
    ("add(^)", Int, Int),
    ("sub(^)", Int, Int),
    ("mul(^)", Int, Int),
    ("div(^)", Int, Int),
    ("mod(^)", Int, Int),
    ("and(^)", Int, Int),
    ("or(^)", Int, Int),
    ("xor(^)", Int, Int),
    ("cpl", Int, Int),
    ("neg", Int, Int),
    ("not", Int, Bool),
    ("bool", Int, Bool),
    ("even", Int, Bool),
    ("odd", Int, Bool),
    ("htonl", Int, Bin),
    ("add(9876543210),utime(%Y-%m-%d)", Int, Str),
    ("add(9876543210),ms_utime(%H:%M:%S)", Int, Str),
    ("add(9876543210),us_utime(%s)", Int, Str),
    ("add(9876543210),http_date(^)", Int, Str),
    ("x509_v_err_str", Int, Str),
    ("iif($,$),lower", Bool, Str),
    ("ipmask(24)", Addr, Addr),
    ("ipmask(~,64)", Addr, Addr),
    ("lower", Str, Str),
    ("upper", Str, Str),
    ("length", Str, Int),
    ("reverse", Str, Str),
    ("reverse_dom", Str, Str),
    ("ltrim($)", Str, Str),
    ("rtrim($)", Str, Str),
    ("cut_crlf", Str, Str),
    ("field(~,.)", Str, Str),
    ("field(-~,/)", Str, Str),
    ("field(~,a,~)", Str, Str),
    ("word(~,.)", Str, Str),
    ("word(-~,/)", Str, Str),
    ("word(~,a,~)", Str, Str),
    ("bytes(~)", Bin, Bin),
    ("bytes(~,~)", Bin, Bin),
    ("concat($,,$)", Str, Str),
    ("add_item(/,,$)", Str, Str),
    ("url_dec", Str, Str),
    ("url_dec(1)", Str, Str),
    ("url_enc", Str, Str),
    ("url_enc(query)", Str, Str),
    ("hex", Bin, Str),
    ("hex2i", Str, Int),
    ("base2", Bin, Str),
    ("base64", Bin, Str),
    ("b64dec", Str, Bin),
    ("ub64enc", Bin, Str),
    ("ub64dec", Str, Bin),
    ("be2dec(:,~)", Bin, Str),
    ("be2dec(.,~,1)", Bin, Str),
    ("be2hex(:,~)", Bin, Str),
    ("be2hex(-,~,1)", Bin, Str),
    ("le2dec(:,~)", Bin, Str),
    ("sdbm(0)", Bin, Int),
    ("sdbm(1)", Bin, Int),
    ("djb2(1)", Bin, Int),
    ("wt6(1)", Bin, Int),
    ("crc32(1)", Bin, Int),
    ("crc32c(0)", Bin, Int),
    ("xxh32(^)", Bin, Int),
    ("xxh64(^)", Bin, Int),
    ("xxh3(^)", Bin, Int),
    ("sha1", Bin, Bin),
    ("sha2(256)", Bin, Bin),
    ("sha2(384)", Bin, Bin),
    ("digest(md5)", Bin, Bin),
    ("hmac(sha256,c2VjcmV0)", Bin, Bin),
    ("json", Str, Str),
    ("json(utf8s)", Str, Str),
    ("host_only", Str, Str),
    ("port_only", Str, Int),
    ("param(a)", Str, Str),
    ("param(b,;)", Str, Str),
    ("language(a;bc;foo,de)", Str, Str),
    ("regsub([a-c]+,_,g)", Str, Str),
    ("regsub(a,b)", Str, Str),
    ("regsub(X,zz,gi)", Str, Str),
    ("has_ctl", Bin, Bool),
    ("mqtt_is_valid", Bin, Bool),
    ("rfc7239_is_valid", Str, Bool),
    ("rfc7239_field(for)", Str, Str),
    ("map(virt@nothing,$)", Str, Str),
    ("map_beg(virt@nothing,$)", Str, Str),
    ("ip.ver", Bin, Int),
    ("ip.proto", Bin, Int),
    ("tcp.src", Bin, Int),
    ("digest(sha512-224)", Bin, Bin),
    ("digest(sha3-224)", Bin, Bin),
    ("digest(blake2b512)", Bin, Bin),
    ("digest(blake2s256)", Bin, Bin),
    ("digest(ripemd160)", Bin, Bin),
    ("digest(sm3)", Bin, Bin),
    ("digest(md5-sha1)", Bin, Bin),
    ("digest(shake128)", Bin, Bin),
    ("hmac(sha512-224,c2VjcmV0)", Bin, Bin),
    ("hmac(sha3-224,c2VjcmV0)", Bin, Bin),
    ("hmac(blake2b512,c2VjcmV0)", Bin, Bin),
    ("hmac(ripemd160,c2VjcmV0)", Bin, Bin),
    ("hmac(sm3,c2VjcmV0)", Bin, Bin),
    ("jwt_verify(HS256,$)", Bin, Int),
    ("jwt_decrypt_secret(c2VjcmV0c2VjcmV0c2VjcmV0)", Bin, Bin),
    ("map_str_int(virt@nothing,^)", Str, Int),
    ("map_sub_int(virt@numbers,~)", Str, Int),
    ("map_ip_ip(virt@addresses,1.2.3.~)", Addr, Addr),
    ("map_end_ip(virt@other,1.2.3.~)", Str, Addr),
    ("rfc7239_nn", Str, Str),
    ("rfc7239_np", Str, Int),
    ("rfc7239_n2nn", Str, Str),
    ("rfc7239_n2np", Str, Str),
    ("ungrpc(1)", Bin, Bin),
    ("protobuf(~)", Bin, Bin),
    ("fix_is_valid", Bin, Bool),
    ("ip.ttl", Bin, Int),
    ("ip.src", Bin, Addr),
    ("ip.data", Bin, Bin),
    ("tcp.seq", Bin, Int),
    ("eth.proto", Bin, Int),
];

/// Whether a sample is cast where the other type is asked for (manual, 7.1).
fn casts(from: Type, to: Type) -> bool {
    match (from, to) {
        // What arithmetic makes of a boolean is a boolean still on the reference, whatever its value.
        (Bool, Int | Addr) | (Addr | Bin, Bool | Int) | (Bin, Addr) => false,
        _ => true,
    }
}

/// A random chain of converters over a random fetch, as long as its text is short enough.
fn expression(dice: &mut Dice) -> String {
    let (fetch, mut gives) = FETCHES[dice.below(FETCHES.len())];
    let mut text = dice.filled(fetch);
    for _ in 0..dice.below(5) {
        let (converter, takes, result) = CONVERTERS[dice.below(CONVERTERS.len())];
        // The parts of a node's name point into a number's text that the reference has overwritten by then.
        let overwritten = converter.starts_with("rfc7239_n") && gives != Str;
        if casts(gives, takes) && !overwritten {
            text += ",";
            text += &dice.filled(converter);
            gives = result;
        }
    }
    text
}

/// A random request for the `n`th group of expressions.
fn request(dice: &mut Dice, n: usize) -> String {
    let value = |dice: &mut Dice| {
        let parts = 1 + dice.below(3);
        (0..parts).map(|_| dice.one_of(&VALUES)).collect::<Vec<_>>().join("")
    };
    let mut text =
        format!("GET /{n}?a={}&b=%4{}+x&n={}", dice.one_of(&WORDS), dice.below(10), dice.one_of(&INTEGERS));
    text += " HTTP/1.1\r\nHost: h.example:80\r\n";
    for name in ["X-A", "X-A", "X-B", "X-N", "X-Ip"] {
        let value = match name {
            "X-N" => dice.one_of(&INTEGERS).to_owned(),
            "X-Ip" => dice.one_of(&["1.2.3.4", "::1", "x", "10.0.0.1, 2001:db8::1"]).to_owned(),
            _ => value(dice),
        };
        text += &format!("{name}: {value}\r\n");
    }
    text + &format!(
        "Cookie: c={}; d={}; n=4{}\r\n\r\n",
        dice.one_of(&WORDS),
        dice.one_of(&WORDS),
        dice.below(10)
    )
}

const VALUES: [&str; 16] = [
    "a",
    "b, c",
    "foo",
    "\"q, r\"",
    "a=1;b=2",
    "12",
    "0x1F",
    "de;q=0.5, bc",
    "YWJj",
    "%41%zz+",
    "x/y/z.html",
    "A.B.c",
    "for=1.2.3.4;by=x",
    "414243",
    "%00a",
    "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln",
];

#[test]
fn random_expressions_give_the_same_on_both() {
    let wanted = number("WEIR_EVALUATIONS").unwrap_or(4000);
    let first = number("WEIR_SEED").unwrap_or(20_261_121);
    let mut done = 0;
    for seed in first.. {
        if done >= wanted {
            break;
        }
        done += round(seed);
    }
    eprintln!("{done} evaluations from seed {first}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One configuration and its requests; how many evaluations it made.
fn round(seed: u64) -> u64 {
    const GROUPS: usize = 40;
    const EACH: usize = 10;
    const REQUESTS: usize = 400;
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let groups: Vec<Vec<String>> =
        (0..GROUPS).map(|_| (0..EACH).map(|_| expression(&mut dice)).collect()).collect();
    let requests: Vec<(usize, String)> = (0..REQUESTS)
        .map(|_| {
            let n = dice.below(GROUPS);
            (n, request(&mut dice, n))
        })
        .collect();
    let texts: Vec<String> = groups.iter().map(|group| formatted(group)).collect();
    let (mut suspects, mut asked) = (Vec::new(), Vec::new());
    if let [reference, weir] = evaluated(&texts, &requests, false).as_slice() {
        for (((n, text), reference), weir) in requests.iter().zip(reference).zip(weir) {
            for expression in differing(&groups[*n], reference, weir) {
                asked.push((suspects.len(), aimed(text, suspects.len())));
                suspects.push(expression);
            }
        }
    }
    confirm(seed, &suspects, &asked);
    (REQUESTS * EACH) as u64
}

/// Looks at each difference by itself: the reference's answers may depend on what it computed just before.
fn confirm(seed: u64, suspects: &[String], asked: &[(usize, String)]) {
    if suspects.is_empty() {
        return;
    }
    let texts: Vec<String> = suspects.iter().map(|e| formatted(std::slice::from_ref(e))).collect();
    let mut failed = Vec::new();
    if let [reference, weir] = evaluated(&texts, asked, true).as_slice() {
        for ((n, request), (reference, weir)) in asked.iter().zip(reference.iter().zip(weir)) {
            if reference != weir {
                let expression = &suspects[*n];
                failed
                    .push(format!("{expression}: {weir:?}, on the reference {reference:?}, for\n{request}"));
            }
        }
    }
    assert!(failed.is_empty(), "seed {seed}: {} differ\n{}", failed.len(), failed.join("\n"));
}

/// A log format of these expressions.
fn formatted(group: &[String]) -> String {
    let all: Vec<String> = group.iter().map(|e| format!("<%[{e}]>")).collect();
    all.join("|").replace('\\', "\\\\").replace('"', "\\\"")
}

/// A request for another path.
fn aimed(request: &str, path: usize) -> String {
    let query = request.find('?').unwrap_or_default();
    format!("GET /{path}{}", &request[query..])
}

/// What each program makes of the formats: an answer for each request.
fn evaluated(formats: &[String], requests: &[(usize, String)], alone: bool) -> Vec<Vec<String>> {
    let answers: Mutex<Vec<Vec<String>>> = Mutex::default();
    compat(|t| {
        let mut text = "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
                timeout http-keep-alive 5s
            frontend fe
                bind {fe}
        "
        .to_owned();
        for (n, format) in formats.iter().enumerate() {
            text += &format!(
                "        http-request return status 200 content-type text/plain lf-string \"{format}\" if {{ path /{n} }}\n"
            );
        }
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        let mut all = Vec::new();
        for (_, text) in requests {
            if alone {
                client = proxy.client("fe");
            }
            client.send(text);
            all.push(String::from_utf8_lossy(&client.recv_message().body).into_owned());
        }
        answers.lock().unwrap().push(all);
    });
    answers.into_inner().unwrap()
}

/// The expressions of a group whose values differ.
fn differing(group: &[String], reference: &str, weir: &str) -> Vec<String> {
    if reference == weir {
        return Vec::new();
    }
    let (r, w): (Vec<_>, Vec<_>) = (reference.split(">|<").collect(), weir.split(">|<").collect());
    let trim = |text: &str| text.trim_start_matches('<').trim_end_matches('>').to_owned();
    if r.len() != group.len() || w.len() != group.len() {
        return group.to_vec();
    }
    let pairs = group.iter().zip(r.iter().zip(&w));
    pairs.filter(|(_, (r, w))| trim(r) != trim(w)).map(|(e, _)| e.clone()).collect()
}
