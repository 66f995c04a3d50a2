# `phase TITLE COMMAND...` says what is about to happen, runs it, and says how long it took; `phases_summary` lists all
# of them. Sourced by the Makefile's recipes, setup.sh and .ci/run, which run under `set -e`: a command that fails ends
# the script with the command's own exit code, and the trap below says which phase it was.

phase_title=
phase_list=()

phase() {
  phase_title="$1"
  phase_started=$SECONDS
  shift
  printf '==> %s\n' "$phase_title"
  "$@"
  printf '==> %s: done in %d s\n' "$phase_title" "$((SECONDS - phase_started))"
  phase_list+=("$(printf '%5d s  %s' "$((SECONDS - phase_started))" "$phase_title")")
  phase_title=
}

# Prints the phases of the script named by its argument.
phases_summary() {
  if ((${#phase_list[@]})); then
    printf '==> %s: %d s in all\n' "$1" "$SECONDS"
    printf '      %s\n' "${phase_list[@]}"
  fi
}

phase_failed() {
  local status=$?
  if [[ -n "$phase_title" ]]; then
    printf '==> %s: FAILED after %d s (exit code %d)\n' "$phase_title" "$((SECONDS - phase_started))" "$status" >&2
  fi
}
trap phase_failed EXIT
