//! `userlist` sections (manual, 12.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, values};
use weir_diag::{Diagnostic, Diagnostics};

use super::cross::alert;
use super::{List, ListCtx, ListFn, UserlistDraft};
use crate::conf::{Password, User, Userlist};

/// The lines of the section.
pub(super) const USERLIST: &[Keyword<ListFn>] = &[
    Keyword::works(entry("user", "a user, the password and the groups"), user),
    Keyword::works(entry("group", "a group and its users"), group),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Userlist, name, Sections::USERLIST, Arity::ANY, help)
}

fn user(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let List::Users(draft) = &mut ctx.list else { return Ok(()) };
    let Some((name, mut rest)) = line.args().split_first() else {
        return Err(line.alert("'user' expects <name> as arguments.").tight());
    };
    let name = name.text().into_owned();
    if draft.has_user(&name) {
        let list = &draft.list.name;
        ctx.out
            .push(line.warning(format!("ignoring duplicated user '{name}' in userlist '{list}'.")).tight());
        return Ok(());
    }
    let mut user = User { name, password: Password::None, groups: Vec::new() };
    while let Some((word, tail)) = rest.split_first() {
        let value = tail.first().map(|w| w.text().into_owned()).unwrap_or_default();
        match &*word.bytes {
            b"password" => user.password = Password::Crypt(value),
            b"insecure-password" => user.password = Password::Clear(value),
            b"groups" => user.groups = names(&value),
            _ => {
                return Err(word
                    .alert("'user' only supports 'password', 'insecure-password' and 'groups' options.")
                    .tight());
            }
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    draft.list.users.push(user);
    draft.user_spans.push(line.span);
    Ok(())
}

fn group(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let List::Users(draft) = &mut ctx.list else { return Ok(()) };
    let Some((name, mut rest)) = line.args().split_first() else {
        return Err(line.alert("'group' expects <name> as arguments.").tight());
    };
    if let Some(bad) = values::invalid_character(&name.bytes) {
        let message = format!("character '{bad}' is not permitted in 'group' name '{}'.", name.text());
        return Err(name.alert(message).tight());
    }
    let name = name.text().into_owned();
    if draft.groups.iter().any(|(other, ..)| *other == name) {
        let list = &draft.list.name;
        ctx.out
            .push(line.warning(format!("ignoring duplicated group '{name}' in userlist '{list}'.")).tight());
        return Ok(());
    }
    let mut users = Vec::new();
    while let Some((word, tail)) = rest.split_first() {
        if !word.is("users") {
            return Err(word.alert("'group' only supports 'users' option.").tight());
        }
        users = tail.first().map(|w| names(&w.text())).unwrap_or_default();
        rest = tail.get(1..).unwrap_or_default();
    }
    draft.groups.push((name, users, line.span));
    Ok(())
}

/// Joins users and groups: each may name the other.
pub(super) fn joined(draft: UserlistDraft, out: &mut Diagnostics) -> Userlist {
    let UserlistDraft { mut list, groups, user_spans } = draft;
    let name = list.name.clone();
    for (user, at) in list.users.iter().zip(&user_spans) {
        for group in &user.groups {
            if !groups.iter().any(|(known, ..)| known == group) {
                out.push(alert(
                    *at,
                    format!("userlist '{name}': no such group '{group}' specified in user '{}'", user.name),
                ));
            }
        }
    }
    for (group, users, at) in groups {
        for wanted in users {
            match list.users.iter_mut().find(|u| u.name == wanted) {
                Some(user) if user.groups.contains(&group) => {}
                Some(user) => user.groups.push(group.clone()),
                None => out.push(alert(
                    at,
                    format!("userlist '{name}': no such user '{wanted}' specified in group '{group}'"),
                )),
            }
        }
    }
    list
}

fn names(list: &str) -> Vec<String> {
    list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect()
}
