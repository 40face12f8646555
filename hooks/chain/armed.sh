# What a session runs around hooks that it runs one by one: arm starts a watchdog that thaws everything if the session is not
# heard of any more, and disarm, when all is thawed, ends it.
case $0 in
quiesce-arm)
  able
  seek
  [ -z "$q_new$q_on" ] || busy
  # As in a pre script: never do two of these go on at once.
  trap 'refuse "cannot start the watchdog"' EXIT
  begin quiesce-watchdog "$q_me" 0 $q_max || {
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
  [ -z "$q_due" ] || {
    say "took over from a watchdog that could not thaw all"
    exit 77
  }
  exit 0
  ;;
quiesce-disarm)
  seek
  end $q_on $q_due
  [ "$q_on" ] || {
    say "the pod was not quiesced until now but thawed early; the backup is not consistent"
    exit 76
  }
  exit 0
  ;;
