# Folds what `perf script` prints into a line for each stack, outermost frame first, with its number of samples: what
# inferno-flamegraph draws.
function flush() { if (stack != "") { count[comm ";" stack]++ } stack = "" }
/^[^ \t]/ { flush(); comm = $1; next }
NF == 0 { flush(); next }
{
  frame = $0
  sub(/^[ \t]*[0-9a-f]+ /, "", frame)
  sub(/ \([^()]*\)$/, "", frame)
  sub(/\+0x[0-9a-f]+$/, "", frame)
  gsub(/;/, ":", frame)
  gsub(/ /, "_", frame)
  stack = stack == "" ? frame : frame ";" stack
}
END { flush(); for (line in count) print line, count[line] }
