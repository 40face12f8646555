# Runs one command for someone outside, who knows it by the token in $0 = quiesce-call-TOKEN. $1 is this text, $2 the seconds
# that the command has, or 0 where it is one of our scripts, which keeps its own time and undoes what it did when it gets
# TERM; $3 is 1 where it is to read what is sent; $4 is a script that starts a watchdog ahead of the command, $5 one that ends it
# behind one that has succeeded, each empty where that is not asked for; then comes the command.
#
# The last line that is written is the report: TOKEN=, how it came out, the command's code, and in a word each whether something
# could not be ended, whether the watchdog took over from an overdue one, and whether it had thawed early. Nobody outside can know any other way that the command did end: a connection that breaks looks like success in
# more than one place (https://github.com/kubernetes/kubectl/issues/1726). All output goes to one stream, so that its order
# is kept and the report comes last.
report() { echo "${0##*-}=$*"; }
trap halt HUP INT TERM
q_n=$2 q_soft=$3 q_arm=$4 q_off=$5 q_early=
shift 5
# A shell gives what it starts in the background nothing to read, unless told. The stream that is not used has to stay open:
# containerd takes the end of one output for a reason to send no more input.
[ $q_soft = 0 ] || {
  exec 3<&0 4>&2
  set -- /bin/sh -c 'exec "$@" <&3 3<&- 4>&-' sh "$@"
}
exec 2>&1
command -v sleep >/dev/null && look self || {
  report unable 78
  exit 78
}
q_e= q_k=exited
[ -z "$q_arm" ] || {
  /bin/sh -c 'eval "$1"' quiesce-arm "$q_arm" </dev/null
  q_c=$?
  case $q_c in
  0) q_arm= ;;
  77) ;;
  *)
    report unarmed $q_c
    exit $q_c
    ;;
  esac
}
if [ $q_n = 0 ]; then
  halt() {
    q_over=1 q_caught=1
    [ -z "$q_h" ] || kill -TERM $q_h
  }
  (exec "$@") </dev/null &
  q_h=$!
  [ -z "$q_over" ] || halt
  await $q_h
  q_c=$q_r q_h=
else
  run $q_n "$@"
  if [ "$q_e" ]; then
    q_k=ended
  elif [ $q_r = 1 ]; then
    q_k=timedout
  fi
fi
[ -z "$q_off" ] || [ $q_k$q_c != exited0 ] || {
  /bin/sh -c 'eval "$1"' quiesce-disarm "$q_off" </dev/null
  [ $? != 76 ] || q_early=1
}
report $q_k $q_c ${q_late:+stuck} ${q_arm:+tookover} ${q_early:+early}
exit $q_c
