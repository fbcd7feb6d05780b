//! A small authority of a test's own, made with `openssl(1)`: certificates with any names and times, revocation, and
//! answers of OCSP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An authority in a folder of its own.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// What a certificate is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its common name, and a DNS name of it.
    pub name: &'a str,
    /// From when to when it is valid, `20200101000000Z`; absent for today.
    pub times: Option<(&'a str, &'a str)>,
    /// How long it is valid from today on, where there are no times.
    pub days: u16,
    /// More lines of extensions.
    pub extensions: &'a str,
}

/// A process that ends with the test.
#[derive(Debug)]
pub struct Background(Child);

// === impl Authority ===

impl Authority {
    /// A fresh authority.
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for an authority");
        let this = Self { folder: folder.to_owned() };
        fs::write(this.path("index.txt"), "").expect("an index");
        fs::write(this.path("serial"), "1000\n").expect("a number");
        fs::write(this.path("crlnumber"), "01\n").expect("a number");
        fs::write(this.path("ca.cnf"), CONFIG).expect("a configuration");
        this.openssl(&format!("req -x509 {KEY} -days 30 -subj /CN=Authority -keyout ca.key -out ca.pem"));
        this
    }

    /// A file of it: `ca.pem` is its certificate, `ca.key` its key.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The text of a file of it.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of the authority")
    }

    /// Makes a certificate with its key in the file `NAME.pem`; the text of it.
    pub fn issue(&self, wanted: Wanted<'_>) -> String {
        let Wanted { name, times, days, extensions } = wanted;
        let lines = format!("[x]\nsubjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n{extensions}\n");
        fs::write(self.path("extensions"), lines).expect("extensions");
        self.openssl(&format!("req {KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let times = match times {
            Some((from, to)) => format!("-startdate {from} -enddate {to}"),
            None => format!("-days {days}"),
        };
        self.openssl(&format!(
            "ca -batch -notext -config ca.cnf -extfile extensions -extensions x {times} -in {name}.csr -out {name}.crt"
        ));
        let text = self.text(&format!("{name}.crt")) + &self.text(&format!("{name}.key"));
        fs::write(self.path(&format!("{name}.pem")), &text).expect("a certificate");
        text
    }

    /// Revokes a certificate; the list of all that were.
    pub fn revoke(&self, name: &str) -> String {
        self.openssl(&format!("ca -config ca.cnf -revoke {name}.crt"));
        self.revocations()
    }

    /// The list of all that were revoked.
    pub fn revocations(&self) -> String {
        self.openssl("ca -config ca.cnf -gencrl -crldays 30 -out crl.pem");
        self.text("crl.pem")
    }

    /// What OCSP says of a certificate today, in DER.
    pub fn ocsp_response(&self, name: &str) -> Vec<u8> {
        self.ocsp_response_by("ca", name)
    }

    /// The same, said by the holder of another certificate.
    pub fn ocsp_response_by(&self, signer: &str, name: &str) -> Vec<u8> {
        let signed = format!("-rsigner {signer}.pem -rkey {signer}.key -CA ca.pem -index index.txt -ndays 1");
        self.openssl(&format!("ocsp -issuer ca.pem -cert {name}.crt -reqout request.der -no_nonce"));
        self.openssl(&format!("ocsp {signed} -reqin request.der -respout response.der"));
        fs::read(self.path("response.der")).expect("a response")
    }

    /// Answers questions of OCSP on a port until it is dropped.
    pub fn responder(&self, port: u16) -> Background {
        let signed = "-rsigner ca.pem -rkey ca.key -CA ca.pem -index index.txt -ndays 1";
        let mut command = self.command(&format!("ocsp -port {port} {signed}"));
        Background(command.spawn().expect("openssl(1) is there"))
    }

    fn openssl(&self, arguments: &str) {
        let status = self.command(arguments).status().expect("openssl(1) is there");
        assert!(status.success(), "openssl {arguments}");
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

// === impl Wanted ===

impl<'a> Wanted<'a> {
    /// A certificate that is good today.
    pub fn good(name: &'a str) -> Self {
        Self { name, times: None, days: 30, extensions: "" }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

const CONFIG: &str = "\
[ca]
default_ca=d
[d]
database=index.txt
serial=serial
crlnumber=crlnumber
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
default_md=sha256
policy=p
unique_subject=no
[p]
commonName=supplied
";
