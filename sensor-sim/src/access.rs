//! Who may do what: [`Access`], with the two [`Token`]s and the [`Host`]s under which the server may be asked for.
//!
//! This is the part that says what is allowed; `gate` asks it for each request. docs/access.md explains both to people.

mod hosts;
mod token;

use crate::tls::Tls;
pub(crate) use hosts::is_own_name;
pub use hosts::{Host, HostError};

pub use token::{Token, TokenError};

/// Who may read and who may publish, and by which names. The default lets everybody who reaches the port do both.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What sensors have to show on `/ingest`; `None`: nothing.
    pub publish: Option<Token>,
    /// What viewers have to show on `/live` and `/model`; `None`: nothing.
    pub read: Option<Token>,
    /// Names beside `localhost` and the address that a connection came to.
    pub hosts: Vec<Host>,
    /// How the port is encrypted; `None`: not at all.
    pub tls: Option<Tls>,
}

/// What one of the tokens is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// To send readings to `/ingest`.
    Publish,
    /// To take readings from `/live`, and models.
    Read,
}

impl Permission {
    /// As people know it.
    pub(crate) fn token_name(self) -> &'static str {
        match self {
            Self::Publish => "publish token",
            Self::Read => "read token",
        }
    }
}

impl Access {
    /// What has to be shown for this; `None`: nothing.
    pub(crate) fn token(&self, permission: Permission) -> Option<&Token> {
        match permission {
            Permission::Publish => self.publish.as_ref(),
            Permission::Read => self.read.as_ref(),
        }
    }
}
