# Runs a script that comes over stdin, so that neither its text nor a variable of it is in a file or on a command line.
# $1 is a mark that stands nowhere in what comes; then come the interpreter, its argument if it has one, /dev/fd/3, and
# the script's arguments. stdin has one assignment a line, in which "$1" is a line end; a line with the mark; the
# script; and the mark again: a connection that breaks must not have half a script run.
#
# A line is read byte by byte, so that nothing is taken from the pipe that belongs to the script. That reaches the
# interpreter by a pipe of this shell's own, since another user than root cannot open again what belongs to the runtime.
# What is written there is never waited for: a script that ends early leaves the rest.
lost() {
  echo "quiesce: the script did not arrive whole, so that nothing was run" >&2
  exit 1
}
assign() { eval "$2"; }
_quiesce_env=
while
  IFS= read -r _quiesce_text || lost
  [ "$_quiesce_text" != "$1" ]
do
  _quiesce_env="$_quiesce_env$_quiesce_text
"
done
# It is ended ahead of this shell when the time is up.
_quiesce_text=$(cat) || lost
case $_quiesce_text in
*"$1") ;;
*) lost ;;
esac
# The shell would tell of a script that ends by a signal.
exec 4>&2 2>/dev/null
printf %s "${_quiesce_text%"$1"}" 4>&- | {
  exec 2>&4 4>&-
  shift
  assign '
' "$_quiesce_env"
  unset _quiesce_env _quiesce_text
  [ -e "$1" ] || {
    echo "quiesce: the container has no $1, which the script's first line names" >&2
    exit 127
  }
  [ -x "$1" ] && ! [ -d "$1" ] || {
    echo "quiesce: $1, which the script's first line names, is no program that may be run here" >&2
    exit 126
  }
  exec "$@" 3<&0 </dev/null
}
