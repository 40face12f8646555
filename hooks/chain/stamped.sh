# The pre script and the post script, as they are stamped for Velero: each runs its side as a whole.
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
