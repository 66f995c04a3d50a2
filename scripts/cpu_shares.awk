# Shares of CPU time by what the node was doing, from folded stacks. A sample belongs to the first kind that any of its
# frames is of, in this order, so that a signature checked while a block is executed counts as a signature.
function kind(stack) {
  if (stack ~ /ed25519|curve25519|p256|ecdsa|batch_verif/) return "signatures"
  if (stack ~ /chancery_runtime::state::(trie|node|codec|merge|path|overlay|rebuild)|State<.*::prepare/) return "trie"
  if (stack ~ /chancery_runtime::(execution|engine|module)|wasmtime|wasm\[/) return "execution"
  if (stack ~ /rocksdb|sync_file|fsync|fdatasync|ext4|chancery::store|commonware_storage|chancery_runtime::state/) return "disk"
  if (stack ~ /chancery::api|axum|serde_json|hyper/) return "API"
  if (stack ~ /commonware_p2p|commonware_stream|tcp_|commonware_codec|commonware_runtime::network|chacha|sock_/) return "network"
  if (stack ~ /commonware_consensus|chancery::consensus|commonware_broadcast|commonware_resolver/) return "consensus"
  if (stack ~ /chancery::pool/) return "pool"
  if (stack ~ /chancery::chain/) return "chain"
  if (stack ~ /tokio|commonware_runtime|futex|epoll|schedule/) return "scheduling"
  return "other"
}
{ samples = $NF; share[kind($0)] += samples; total += samples }
END {
  print "| part | share of CPU |"
  print "| --- | ---: |"
  for (part in share) printf "| %s | %.1f %% |\n", part, 100 * share[part] / total | "sort -t'|' -k3,3 -rn"
  close("sort -t'|' -k3,3 -rn")
  printf "\n%d samples\n", total
}
