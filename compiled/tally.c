/* Counts by key in a table with linear probing: `room` slots, a power of two, of which at most two thirds are taken. A free one has the
   key -1. Source: Knuth, The Art of Computer Programming, volume 3, 6.4, algorithm L. */

#include <stdint.h>

/* As _Table of tally.py. */
typedef struct {
    int64_t *keys, *counts;
    uint8_t *is_changed;
    int64_t room, held;
} Tally;

enum { AHEAD = 12 }; /* Keys whose slots are fetched while others are looked up: a table is larger than the caches. */

static uint64_t home_of(const Tally *tally, int64_t key) { /* Fibonacci hashing: neighbours land far apart */
    return ((uint64_t)key * 0x9e3779b97f4a7c15ULL >> 32) & ((uint64_t)tally->room - 1);
}

static void fetch(const Tally *tally, int64_t key) {
    uint64_t slot = home_of(tally, key);
    __builtin_prefetch(&tally->keys[slot], 1);
    __builtin_prefetch(&tally->counts[slot], 1);
    __builtin_prefetch(&tally->is_changed[slot], 1);
}

static int64_t slot_of(const Tally *tally, int64_t key) {
    uint64_t mask = (uint64_t)tally->room - 1;
    uint64_t slot = home_of(tally, key);
    while (tally->keys[slot] != key && tally->keys[slot] >= 0) slot = (slot + 1) & mask;
    return (int64_t)slot;
}

static int is_full(const Tally *tally) { return 3 * (tally->held + 1) > 2 * tally->room; }

static int64_t taken_slot(Tally *tally, int64_t key) {
    int64_t slot = slot_of(tally, key);
    if (tally->keys[slot] < 0) {
        tally->keys[slot] = key;
        tally->counts[slot] = 0;
        tally->is_changed[slot] = 0;
        tally->held++;
    }
    return slot;
}

/* Adds amounts to keys and marks them as changed; how many were added before the table was full. */
int64_t trustscore_tally_add(Tally *tally, const int64_t *keys, const int64_t *amounts, int64_t n) {
    int64_t at = 0;
    for (; at < n && !is_full(tally); at++) {
        if (at + AHEAD < n) fetch(tally, keys[at + AHEAD]);
        int64_t slot = taken_slot(tally, keys[at]);
        tally->counts[slot] += amounts[at];
        tally->is_changed[slot] = 1;
    }
    return at;
}

/* Sets the counts of keys, `before` being what they were; how many were set before the table was full. */
int64_t trustscore_tally_put(Tally *tally, const int64_t *keys, const int64_t *counts, int64_t *before, int64_t n) {
    int64_t at = 0;
    for (; at < n && !is_full(tally); at++) {
        if (at + AHEAD < n) fetch(tally, keys[at + AHEAD]);
        int64_t slot = taken_slot(tally, keys[at]);
        before[at] = tally->counts[slot];
        tally->counts[slot] = counts[at];
    }
    return at;
}

/* Takes over all that an older, smaller table holds. */
void trustscore_tally_fill(Tally *tally, const Tally *older) {
    for (int64_t at = 0; at < older->room; at++) {
        if (older->keys[at] < 0) continue;
        int64_t slot = taken_slot(tally, older->keys[at]);
        tally->counts[slot] = older->counts[at];
        tally->is_changed[slot] = older->is_changed[at];
    }
}
