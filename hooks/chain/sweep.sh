# What is done in a container when a backup has ended whose post script may not have run: look finds the watchdogs that its pre
# script has left, and sweep thaws and ends them. $2 is the function post of this text. $3 are the watchdogs that look has
# found, each as its process and the tick of the clock at which that began: what another backup has started since then is let be.

# ours tells whether the watchdog $1 is of a pre script or a sweep, and no session's: the last of our cases in its text says
# so, behind whatever stands in its hooks. It reads the text into q_text.
ours() {
  q_text= q_a= q_k=
  while IFS= read -r q_l; do
    q_text="$q_text$q_l
"
    case $q_a/$q_l in
    'case $0 in/quiesce-'*) q_k=$q_l ;;
    esac
    q_a=$q_l
  done </proc/$1/cmdline
  case $q_k in
  quiesce-pre\) | quiesce-look*) ;;
  *) return 1 ;;
  esac
} 2>/dev/null

# mark names in q_mark a process by what look has read of it.
mark() { q_mark=$1.${20}; }

# keep lists in q_kept those of the watchdogs given that are ours, or of those only that look has found, adds their marks to
# q_marks, and to q_alike those of them that thaw as we do.
keep() {
  q_kept=
  for q_p in $*; do
    ours $q_p && look $q_p || continue
    mark $q_p $q_l
    case " $q_known " in
    "  " | *" $q_mark "*) ;;
    *) continue ;;
    esac
    q_kept="$q_kept $q_p" q_marks="$q_marks $q_mark"
    case $q_text in *"$q_thaws"*) q_alike="$q_alike $q_p" ;; esac
  done
}

case $0 in
quiesce-look | quiesce-sweep)
  q_thaws=$2 q_known=$3 q_marks= q_alike=
  seek
  keep $q_new
  q_new=$q_kept
  keep $q_on
  q_on=$q_kept
  keep $q_due
  q_due=$q_kept
  [ "$q_marks" ] || exit 79
  [ $0 = quiesce-sweep ] || {
    echo "quiesce-found:$q_marks"
    exit 0
  }
  # Of two that look for each other none goes on: what is thawed twice may be taken for what could not be thawed.
  for q_p in /proc/[0-9]*; do
    q_p=${q_p#/proc/}
    name $q_p
    case $q_p.$q_k in
    $$.*) ;;
    *.post | *.sweep)
      say "another script is thawing this container"
      exit 75
      ;;
    esac
  done
  [ -z "$q_new" ] || {
    for q_p in $q_new; do
      look $q_p && named $q_parent quiesce-pre && kill -TERM $q_parent
    done
    say "a pre script was still running, and is undoing what it did"
    exit 82
  }
  thaw "$q_both"
  [ -z "$q_left" ] || {
    keep $q_due
    q_due=$q_kept q_alike=
    keep $q_on
    # Whoever has ended them has thawed.
    [ "$q_due$q_kept" ] || exit 79
    [ -z "$q_alike" ] || replace 0 "$q_left" "$q_alike"
    exit 81
  }
  end $q_alike
  for q_p in $q_on $q_due; do
    case "$q_alike " in
    *" $q_p "*) ;;
    *)
      say "a watchdog that thaws by other hooks was left to do so at its deadline"
      exit 80
      ;;
    esac
  done
  exit 0
  ;;
