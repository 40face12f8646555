# The watchdog of either.
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
