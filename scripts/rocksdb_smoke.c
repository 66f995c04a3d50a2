/* Proves that a freshly built librocksdb.a works before anything uses it: opens a database with lz4 in the directory
 * given, writes with sync, flushes and compacts (so that lz4 and the checksums really run), closes, opens again and
 * reads everything back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rocksdb/c.h"

enum { ENTRIES = 2000, VALUE_BYTES = 512 };

static void check(char *error, const char *action) {
  if (error != NULL) {
    fprintf(stderr, "rocksdb smoke test: %s: %s\n", action, error);
    exit(1);
  }
}

static void fill(int i, char key[16], char value[VALUE_BYTES]) {
  snprintf(key, 16, "key-%06d", i);
  memset(value, 'a' + i % 26, VALUE_BYTES);
}

static rocksdb_t *open_database(const char *path) {
  char *error = NULL;
  rocksdb_options_t *options = rocksdb_options_create();
  rocksdb_options_set_create_if_missing(options, 1);
  rocksdb_options_set_compression(options, rocksdb_lz4_compression);
  rocksdb_t *database = rocksdb_open(options, path, &error);
  check(error, "open");
  rocksdb_options_destroy(options);
  return database;
}

int main(int argc, char **argv) {
  char key[16], value[VALUE_BYTES], *error = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: rocksdb_smoke DIRECTORY\n");
    return 2;
  }

  rocksdb_t *database = open_database(argv[1]);
  rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
  for (int i = 0; i < ENTRIES; i++) {
    fill(i, key, value);
    rocksdb_writeoptions_set_sync(write, i % 500 == 0);
    rocksdb_put(database, write, key, strlen(key), value, VALUE_BYTES, &error);
    check(error, "put");
  }
  rocksdb_writeoptions_destroy(write);
  rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
  rocksdb_flush(database, flush, &error);
  check(error, "flush");
  rocksdb_flushoptions_destroy(flush);
  rocksdb_compact_range(database, NULL, 0, NULL, 0);
  char *size = rocksdb_property_value(database, "rocksdb.total-sst-files-size");
  if (size == NULL || atol(size) <= 0 || atol(size) > ENTRIES * VALUE_BYTES / 4) {
    fprintf(stderr, "rocksdb smoke test: lz4 did not compress (%s bytes on disk)\n", size ? size : "unknown");
    return 1;
  }
  rocksdb_free(size);
  rocksdb_close(database);

  database = open_database(argv[1]);
  rocksdb_readoptions_t *read = rocksdb_readoptions_create();
  rocksdb_readoptions_set_verify_checksums(read, 1);
  for (int i = 0; i < ENTRIES; i++) {
    size_t found_bytes = 0;
    fill(i, key, value);
    char *found = rocksdb_get(database, read, key, strlen(key), &found_bytes, &error);
    check(error, "get");
    if (found == NULL || found_bytes != VALUE_BYTES || memcmp(found, value, VALUE_BYTES) != 0) {
      fprintf(stderr, "rocksdb smoke test: %s came back wrong\n", key);
      return 1;
    }
    rocksdb_free(found);
  }
  rocksdb_readoptions_destroy(read);
  rocksdb_close(database);
  return 0;
}
