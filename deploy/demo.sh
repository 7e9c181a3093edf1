#!/usr/bin/env bash
# Two people, one server, one conversation; then a search of the server's disk for it.
#
# Uses the real binaries and a private PostgreSQL in a temporary directory, on loopback only. Every step is checked: the exit
# code is 0 only if all of them held. KEEP=1 leaves the server running at the end and prints how to go on by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

domain=grove.test
room_name='Marmalade quokkas'
topic='Ukulele rehearsal beneath the gazebo'
first='Rehearsal postponed: ukuleles to the gazebo, midnight sharp.'
second='Zebra umbrellas are obligatory; drizzle is forecast.'
reply='Splendid. My marmalade sandwiches survive any drizzle.'
live='Quokkas spotted near the rhubarb, on tiptoe!'
late='Understood, tiptoeing with rhubarb.'

# --- the script's own tools -------------------------------------------------------------------------------------------

steps=0
step() {
    steps=$((steps + 1))
    printf '\n%2d. %s\n' "$steps" "$*"
}
ok() { printf '    ok: %s\n' "$*"; }
fail() {
    printf '    FAILED: %s\n' "$*" >&2
    exit 1
}

# True as soon as the command is; false after that many seconds.
within() {
    local tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# The values of a text field, one per JSON line.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# --- the server -------------------------------------------------------------------------------------------------------

work=''
server_pid=''
listen_pid=''
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

finish() {
    local code=$?
    trap - EXIT
    [ -z "$listen_pid" ] || kill "$listen_pid" 2>/dev/null || true
    if alive "$server_pid"; then
        kill "$server_pid" 2>/dev/null || true
        within 20 gone "$server_pid" || kill -KILL "$server_pid" 2>/dev/null || true
    fi
    if [ "$code" -ne 0 ] && [ -n "$work" ] && [ -s "$work/groved.log" ]; then
        printf '\nThe last lines of the server:\n' >&2
        tail -n 20 "$work/groved.log" | cut -c 1-300 >&2
    fi
    # A postmaster that outlived its groved, if any: by the id that it wrote itself.
    if [ -n "$work" ] && [ -f "$work/server/postgres/postmaster.pid" ]; then
        kill -INT "$(head -n 1 "$work/server/postgres/postmaster.pid")" 2>/dev/null || true
    fi
    [ -z "$work" ] || rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Whether groved has said that it is ready.
ready() {
    alive "$server_pid" || fail 'groved ended by itself'
    grep -qs '^ready ' "$work/ready"
}

start_server() {
    # A session of its own: Ctrl-C in the terminal is for this script, which stops the server in order.
    setsid "$groved" serve --config "$work/grove.toml" >"$work/ready" 2>>"$work/groved.log" </dev/null &
    server_pid=$!
    within 60 ready || fail 'groved is not ready after 60 s'
    url="$(sed -n 's/^ready client=\([^ ]*\).*/\1/p' "$work/ready")"
    [[ "$url" == http://127.0.0.1:* ]] || fail "not the address that was configured: '$url'"
}

stop_server() {
    local code=0
    kill -TERM "$server_pid"
    wait "$server_pid" || code=$?
    server_pid=''
    [ "$code" -eq 0 ] || fail "groved ended with $code after SIGTERM"
}

# --- the people -------------------------------------------------------------------------------------------------------

# Runs grove as that person: own data, own configuration, nothing else in common.
as() {
    local who=$1
    shift
    XDG_DATA_HOME="$work/$who/data" XDG_CONFIG_HOME="$work/$who/config" "$grove" "$@"
}

register() {
    local who=$1 token=$2
    mkdir -p "$work/$who"
    chmod 700 "$work/$who"
    GROVE_INVITE="$token" as "$who" register "$who@$domain" --server "$url" \
        --recovery-file "$work/$who/recovery-words" >"$work/$who/register.txt" || fail "$who could not register"
    [ "$(wc -w <"$work/$who/recovery-words")" -eq 24 ] || fail "$who has no 24 recovery words"
    [ "$(stat -c %a "$work/$who/recovery-words")" = 600 ] || fail "others may read $who's recovery words"
    ok "$who@$domain has a device, an identity key and 24 recovery words"
}

# Who said what, one line each, as that person's database has it.
conversation() {
    as "$1" history "$room" --json | sed -n 's/.*"sender": *"\([^"]*\)".*"text": *"\([^"]*\)".*/\1 \2/p' | sed "s|^mimi://$domain/u/||"
}

# --- the search -------------------------------------------------------------------------------------------------------

# Everything that PostgreSQL holds, as SQL text.
dump() {
    local pid_file="$work/server/postgres/postmaster.pid" pg_port socket_dir
    pg_port="$(sed -n 4p "$pid_file")"
    socket_dir="$(sed -n 5p "$pid_file")"
    "$pg_dumpall" --host "$socket_dir" --port "$pg_port" --username grove
}

hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }

# Every word of five letters or more that was said, or that names the room: lower case, one per line.
words() {
    printf '%s\n' "$room_name" "$topic" "$first" "$second" "$reply" "$live" "$late" |
        tr '[:upper:]' '[:lower:]' | grep -oE '[a-z]{5,}' | sort -u
}

# What to look for, in each form that a dump or a file may show it in: as it is, and in the hexadecimal of a bytea column.
patterns() {
    local word capital
    while read -r word; do
        capital="$(printf '%s' "${word:0:1}" | tr '[:lower:]' '[:upper:]')${word:1}"
        printf '%s\n' "$word" "$(hex "$word")" "$(hex "$capital")"
    done
}

# The files below the given ones that hold one of the patterns of $work/patterns.
holders() { LC_ALL=C grep -rilaF -f "$work/patterns" -- "$@" || true; }

# --- the demonstration ------------------------------------------------------------------------------------------------

step 'Build groved and grove with all they need: some four minutes the first time on two cores, seconds later'
cargo build -p grove-server --bin groved -p grove-cli --bin grove </dev/null
target="$(cargo metadata --format-version 1 --no-deps --quiet </dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')"
groved="$target/debug/groved"
grove="$target/debug/grove"
[ -x "$groved" ] && [ -x "$grove" ] || fail "no binaries under $target/debug"
ok "$("$groved" --version), $("$grove" --version)"

step 'Start the server: private PostgreSQL, plain HTTP on loopback'
work="$(mktemp -d "${TMPDIR:-/tmp}/grove-demo.XXXXXX")"
chmod 711 "$work" # the unprivileged user that PostgreSQL runs as must get through
cat >"$work/grove.toml" <<END
[server]
domain = "$domain"
data_dir = "$work/server"
registration = "invite"

[http]
listen = "127.0.0.1:0" # a free port
plain_http = true

[ops]
listen = "127.0.0.1:0"
END
start_server
sed -i "s|127.0.0.1:0\" # a free port|${url#http://}\"|" "$work/grove.toml" # and the same one from now on
ok "ready on $url, process $server_pid"

pg_dumpall="$(dirname "$(readlink -f "/proc/$(head -n 1 "$work/server/postgres/postmaster.pid")/exe")")/pg_dumpall"
words >"$work/words"
patterns <"$work/words" >"$work/patterns"
dump >"$work/before.sql" || fail 'the database cannot be dumped'
[ -z "$(holders "$work/before.sql" "$work/server")" ] ||
    fail "a word is on the disk before it was said, choose another: $(LC_ALL=C grep -ioaF -m 1 -f "$work/patterns" "$work/before.sql")"
ok "none of the $(wc -l <"$work/words") words that will be said is on the disk yet"

step 'Nobody gets in without an invite'
mkdir -p "$work/mallory"
if GROVE_INVITE=not-a-token as mallory register "mallory@$domain" --server "$url" >/dev/null 2>"$work/mallory/refusal"; then
    fail 'a made-up invite was accepted'
else
    code=$?
fi
[ "$code" -eq 5 ] || fail "expected the exit code 5 (refused), got $code: $(cat "$work/mallory/refusal")"
ok "a made-up invite is refused, exit code $code"

step 'The operator makes two invites, alice and bob register'
for who in alice bob; do
    token="$("$groved" --config "$work/grove.toml" admin invites create --uses 1 --json | field token)"
    [ -n "$token" ] || fail 'no invite token'
    register "$who" "$token"
done
if GROVE_INVITE="$token" as mallory register "mallory@$domain" --server "$url" >/dev/null 2>&1; then
    fail 'an invite for one person was used twice'
fi
ok 'the used invite does not work a second time'

step "alice makes a room and adds bob, who is off-line and stays so"
room="$(as alice rooms create "$room_name" --topic "$topic" --json | field room)"
[[ "$room" == mimi://$domain/r/* ]] || fail "no room: '$room'"
as alice rooms invite "$room" "bob@$domain" >/dev/null
as alice rooms members "$room" | grep -q "bob@$domain" || fail 'bob is not a member'
ok "$room"

step 'alice talks: one message as an argument, one from standard input'
as alice send --require-accepted "$room" "$first" >/dev/null
printf '%s' "$second" | as alice send --require-accepted "$room" >/dev/null
ok 'both accepted'

step 'The server is stopped and started again, with bob still away'
stop_server
ok 'SIGTERM: exit code 0'
start_server
ok "ready again, process $server_pid"

step 'bob comes on-line, finds the room by its name, reads, and answers'
as bob sync >/dev/null
as bob rooms list | grep -qF "$room_name" || fail "bob does not see the room's name"
conversation bob | grep -qF "$first" || fail 'bob misses the first message'
conversation bob | grep -qF "$second" || fail 'bob misses the second message'
as bob send --require-accepted "$room_name" "$reply" >/dev/null
ok 'both messages of his absence are there'

step 'Both on-line: bob listens, alice talks'
# Not by the function: its signal would end a subshell, and leave grove behind.
XDG_DATA_HOME="$work/bob/data" XDG_CONFIG_HOME="$work/bob/config" "$grove" listen --json "$room" \
    >"$work/bob/heard" 2>"$work/bob/listen.err" &
listen_pid=$!
as alice send --require-accepted "$room" "$live" >/dev/null
within 30 grep -qF "$live" "$work/bob/heard" || fail "bob did not hear it within 30 s: $(cat "$work/bob/listen.err")"
kill "$listen_pid"
wait "$listen_pid" 2>/dev/null || true
listen_pid=''
as bob send --require-accepted "$room" "$late" >/dev/null
as alice sync >/dev/null
ok 'heard on the open connection'

step 'The conversation, as each of them has it'
printf '%s\n' "alice $first" "alice $second" "bob $reply" "alice $live" "bob $late" >"$work/expected"
for who in alice bob; do
    printf '\n    %s sees:\n' "$who"
    as "$who" history "$room" | sed 's/^/      /'
    conversation "$who" >"$work/$who/conversation"
    diff "$work/expected" "$work/$who/conversation" || fail "$who does not have the conversation as it was held"
done
printf '\n'
ok 'the same five messages in the same order, twice'

step 'Look for it on the server'
dump >"$work/after.sql"
stop_server # everything is in the files now
ok "the database as SQL: $(wc -c <"$work/after.sql") bytes; the data directory: $(find "$work/server" -type f | wc -l) files"
[ -z "$(holders "$work/after.sql" "$work/server" "$work/groved.log")" ] ||
    fail "a word of the conversation is in: $(holders "$work/after.sql" "$work/server" "$work/groved.log")"
ok "none of the $(wc -l <"$work/words") words is in the dump, in any file of the data directory, or in the server's log"

# The control: the same search finds what a server must know, in text and inside the handshakes it stores as bytes.
printf '%s\n' "${room##*/}" >"$work/patterns"
[ -n "$(holders "$work/after.sql")" ] || fail 'control: the dump does not even hold the room'
hex "mimi://$domain/d/bob/" >"$work/patterns"
[ -n "$(holders "$work/after.sql")" ] || fail 'control: the dump does not hold the handshake that added bob'
printf '%s\n' "mimi://$domain/d/bob/" >"$work/patterns"
[ -n "$(holders "$work/server")" ] || fail 'control: the files do not hold the handshake that added bob'
ok "control: the same search does find the room's id, and bob's device inside the stored handshakes"

step "Look for it in the people's own files"
patterns <"$work/words" >"$work/patterns"
for who in alice bob; do
    [ -z "$(find "$work/$who/data" -type f -size +0 -exec env LC_ALL=C grep -ilaF -f "$work/patterns" {} +)" ] || fail "$who's database is readable"
    [ -n "$(find "$work/$who/data" -name 'grove.db' -size +0)" ] || fail "$who has no database"
    if find "$work/$who/data" -name 'grove.db' -exec head -c 15 {} + | grep -qa 'SQLite format 3'; then
        fail "$who's database is not encrypted"
    fi
done
ok 'the databases of alice and bob are encrypted as a whole'

if [ "${KEEP:-}" = 1 ]; then
    start_server
    trap - EXIT
    cat <<END

The server stays: process $server_pid, files in $work. Go on by hand:

  alice() { XDG_DATA_HOME=$work/alice/data XDG_CONFIG_HOME=$work/alice/config $grove "\$@"; }
  bob() { XDG_DATA_HOME=$work/bob/data XDG_CONFIG_HOME=$work/bob/config $grove "\$@"; }
  bob listen                          # in a second terminal
  alice send '$room_name' 'Hello again'
  alice history '$room_name'
  $groved --config $work/grove.toml admin users list

To end it:

  kill $server_pid; tail --pid=$server_pid -f /dev/null; rm -rf $work
END
fi
printf '\nAll %d steps held.\n' "$steps"
