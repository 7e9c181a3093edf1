//! The client door: the whole table of its routes.
//!
//! Bodies are those of `grove_wire::api` and, for rooms, MIMI's own. Users and
//! rooms stand in a path without a character that would have to be percent-encoded
//! (`grove_wire::uri::RoomSegment`): proxies decode what is.

mod accounts;
mod devices;
mod events;
mod key_packages;
mod links;
mod messages;
mod recoveries;
mod rooms;
mod server;
mod sessions;

use actix_web::Resource;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, delete, get, post, put};

pub(in crate::http) use self::events::{MAX_CLIENT_FRAME_BYTES, MAX_WAIT, WAIT};
use super::rate_limit::{registrations, sign_ins};
use super::{Problem, openapi, problem};
use crate::rate_limits::Ask;

/// Everything a client can ask for.
pub(crate) fn routes(door: &mut ServiceConfig) {
    door.service(
        web::scope("/v1")
            .service(at("/server").route(get().to(server::show)))
            .service(at("/openapi.json").route(get().to(openapi::show)))
            // Accounts and devices.
            .service(
                at("/accounts")
                    .route(post().to(accounts::register))
                    .wrap(from_fn(registrations)),
            )
            .service(at("/whoami").route(get().to(accounts::whoami)))
            .service(
                at("/challenges")
                    .route(post().to(sessions::challenge))
                    .wrap(from_fn(sign_ins)),
            )
            .service(
                at("/sessions")
                    .route(post().to(sessions::open))
                    .wrap(from_fn(sign_ins)),
            )
            .service(at("/sessions/current").route(delete().to(sessions::close)))
            .service(at("/users/{user}/device-list").route(get().to(devices::show_list)))
            .service(at("/device-list").route(put().to(devices::replace_list)))
            .service(
                at("/key-packages")
                    .route(get().to(key_packages::count))
                    .route(put().to(key_packages::upload)),
            )
            .service(at("/devices").route(get().to(devices::list_activity)))
            // A new device, and coming back without one.
            .service(
                at("/links")
                    .route(post().to(links::open))
                    .wrap(from_fn(sign_ins)),
            )
            .service(
                at("/links/{link}")
                    .route(get().to(links::look))
                    .route(delete().to(links::cancel)),
            )
            .service(at("/links/{link}/answer").route(put().to(links::answer)))
            .service(at("/links/{link}/reveal").route(put().to(links::reveal)))
            .service(at("/links/{link}/package").route(put().to(links::package)))
            .service(
                at("/recoveries")
                    .route(post().to(recoveries::recover))
                    .wrap(from_fn(registrations)),
            )
            .service(
                at("/recoveries/lookup")
                    .route(post().to(recoveries::look_up))
                    .wrap(from_fn(registrations)),
            )
            // Rooms.
            .service(
                at("/rooms")
                    .route(get().to(rooms::list))
                    .route(post().to(rooms::create)),
            )
            .service(at("/user-rooms").route(get().to(rooms::list_of_user)))
            .service(at("/rooms/{room}/tree/{epoch}").route(get().to(rooms::tree)))
            .service(at("/rooms/{room}/log").route(get().to(rooms::log)))
            .service(
                at("/keyMaterial/{target_user}")
                    .app_data(Ask::Claim)
                    .route(post().to(rooms::key_material)),
            )
            .service(
                at("/groupInfo/{room}")
                    .app_data(Ask::Claim)
                    .route(post().to(rooms::group_info)),
            )
            .service(at("/update/{room}").route(post().to(messages::update)))
            .service(
                at("/submitMessage/{room}")
                    .app_data(Ask::Message)
                    .route(post().to(messages::submit)),
            )
            // What happened.
            .service(at("/events").route(get().to(events::socket)))
            .service(at("/poll").route(get().to(events::poll)))
            .service(
                at("/acks")
                    .app_data(Ask::Read)
                    .route(post().to(events::ack)),
            ),
    );
}

/// A resource whose unknown methods get a problem document too.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(no_such_method))
}

async fn no_such_method() -> Problem {
    problem::method_not_allowed()
}
