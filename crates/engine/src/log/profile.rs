//! A `log-profile` section, compiled: what lines of a step look like for the targets that name it (manual,
//! 8.3.5).

use weir_expr::Format;

use super::Origin;
use crate::conf::LogProfileStep;

/// A compiled section.
#[derive(Debug)]
pub(crate) struct Profile {
    /// `log-tag`
    pub(super) tag: Option<Vec<u8>>,
    pub(super) steps: Vec<(LogProfileStep, Override)>,
}

/// What it says of a step.
#[derive(Debug, Default)]
pub(super) struct Override {
    pub(super) drop: bool,
    pub(super) format: Option<Format>,
    pub(super) structured: Option<Format>,
}

// === impl Profile ===

impl Profile {
    /// What holds for lines of this origin: the step's own words, else those for `any`.
    pub(super) fn of(&self, origin: Origin) -> Option<&Override> {
        let own = match origin.step() {
            Some(step) => LogProfileStep::At(step),
            None => LogProfileStep::Error,
        };
        let find = |wanted| self.steps.iter().find(|(step, _)| *step == wanted).map(|(_, says)| says);
        find(own).or_else(|| find(LogProfileStep::Any))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::LogStep;

    #[test]
    fn what_is_said_of_a_step_precedes_what_is_said_of_all() {
        let says = |drop| Override { drop, ..Override::default() };
        let profile = Profile {
            tag: None,
            steps: vec![
                (LogProfileStep::Any, says(true)),
                (LogProfileStep::At(LogStep::Accept), says(false)),
            ],
        };
        let drops = |origin| profile.of(origin).is_some_and(|says| says.drop);
        assert!(!drops(Origin::Accept));
        assert!(drops(Origin::Close));
        assert!(drops(Origin::SessionError));
    }
}
