# What a chain does that thaws after itself: the pre script, the post script, and between them the watchdog, which is
# the same text under another name ($0). The name ends the first line of /proc/PID/cmdline, by which it is found: until
# its deadline the watchdog is quiesce-watchdog; from then on, thawing until all is thawed, quiesce-thawing.
#
# Once the pre script has ended, the watchdog is a child of PID 1. PostgreSQL, for one, restarts when such a child ends by
# a signal or with a code other than 0 and 1. What ends a watchdog is URG, which does nothing to a shell without a trap.

become() { exec /bin/sh -c 'eval "$1"' "$@"; }

# begin starts a watchdog with the arguments of become, and waits until it can be found and no signal kills it. q_w is its
# process.
begin() {
  /bin/sh -c 'eval "$1"' "$@" </dev/null >/dev/null 2>&1 &
  q_w=$!
  within 10 ready $q_w $1
}

# name reads into q_k as what the process $1 runs our text in this container: pre, post, watchdog, thawing, or nothing.
# Processes of other containers, which may have the same text and be visible, are in other mount namespaces.
name() {
  q_k=
  read -r q_l </proc/$1/comm && [ "$q_l" = sh ] &&
    [ /proc/$1/ns/mnt -ef /proc/self/ns/mnt ] &&
    read -r q_l </proc/$1/cmdline || return 0
  case $q_l in
  '/bin/sh-ceval "$1"quiesce-'*) q_k=${q_l##*-} ;;
  esac
} 2>/dev/null

named() {
  name $1
  [ quiesce-$q_k = $2 ]
}

# ready tells whether the watchdog $1 has the name $2 and its traps, of which URG's is the last: one of four signals of the
# sixth digit. Not every kernel tells.
ready() {
  named $1 $2 || return 1
  while read -r q_l q_a; do
    case $q_l$q_a in
    SigCgt:*[1-9a-f]?????) return 0 ;;
    SigCgt:*) return 1 ;;
    esac
  done </proc/$1/status
}

# seek lists the watchdogs but our own: in q_new those whose pre script still runs, in q_on those that wait for their
# deadline, in q_due those past it. What a watchdog has just forked looks like one.
seek() {
  q_new= q_on= q_due=
  for q_p in /proc/[0-9]*; do
    q_p=${q_p#/proc/}
    name $q_p
    q_a=$q_k
    case $q_p.$q_k in
    $q_w.*) ;;
    *.watchdog | *.thawing)
      look $q_p && name $q_parent
      case $q_a.$q_k in
      *.watchdog | *.thawing) ;;
      *.pre) q_new="$q_new $q_p" ;;
      watchdog*) q_on="$q_on $q_p" ;;
      *) q_due="$q_due $q_p" ;;
      esac
      ;;
    esac
  done
}

# end ends each of the watchdogs given, and waits until it is gone.
end() {
  for q_a in $*; do
    within 8 ended $q_a || return
    await $q_a
  done
}
ended() {
  alive $1 || return 0
  name $1
  case $q_k in watchdog | thawing) kill -URG $1 ;; esac
  return 1
}

# replace has what $2 lists thawed from now on, and once more when the process $1 is gone, instead of at the deadline of
# the watchdogs $3.
replace() {
  say "the watchdog goes on thawing until it succeeds"
  begin quiesce-thawing "$q_me" $1 "$2" && end $3
}

busy() {
  say "another backup is quiescing this pod; nothing was run"
  exit 75
}

quit() {
  trap - EXIT
  exit 0
}

q_w=
