# Runs hooks one after another, each with its own timeout. Plain POSIX sh; the only program needed is sleep. Nothing is
# written to any file, so that a read-only root will do. Every variable begins with q_: one that the container's
# environment has too would reach the hooks changed.
#
# This file is rendered without its comments and indentation, and the variables with short names: a comment needs a line
# of its own, and a variable's name only lower-case letters.

# Let no signal end the shell: where the mode wants one, it sets its own trap. What is caught is not inherited by the
# hooks, as what is ignored would be.
trap q_caught=1 HUP INT QUIT PIPE ALRM TERM USR1
set +efu

# q_h: the hook that runs; q_stuck: the hook that could not be ended; q_s: the sleep of a nap.
trap 'q_caught=1 q_stuck=$q_h' USR2
q_me=$1 q_over= q_h= q_s= q_stuck= q_late= q_fail= q_worst=0 q_tried= q_now=0 q_nap=1

# say tells the backup's log.
say() { echo "quiesce: $*" >&2; }

# await waits for the child $1, however many signals interrupt it; q_r is its code. bash may be interrupted by a signal
# whose trap it has run already, so what counts is that the child is gone. It gives up on a stuck hook.
await() {
  while
    q_caught=
    wait $1 2>/dev/null
    q_r=$?
    [ $q_r -gt 128 ] && [ "$q_stuck" != $1 ] && { [ "$q_caught" ] || [ -e /proc/$1 ]; }
  do :; done
}

# clock reads into q_now the time, in seconds; where there is no uptime it counts by q_nap.
clock() {
  if read -r q_l q_idle </proc/uptime; then
    q_now=${q_l%.*}
  else
    q_now=$((q_now + q_nap))
  fi
} 2>/dev/null

# within tries the command after $1 until it succeeds, for less than $1 seconds: a few times at once, and then with pauses.
# Not every sleep knows fractions.
within() {
  clock
  q_i=-30 q_until=$((q_now + $1))
  until $2 $3 $4; do
    q_i=$((q_i + 1))
    case $q_i in
    -??) ;;
    -?) sleep .01 ;;
    *)
      clock
      [ $q_now -lt $q_until ] || return 1
      sleep .1 || sleep 1 || return 1
      ;;
    esac
  done
} 2>/dev/null

# nap sleeps for $1 seconds, or until halt. The sleep is ended by KILL, which cannot fall between a fork and an exec, and
# is reaped here: PID 1 never sees it.
nap() {
  sleep $1 &
  q_s=$!
  [ -z "$q_over" ] || kill -9 $q_s
  await $q_s
  q_s=
  return $q_r
} 2>/dev/null

# halt, a trap, ends a nap or the hook that runs, and nothing further begins.
halt() {
  q_over=1 q_caught=1
  [ -z "$q_s" ] || kill -9 $q_s
  [ -z "$q_h" ] || [ "$q_e" ] || {
    q_e=:
    (timer 0 $q_h) </dev/null >/dev/null &
    q_e=$!
  }
} 2>/dev/null

# look reads the state and the parent of the process $1.
look() {
  read -r q_l </proc/$1/stat || return 1
  q_l=${q_l##*) }
  q_state=${q_l%% *}
  q_l=${q_l#* }
  q_parent=${q_l%% *}
} 2>/dev/null

alive() { look $1 && [ $q_state != Z ]; }
reaped() { ! [ -e /proc/$1 ]; }

# children lists in q_kids what the process $1 has started and is still alive.
children() {
  q_kids=
  for q_p in /proc/[0-9]*; do
    q_p=${q_p#/proc/}
    alive $q_p && [ $q_parent = $1 ] && q_kids="$q_kids $q_p"
  done
  [ "$q_kids" ]
}

stopped() { ! look $1 || case $q_state in R | S | D | I) return 1 ;; esac; }

# prune ends what the process $1 has started, the youngest first: a process that ends before its parent is reaped by it,
# and not by PID 1, for which a child ended by a signal may be a reason to restart. A shell whose command has ended goes on
# to the next one. So it is stopped while we look, goes on while we wait for its children to be reaped, and is left stopped
# when it has none: the signal that ends it comes before it can start another.
prune() {
  set -- $1 0
  while [ $2 -lt 4 ]; do
    kill -STOP $1
    within 1 stopped $1
    children $1 || return 0
    kill -CONT $1
    for q_k in $q_kids; do fell $q_k; done
    set -- $1 $(($2 + 1))
  done
}

fell() {
  prune $1
  cut $1
}

# cut ends one process: TERM, and KILL when the seconds of q_grace have passed, which all the children of a hook share.
cut() {
  kill -TERM $1
  kill -CONT $1
  within $q_grace reaped $1 || {
    q_grace=0
    prune $1
    kill -KILL $1
    within 2 reaped $1
  }
}

# timer, in a subshell, ends the hook $2 when $1 seconds have passed, and exits with 1 if it came to that. A hook that
# even KILL does not end is told to the script again and again, as a signal may come just before its wait. The short
# naps are for the same reason. A signal that came before the trap was set is made up for by looking whether the hook is
# still there. When the script is gone, the hook is a child of PID 1 and nothing may end it by a signal.
timer() {
  q_over= q_h= q_s= q_stuck= q_e=
  trap q_caught=1 HUP INT QUIT PIPE ALRM USR1 USR2
  trap halt TERM
  set -- $1 $2 0
  until [ "$q_over" ] || reaped $2; do
    if [ $1 -gt 0 ]; then
      nap $(($1 < 5 ? $1 : 5)) || break
      set -- $(($1 - 5)) $2 0
    else
      look self && [ $q_parent = $$ ] || break
      [ $3 = 1 ] || {
        q_grace=3
        prune $2
        q_grace=3
        cut $2
        set -- 0 $2 1
        continue
      }
      kill -USR2 $$
      nap 1
    fi
  done
  exit $3
} 2>/dev/null

# run gives the command after $1 that many seconds; q_c is its code, 124 when they were not enough.
run() {
  q_e= q_stuck=
  (
    shift
    exec "$@"
  ) </dev/null &
  q_p=$!
  (timer $1 $q_p) </dev/null >/dev/null 2>&1 &
  q_t=$! q_h=$q_p
  [ -z "$q_over" ] || halt
  await $q_h
  q_c=$q_r q_h=
  [ -z "$q_stuck" ] || q_late=$q_stuck
  q_stuck=
  kill $q_t $q_e 2>/dev/null
  await $q_t
  [ $q_r != 1 ] || q_c=124
  [ -z "$q_e" ] || await $q_e
}

# failed says how the hook $1 failed that had $2 seconds.
failed() {
  [ $q_c -le $q_worst ] || q_worst=$q_c
  if [ "$q_over" ]; then
    say "$1 was ended by a signal to the script"
  elif [ $q_c = 124 ]; then
    say "$1 did not end within its timeout of $2s"
  else
    say "$1 failed with code $q_c"
  fi
}

# before is a pre hook: group, seconds, 1 for onError Continue, name, command. After one that failed none is begun. One
# that was ended has not succeeded, even if it says so.
before() {
  [ -z "$q_fail$q_over" ] || return 0
  q_tried="$q_tried g$1" q_n=$2 q_soft=$3 q_name=$4
  shift 4
  run $q_n "$@"
  [ $q_c$q_over = 0 ] || {
    failed "$q_name" $q_n
    [ $q_soft = 1 ] || q_fail=$q_c
  }
}

# after is a post hook: group, seconds, name, command. It is run if q_only lists its group or its number, and listed in
# q_left if it fails and has something to thaw.
after() {
  q_no=$((q_no + 1))
  case "$q_over $q_only " in
    " "*" g$1 "* | " "*" i$q_no "*) ;;
    *) return 0 ;;
  esac
  q_g=$1 q_n=$2 q_name=$3
  shift 3
  run $q_n "$@"
  [ $q_c = 0 ] || {
    failed "$q_name" $q_n
    case "$q_both " in *" g$q_g "*) q_left="$q_left i$q_no" ;; esac
  }
}

# thaw runs those post hooks that $1 lists.
thaw() {
  q_only=$1 q_left= q_no=0
  post
}

able() {
  command -v sleep >/dev/null && look self || refuse "needs /proc and the program sleep"
}
refuse() {
  trap - EXIT
  say "the container $1; nothing was run; set shell: None in the policy"
  exit 78
}
