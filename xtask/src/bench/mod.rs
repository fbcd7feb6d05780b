//! stub
use crate::Result;
pub(crate) const OPTIONS: &str = "";
pub(crate) fn run(_options: &[String]) -> Result {
    Ok(())
}
