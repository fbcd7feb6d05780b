//! What fetches read of an HTTP message head.
//!
//! The one seam between expressions and the message type: everything about start lines and header lines
//! goes through here, so that fetches of requests and of responses, of HTTP/1 and of HTTP/2 are the same code.

/// The head of a request or a response.
pub trait Message {
    /// The request's method; empty for a response.
    fn method(&self) -> &[u8];
    /// The request target as it is now, origin, absolute, authority or asterisk form.
    fn uri(&self) -> &[u8];
    /// Major and minor version.
    fn version(&self) -> (u8, u8);
    /// The response's status; 0 for a request.
    fn status(&self) -> u16;
    /// The response's reason phrase.
    fn reason(&self) -> &[u8];
    /// The `i`th header line in order of arrival: name and value without the blanks around it. The name is
    /// spelled as it came.
    fn header(&self, i: usize) -> Option<(&[u8], &[u8])>;
}
