use tctable::account;
use tctable_view::Inside;

use crate::config::{Form, Settings};

/// What is inside, in words.
pub(crate) fn inside(settings: &Settings) -> Inside {
    match (&settings.inside, &settings.form) {
        (Some(prefixes), _) => Inside { what: prefixes.iter().map(ToString::to_string).collect(), is_default: false },
        (None, Form::InLine { lan, .. }) => Inside { what: vec![lan.clone()], is_default: true },
        (None, Form::Tun { .. } | Form::Watch { .. }) => {
            let prefixes = account::Inside::default_prefixes();
            Inside { what: prefixes.iter().map(ToString::to_string).collect(), is_default: true }
        }
    }
}
