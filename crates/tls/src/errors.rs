//! Failures of sessions in OpenSSL's numbers and words, as logs and `ssl_fc_err` tell them (manual, 7.3.4).

use rustls::{AlertDescription, ContentType, Error, InvalidMessage, PeerIncompatible};

use crate::session::Failure;

/// The number of `ssl_fc_err`: the library's in the high bits, the reason below; 0 for an end that is no error.
pub fn number(failure: &Failure) -> i64 {
    reason(failure).map_or(0, |(reason, _)| LIBRARY | i64::from(reason))
}

/// The words of `ssl_fc_err_str`: `error:0A0000C1:SSL routines::no shared cipher`.
pub fn text(failure: &Failure) -> String {
    match reason(failure) {
        Some((reason, words)) => format!("error:{:08X}:SSL routines::{words}", LIBRARY | i64::from(reason)),
        None => String::new(),
    }
}

fn reason(failure: &Failure) -> Option<(u16, &'static str)> {
    let error = match failure {
        Failure::Closed => return None,
        Failure::NoHello(no) => return Some(no.reason()),
        Failure::Refused(refusal) => return Some(refusal.reason()),
        Failure::Protocol(error) => error,
    };
    Some(match error {
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon) => (193, "no shared cipher"),
        Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon) => (101, "no suitable key share"),
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon) => {
            (118, "no suitable signature algorithm")
        }
        Error::PeerIncompatible(_) => (258, "unsupported protocol"),
        Error::NoCertificatesPresented => (199, "peer did not return a certificate"),
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            (134, "certificate verify failed")
        }
        Error::NoApplicationProtocol => (235, "no application protocol"),
        Error::DecryptError => (281, "decryption failed or bad record mac"),
        Error::PeerSentOversizedRecord => (198, "packet length too long"),
        Error::InappropriateMessage { got_type: ContentType::ApplicationData, .. } => {
            (245, "unexpected record")
        }
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (244, "unexpected message")
        }
        Error::InvalidMessage(
            InvalidMessage::MissingData(_)
            | InvalidMessage::TrailingData(_)
            | InvalidMessage::MessageTooShort,
        ) => (159, "length mismatch"),
        Error::InvalidMessage(_) => (267, "wrong version number"),
        _ => (68, "internal error"),
    })
}

/// OpenSSL counts alerts from 1000 (RFC 8446 section 6.2).
fn of_alert(alert: AlertDescription) -> (u16, &'static str) {
    let words = match alert {
        AlertDescription::UnexpectedMessage => "ssl/tls alert unexpected message",
        AlertDescription::BadRecordMac => "ssl/tls alert bad record mac",
        AlertDescription::RecordOverflow => "tlsv1 alert record overflow",
        AlertDescription::HandshakeFailure => "ssl/tls alert handshake failure",
        AlertDescription::BadCertificate => "ssl/tls alert bad certificate",
        AlertDescription::UnsupportedCertificate => "ssl/tls alert unsupported certificate",
        AlertDescription::CertificateRevoked => "ssl/tls alert certificate revoked",
        AlertDescription::CertificateExpired => "ssl/tls alert certificate expired",
        AlertDescription::CertificateUnknown => "ssl/tls alert certificate unknown",
        AlertDescription::IllegalParameter => "ssl/tls alert illegal parameter",
        AlertDescription::UnknownCA => "tlsv1 alert unknown ca",
        AlertDescription::AccessDenied => "tlsv1 alert access denied",
        AlertDescription::DecodeError => "tlsv1 alert decode error",
        AlertDescription::DecryptError => "tlsv1 alert decrypt error",
        AlertDescription::ProtocolVersion => "tlsv1 alert protocol version",
        AlertDescription::InsufficientSecurity => "tlsv1 alert insufficient security",
        AlertDescription::InternalError => "tlsv1 alert internal error",
        AlertDescription::UserCanceled => "tlsv1 alert user cancelled",
        AlertDescription::NoRenegotiation => "tlsv1 alert no renegotiation",
        AlertDescription::UnrecognisedName => "tlsv1 unrecognized name",
        AlertDescription::CertificateRequired => "tlsv13 alert certificate required",
        AlertDescription::NoApplicationProtocol => "tlsv1 alert no application protocol",
        _ => "unknown alert type",
    };
    (1000 + u16::from(u8::from(alert)), words)
}

/// Errors of TLS among those of all of OpenSSL.
const LIBRARY: i64 = 20 << 23;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_numbers_of_the_other_library() {
        let failure = |error| {
            (number(&Failure::Protocol(error)), text(&Failure::Protocol(Error::NoCertificatesPresented)))
        };
        assert_eq!(failure(Error::AlertReceived(AlertDescription::UnknownCA)).0, 0x0a00_0418);
        assert_eq!(
            failure(Error::DecryptError).1,
            "error:0A0000C7:SSL routines::peer did not return a certificate"
        );
        assert_eq!((number(&Failure::Closed), text(&Failure::Closed)), (0, String::new()));
    }
}
