# What a chain does that has nothing to thaw.
case $0 in
quiesce-pre)
  trap halt HUP INT TERM
  able
  pre
  [ -z "$q_over" ] || exit 143
  [ -z "$q_strict" ] || q_worst=0
  exit ${q_fail:-$q_worst}
  ;;
*)
  thaw "$q_all"
  exit $q_worst
  ;;
esac
