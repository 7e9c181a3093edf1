//! What a request counts as, and for whom.
//!
//! Requests without a session count for an address, where the routes say so ([`registrations`],
//! [`sign_ins`]); all others for their device and its user, when the session is known ([`ask`]).
//! What they count as stands beside the route as `app_data`, or follows from the method: the path
//! as it was sent may be written in many ways.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};

use super::Problem;
use crate::app::App;
use crate::rate_limits::{Ask, Knock};
use crate::sessions::ClientAuth;

/// Who asked for whom, as proxies write it; the one next to us stands last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Counts requests for accounts.
pub(super) async fn registrations<B: MessageBody + 'static>(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    counted(&app, Knock::Registration, request, next).await
}

/// Counts requests for sessions.
pub(super) async fn sign_ins<B: MessageBody + 'static>(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    counted(&app, Knock::SignIn, request, next).await
}

async fn counted<B: MessageBody + 'static>(
    app: &App,
    as_what: Knock,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match knock(app, request.request(), as_what) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request
            .into_response(HttpResponse::from_error(problem))
            .map_into_right_body()),
    }
}

/// Counts a request for its address.
pub(super) fn knock(app: &App, request: &HttpRequest, as_what: Knock) -> Result<(), Problem> {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let address = asker(peer, request.headers(), &app.config.http.trusted_proxies);
    Ok(app.rate_limits.knock(address, as_what)?)
}

/// Counts a request for the device that makes it.
pub(super) fn ask(app: &App, request: &HttpRequest, who: &ClientAuth) -> Result<(), Problem> {
    let by_route = request.app_data::<Ask>().copied();
    let as_what = by_route.unwrap_or(match *request.method() {
        Method::GET | Method::HEAD => Ask::Read,
        _ => Ask::Change,
    });
    Ok(app.rate_limits.ask(who, as_what)?)
}

/// The address a request comes from: the peer's or, if that is a proxy of ours, the last one that
/// is none. What stands before that was written by somebody we do not know.
fn asker(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let is_ours = |address: &IpAddr| proxies.contains(&address.to_canonical());
    if !is_ours(&peer) {
        return peer;
    }
    let mut last = peer;
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .filter_map(|line| line.to_str().ok())
        .collect();
    for written in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = written.trim().parse::<IpAddr>() else {
            return last;
        };
        last = address;
        if !is_ours(&address) {
            return last;
        }
    }
    last
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn from(peer: &str, lines: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                HeaderName::from_static(FORWARDED_FOR),
                HeaderValue::from_str(line).unwrap(),
            );
        }
        let proxies: Vec<IpAddr> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        asker(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed() {
        assert_eq!(from("192.0.2.1", &["198.51.100.9"], &[]), "192.0.2.1");
        assert_eq!(
            from("192.0.2.1", &["198.51.100.9"], &["192.0.2.2"]),
            "192.0.2.1"
        );
        assert_eq!(
            from("192.0.2.1", &["198.51.100.9"], &["192.0.2.1"]),
            "198.51.100.9"
        );
        assert_eq!(
            from("::ffff:192.0.2.1", &["198.51.100.9"], &["192.0.2.1"]),
            "198.51.100.9"
        );
    }

    #[test]
    fn the_last_address_that_is_not_ours_counts_whatever_stands_before_it() {
        let proxies = ["192.0.2.1", "192.0.2.2"];
        let spoofed = ["203.0.113.5, 198.51.100.9, 192.0.2.2"];
        assert_eq!(from("192.0.2.1", &spoofed, &proxies), "198.51.100.9");
        let lines = ["203.0.113.5", "198.51.100.9,192.0.2.2"];
        assert_eq!(from("192.0.2.1", &lines, &proxies), "198.51.100.9");
    }

    #[test]
    fn what_cannot_be_read_counts_for_the_proxy_that_passed_it_on() {
        let proxies = ["192.0.2.1", "192.0.2.2"];
        assert_eq!(from("192.0.2.1", &[], &proxies), "192.0.2.1");
        assert_eq!(from("192.0.2.1", &["unknown"], &proxies), "192.0.2.1");
        assert_eq!(
            from("192.0.2.1", &["198.51.100.9, what, 192.0.2.2"], &proxies),
            "192.0.2.2"
        );
        assert_eq!(from("192.0.2.1", &["192.0.2.2"], &proxies), "192.0.2.2");
    }
}
