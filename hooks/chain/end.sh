# Ends the call of the token $2, as its own timeout would, and waits until it is gone. The code is 3 if there was none.
called() {
  read -r q_l </proc/$1/cmdline && case $q_l in
  *quiesce-call-$q_name) ;;
  *) return 1 ;;
  esac
} 2>/dev/null

# gone tells whether the call is gone, and asks it to go if not: at once, and again every ten seconds. What it has forked and
# not yet begun looks like it.
gone() {
  for q_p in /proc/[0-9]*; do
    q_p=${q_p#/proc/}
    called $q_p && look $q_p && ! called $q_parent || continue
    [ "$q_e" = $q_p.${q_now%?} ] || kill -TERM $q_p
    q_c=0 q_e=$q_p.${q_now%?}
    return 1
  done
  return 0
} 2>/dev/null

q_name=$2 q_c=3 q_e=
within $3 gone || exit 1
exit $q_c
