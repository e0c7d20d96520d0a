use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;

/// What somebody at the other end of the socket may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Nothing,
    /// Look.
    Read,
    /// Look, and change things.
    Change,
}

/// Who is at the other end: what the kernel says of the process that connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) uid: u32,
    /// Its group, and its supplementary ones.
    pub(super) groups: Vec<u32>,
}

impl Access {
    /// What a peer may do where a socket belongs to that group and was made by that user.
    pub(super) fn of(peer: &Peer, owner: u32, group: u32) -> Access {
        if peer.uid == 0 || peer.uid == owner {
            Access::Change
        } else if peer.groups.contains(&group) {
            Access::Read
        } else {
            Access::Nothing
        }
    }
}

/// Lets through what the peer may do. Nobody said who the peer is: it may nothing.
pub(super) async fn check(request: Request, next: Next) -> Result<Response, ApiError> {
    let access = request.extensions().get().copied().unwrap_or(Access::Nothing);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match access {
        Access::Change => Ok(next.run(request).await),
        Access::Read if reads => Ok(next.run(request).await),
        Access::Read => Err(ApiError::forbidden("only root may change anything")),
        Access::Nothing => Err(ApiError::forbidden("only root and the socket's group may look")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_changes_the_group_reads_others_nothing() {
        let access = |uid, groups: &[u32]| Access::of(&Peer { uid, groups: groups.to_vec() }, 990, 50);
        assert_eq!(access(0, &[0]), Access::Change);
        assert_eq!(access(990, &[990]), Access::Change);
        assert_eq!(access(1000, &[1000, 50]), Access::Read);
        assert_eq!(access(1000, &[50]), Access::Read);
        assert_eq!(access(1000, &[1000, 27]), Access::Nothing);
        assert_eq!(access(65534, &[65534]), Access::Nothing);
        // The group of root, without being root.
        assert_eq!(access(1000, &[0]), Access::Nothing);
    }
}
