//! The client door: the whole table of its routes.
//!
//! Bodies are those of `grove_wire::api` and, for rooms, MIMI's own. A whole URI in a path is one percent-encoded
//! segment.

mod accounts;
mod devices;
mod events;
mod key_packages;
mod messages;
mod rooms;
mod server;
mod sessions;

use actix_web::{
    Resource,
    web::{self, ServiceConfig, delete, get, post, put},
};

use super::{Problem, problem};

/// Everything a client can ask for.
pub(crate) fn routes(door: &mut ServiceConfig) {
    door.service(
        web::scope("/v1")
            .service(at("/server").route(get().to(server::show)))
            // Accounts and devices.
            .service(at("/accounts").route(post().to(accounts::register)))
            .service(at("/whoami").route(get().to(accounts::whoami)))
            .service(at("/challenges").route(post().to(sessions::challenge)))
            .service(at("/sessions").route(post().to(sessions::open)))
            .service(at("/sessions/current").route(delete().to(sessions::close)))
            .service(at("/users/{user}/device-list").route(get().to(devices::show_list)))
            .service(at("/device-list").route(put().to(devices::replace_list)))
            .service(
                at("/key-packages")
                    .route(get().to(key_packages::count))
                    .route(put().to(key_packages::upload)),
            )
            // Rooms.
            .service(
                at("/rooms")
                    .route(get().to(rooms::list))
                    .route(post().to(rooms::create)),
            )
            .service(at("/rooms/{room}/tree/{epoch}").route(get().to(rooms::tree)))
            .service(at("/rooms/{room}/log").route(get().to(rooms::log)))
            .service(at("/keyMaterial/{target_user}").route(post().to(rooms::key_material)))
            .service(at("/groupInfo/{room}").route(post().to(rooms::group_info)))
            .service(at("/update/{room}").route(post().to(messages::update)))
            .service(at("/submitMessage/{room}").route(post().to(messages::submit)))
            // What happened.
            .service(at("/events").route(get().to(events::socket)))
            .service(at("/poll").route(get().to(events::poll)))
            .service(at("/acks").route(post().to(events::ack))),
    );
}

/// A resource whose unknown methods get a problem document too.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(no_such_method))
}

async fn no_such_method() -> Problem {
    problem::method_not_allowed()
}
