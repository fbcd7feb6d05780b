//! Giving up privileges: user, group, root folder (`user`, `group`, `uid`, `gid`, `chroot`).
//!
//! The calls go through libc, which changes all threads of a process; they are still made before threads start, so
//! that no thread ever runs with more than it needs.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Whom a process becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; the one that runs it where absent.
    pub uid: Option<u32>,
    /// The group; the one that runs it where absent.
    pub gid: Option<u32>,
}

/// Which step of giving up privileges failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropStep {
    /// Leaving the supplementary groups.
    Groups,
    /// Taking the group.
    Group,
    /// Taking the user.
    User,
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes `folder` the root of the file system for this process, and its working folder.
pub fn enter_root(folder: &Path) -> io::Result<()> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: the path is a string that lives during the call.
    checked(unsafe { libc::chroot(path.as_ptr()) })?;
    std::env::set_current_dir("/")
}

/// As [`enter_root`], with an empty folder that no other process can find (`chroot auto`).
pub fn enter_empty_root() -> io::Result<()> {
    let template = std::env::temp_dir().join("weir.XXXXXX").into_os_string().into_vec();
    let mut template = CString::new(template)?.into_bytes_with_nul();
    // SAFETY: the buffer is writable, ends in a zero byte and lives during the call.
    let made = unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) };
    if made.is_null() {
        return Err(io::Error::last_os_error());
    }
    template.pop();
    let folder = PathBuf::from(std::ffi::OsString::from_vec(template));
    std::env::set_current_dir(&folder)?;
    std::fs::remove_dir(&folder)?;
    let here = c".";
    // SAFETY: the path is a constant string.
    checked(unsafe { libc::chroot(here.as_ptr()) })
}

/// Becomes `identity`, supplementary groups left first; all of it for good.
pub fn become_identity(identity: Identity) -> Result<(), (DropStep, io::Error)> {
    if is_root() && (identity.uid.is_some() || identity.gid.is_some()) {
        // SAFETY: an empty list needs no pointer.
        checked(unsafe { libc::setgroups(0, std::ptr::null()) }).map_err(|e| (DropStep::Groups, e))?;
    }
    if let Some(gid) = identity.gid {
        // SAFETY: no memory is involved.
        checked(unsafe { libc::setgid(gid) }).map_err(|e| (DropStep::Group, e))?;
    }
    if let Some(uid) = identity.uid {
        // SAFETY: no memory is involved.
        checked(unsafe { libc::setuid(uid) }).map_err(|e| (DropStep::User, e))?;
    }
    Ok(())
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn becoming_nobody_in_particular_changes_nothing() {
        let before = rustix::process::getuid();
        become_identity(Identity::default()).unwrap();
        assert_eq!(rustix::process::getuid(), before);
    }

    #[test]
    fn a_root_that_is_not_there_cannot_be_entered() {
        assert!(enter_root(Path::new("/nonexistent/for/sure")).is_err());
        assert!(enter_root(Path::new("/has\0zero")).is_err());
    }
}
