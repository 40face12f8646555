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
case $0 in
quiesce-pre)
  trap halt HUP INT TERM
  able
  seek
  [ -z "$q_new$q_on" ] || busy
  # Each of two scripts at the same moment starts its own watchdog before it looks for the other's, so never do both go on.
  trap 'refuse "cannot start the watchdog"' EXIT
  begin quiesce-watchdog "$q_me" $$ $q_max || {
    kill -9 $q_w
    await $q_w
    exit
  }
  trap - EXIT
  seek
  [ -z "$q_new$q_on" ] && end $q_due || {
    end $q_w
    busy
  }
  # What an overdue watchdog could not thaw is ours to thaw.
  [ -z "$q_due" ] || q_tried=$q_both
  pre
  [ "$q_fail$q_over" ] || exit 0
  # Velero would run no post hook.
  trap q_caught=1 HUP INT TERM
  [ -z "$q_over" ] || q_fail=143
  q_over=
  thaw "$q_tried"
  if [ "$q_late" ]; then
    replace $q_late "$q_tried" $q_w
  elif [ "$q_left" ]; then
    replace 0 "$q_left" $q_w
  else
    end $q_w
  fi
  exit $q_fail
  ;;
quiesce-post)
  seek
  thaw "$q_all"
  if [ -z "$q_left" ]; then
    end $q_on $q_due
  elif [ "$q_on" ]; then
    replace 0 "$q_left" "$q_on"
  fi
  [ "$q_on" ] || {
    say "the pod was not quiesced until now but thawed early; the backup is not consistent"
    exit 76
  }
  exit $q_worst
  ;;
*)
  # A watchdog: of the pre script or stuck hook $2; $3 are the seconds left, or the clock's at the deadline after an @, or
  # what to thaw. If it cannot fork, it begins anew, with the same deadline.
  q_awaited=$2 q_rest=$3
  trap 'become $0 "$q_me" $q_awaited "$q_rest"' EXIT
  trap halt TERM URG
  [ $0 = quiesce-thawing ] || {
    clock
    q_end=${q_rest#@}
    [ $q_end != $q_rest ] || q_end=$((q_now + q_rest))
    q_rest=@$q_end
    while [ $q_now -lt $q_end ] && [ -z "$q_over" ]; do
      q_nap=$((q_end - q_now < 5 ? q_end - q_now : 5))
      nap $q_nap
      clock
    done
    [ -z "$q_over" ] || quit
    # A pre script that runs at the deadline is ended, after a first thaw: its freeze may still complete.
    named $q_awaited quiesce-pre || q_awaited=0
    become quiesce-thawing "$q_me" $q_awaited "$q_both"
  }
  q_todo=$q_rest
  while [ -z "$q_over" ]; do
    q_seen=
    alive $q_awaited && q_seen=1
    thaw "$q_todo"
    [ "$q_left$q_seen$q_over" ] || quit
    q_todo=$q_left
    [ -z "$q_seen" ] || {
      q_todo=$q_rest
      ! named $q_awaited quiesce-pre || kill -TERM $q_awaited
    }
    nap 3
  done
  quit
  ;;
esac
