//! `grove rooms`: make, list, enter, leave, and change who is in.

use grove_core::{CreateRoomError, Event, JoinError, Numbered};
use grove_wire::uri::{RoomUri, UserUri};

use super::drafts;
use super::failures::{failed, unusable};
use crate::args::Rooms;
use crate::failure::Failure;
use crate::output::{ChangeLine, Created, EventLine, InvitedLine, MemberLine, Output, RoomLine};
use crate::session::Session;

pub(crate) async fn rooms(
    session: &mut Session,
    wish: Rooms,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    match wish {
        Rooms::Create {
            name,
            topic,
            invite,
        } => {
            create(session, &name, topic.as_deref(), &invite, output).await?;
        }
        Rooms::Draft { room, text } => drafts::draft(session, &room, text, output).await?,
        Rooms::List => return list(session, output).await,
        Rooms::Read { room } => drafts::read(session, &room, output).await?,
        Rooms::Invite { room, users } => {
            let room = session.find_room(&room).await?;
            invite(session, &room, &users, output).await?;
        }
        Rooms::Join { room } => join(session, &room, output).await?,
        Rooms::Leave { room } => {
            let room = session.find_room(&room).await?;
            session.client.leave(&room).await.map_err(failed)?;
            output.print(&ChangeLine {
                room,
                done: "left",
                users: Vec::new(),
            })?;
        }
        Rooms::Members { room } => return members(session, &room, output).await,
        Rooms::Rejoin { room } => rejoin(session, &room, output).await?,
        Rooms::Resume { room } => {
            let room = session.find_room(&room).await?;
            session.client.resume_room(&room).map_err(failed)?;
            output.print(&ChangeLine {
                room,
                done: "resumed",
                users: Vec::new(),
            })?;
        }
        Rooms::Remove { room, users } => {
            let room = session.find_room(&room).await?;
            session.client.remove(&room, &users).await.map_err(failed)?;
            output.print(&ChangeLine {
                room,
                done: "removed",
                users,
            })?;
        }
    }
    // Whom we added gets the room's name from us, among other things.
    session.settle(output).await;
    Ok(())
}

async fn create(
    session: &mut Session,
    name: &str,
    topic: Option<&str>,
    users: &[UserUri],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let room = session
        .client
        .create_room(name, topic)
        .await
        .map_err(not_created)?;
    output.print(&Created {
        room: room.clone(),
        name: name.to_owned(),
    })?;
    if users.is_empty() {
        return Ok(());
    }
    invite(session, &room, users, output).await
}

fn not_created(error: CreateRoomError) -> Failure {
    match error {
        CreateRoomError::NoName | CreateRoomError::Profile(_) => unusable(error),
        other => failed(other).advise_if_passing(
            "the room is kept and will be made by the next command that reaches the server",
        ),
    }
}

async fn invite(
    session: &mut Session,
    room: &RoomUri,
    users: &[UserUri],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let invited = session.client.invite(room, users).await.map_err(failed)?;
    output.print(&InvitedLine {
        room: room.clone(),
        added: invited.added,
        already: invited.already,
        without_devices: invited.without_devices,
    })
}

async fn join(session: &mut Session, room: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let room = session.find_room(room).await?;
    session.client.join(&room).await.map_err(not_joined)?;
    output.print(&ChangeLine {
        room,
        done: "joined",
        users: Vec::new(),
    })
}

fn not_joined(error: JoinError) -> Failure {
    match error {
        JoinError::HubKey => failed(error).advise(
            "the room, or this server, is not what it says: ask somebody who is in it, by another \
             way than this one",
        ),
        other => failed(other),
    }
}

async fn rejoin(session: &mut Session, room: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let room = session.find_room(room).await?;
    let events = session.client.rejoin(&room).await.map_err(failed)?;
    let names = session.room_names()?;
    let is_it =
        |told: &&Numbered| matches!(&told.event, Event::Healed { room: back, .. } if *back == room);
    for event in events.iter().filter(is_it) {
        output.print(&EventLine {
            event,
            names: &names,
        })?;
    }
    output.print(&ChangeLine {
        room,
        done: "rejoined",
        users: Vec::new(),
    })
}

async fn list(session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let rooms = session.client.rooms()?;
    if rooms.is_empty() {
        output.note("no rooms yet; grove rooms create NAME makes one");
    }
    rooms
        .into_iter()
        .try_for_each(|room| output.print(&RoomLine(room)))
}

async fn members(
    session: &mut Session,
    room: &str,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let room = session.client.find_room(room)?;
    let members = session.client.members(&room).map_err(failed)?;
    let me = session.client.whoami().user;
    for member in members {
        let me = member.user == me;
        output.print(&MemberLine { member, me })?;
    }
    Ok(())
}
