//! What browsers and scrapers send to the pages: addresses and forms.

use weir_admin::page::form::Form;
use weir_admin::page::query::Query;
use weir_admin::prometheus::query::Query as Scrape;

/// What is read of a form is never longer than the form.
#[test]
fn admin_page_form() {
    bolero::check!().for_each(|body: &[u8]| {
        let form = Form::parse(body);
        let servers: usize = form.servers.iter().map(|name| name.len() + 2).sum();
        let others =
            [&form.backend, &form.action].into_iter().flatten().map(|value| value.len()).sum::<usize>();
        assert!(servers + others <= body.len());
    });
}

/// An address that a page makes of what it read is read as the same.
#[test]
fn admin_page_query() {
    bolero::check!().for_each(|rest: &[u8]| {
        let read = |rest: &[u8]| Query::parse(&[b"/s", rest].concat(), b"/s", true);
        let query = read(rest);
        let again = read(format!("{};", query.kept()).as_bytes());
        assert_eq!((query.up, query.refreshes), (again.up, again.refreshes));
        assert_eq!(query.scope, again.scope);
    });
}

/// Metrics that are left out last are not wanted.
#[test]
fn admin_scrape_query() {
    bolero::check!().for_each(|rest: &[u8]| {
        if let Ok(query) = Scrape::parse(&[b"/m?", rest, b"&metrics=-a"].concat()) {
            assert!(!query.wants("a"));
        }
    });
}
