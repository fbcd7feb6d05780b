//! Answers to the checks of protocols: what is judged of a beginning stays so when more comes, and nothing is open
//! once no more will.

use weir_wire::checks::{Answer, ldap_bind, mysql_greeting, mysql_login_answer, spop_hello};

#[test]
fn answers_are_judged_once_and_for_all() {
    bolero::check!().for_each(|bytes: &[u8]| {
        for judge in [ldap_bind, mysql_greeting, mysql_login_answer, spop_hello] {
            assert_ne!(judge(bytes, true), Answer::Open);
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            let early = judge(half, false);
            if early == Answer::Good {
                assert_eq!(judge(bytes, false), early);
            }
        }
    });
}
