/* Counts by key in a table with linear probing: `room` slots, a power of two, of which at most two thirds are taken. A slot is one word as
   long as that holds every key and count: the key and one in 34 bits, the count in 29, whether it changed in one. Else it is two: the key
   and one, the count with that bit. A free one is 0. Source: Knuth, The Art of Computer Programming, volume 3, 6.4, algorithm L. */

#include <stdint.h>

/* As _Table of tally.py. `changes` holds the slots that changed, while these are `most` or fewer. */
typedef struct {
    uint64_t *slots;
    int64_t room, held, changed, words;
    uint32_t *changes;
    int64_t most;
} Tally;

typedef struct {
    int64_t key, count;
    uint64_t is_changed;
} Entry;

enum { AHEAD = 12, KEY_AT = 30 }; /* AHEAD: keys whose slots are fetched while others are looked up: a table is larger than the caches. */
static const int64_t KEY_END = (1LL << (64 - KEY_AT)) - 1, COUNT_END = 1LL << (KEY_AT - 1);

#define INLINE static inline __attribute__((always_inline)) /* so that `words` is a constant in both ways of a loop */

INLINE uint64_t home_of(const Tally *tally, int64_t key) { /* Fibonacci hashing: neighbours land far apart */
    return ((uint64_t)key * 0x9e3779b97f4a7c15ULL >> 32) & ((uint64_t)tally->room - 1);
}

INLINE void fetch(const Tally *tally, int64_t key, int words) {
    __builtin_prefetch(&tally->slots[home_of(tally, key) * (uint64_t)words], 1);
}

INLINE int64_t key_at(const Tally *tally, uint64_t slot, int words) { /* -1 where nothing is */
    return (int64_t)((words == 1 ? tally->slots[slot] >> KEY_AT : tally->slots[2 * slot]) - 1);
}

INLINE uint64_t slot_of(const Tally *tally, int64_t key, int words) { /* where it is, or the free slot where it belongs */
    uint64_t mask = (uint64_t)tally->room - 1, slot = home_of(tally, key);
    for (;;) {
        int64_t there = key_at(tally, slot, words);
        if (there == key || there < 0) return slot;
        slot = (slot + 1) & mask;
    }
}

INLINE Entry entry_at(const Tally *tally, uint64_t slot, int words) {
    uint64_t word = tally->slots[words == 1 ? slot : 2 * slot + 1];
    int64_t count = words == 1 ? (int64_t)(word >> 1) & (COUNT_END - 1) : (int64_t)word >> 1;
    return (Entry){key_at(tally, slot, words), count, word & 1};
}

INLINE int fits(int64_t key, int64_t count, int words) {
    return words == 2 || (key < KEY_END && count >= 0 && count < COUNT_END);
}

INLINE void set(Tally *tally, uint64_t slot, Entry entry, int words) {
    uint64_t low = (uint64_t)entry.count << 1 | entry.is_changed, key = (uint64_t)entry.key + 1;
    if (words == 1) tally->slots[slot] = key << KEY_AT | low;
    else {
        tally->slots[2 * slot] = key;
        tally->slots[2 * slot + 1] = low;
    }
}

INLINE void note_change(Tally *tally, uint64_t slot) {
    if (tally->changed < tally->most) tally->changes[tally->changed] = (uint32_t)slot;
    tally->changed++;
}

static int is_full(const Tally *tally) { return 3 * (tally->held + 1) > 2 * tally->room; }

INLINE int64_t add(Tally *tally, const int64_t *keys, const int64_t *amounts, int64_t n, int words) {
    int64_t at = 0;
    for (; at < n && !is_full(tally); at++) {
        if (at + AHEAD < n) fetch(tally, keys[at + AHEAD], words);
        uint64_t slot = slot_of(tally, keys[at], words);
        Entry held = entry_at(tally, slot, words);
        int64_t sum = held.count + amounts[at];
        if (!fits(keys[at], sum, words)) break;
        tally->held += held.key < 0;
        if (!held.is_changed) note_change(tally, slot);
        set(tally, slot, (Entry){keys[at], sum, 1}, words);
    }
    return at;
}

INLINE int64_t put(Tally *tally, const int64_t *keys, const int64_t *counts, int64_t *before, int64_t n, int words) {
    int64_t at = 0;
    for (; at < n && !is_full(tally); at++) {
        if (at + AHEAD < n) fetch(tally, keys[at + AHEAD], words);
        if (!fits(keys[at], counts[at], words)) break;
        uint64_t slot = slot_of(tally, keys[at], words);
        Entry held = entry_at(tally, slot, words);
        before[at] = held.count;
        tally->held += held.key < 0;
        set(tally, slot, (Entry){keys[at], counts[at], held.is_changed}, words);
    }
    return at;
}

/* Adds amounts to keys and marks them as changed; how many were added before the table was full, or one did not fit. */
int64_t trustscore_tally_add(Tally *tally, const int64_t *keys, const int64_t *amounts, int64_t n) {
    return tally->words == 1 ? add(tally, keys, amounts, n, 1) : add(tally, keys, amounts, n, 2);
}

/* Sets the counts of keys, `before` being what they were; how many were set before the table was full, or one did not fit. */
int64_t trustscore_tally_put(Tally *tally, const int64_t *keys, const int64_t *counts, int64_t *before, int64_t n) {
    return tally->words == 1 ? put(tally, keys, counts, before, n, 1) : put(tally, keys, counts, before, n, 2);
}

/* Marks those of the keys that are there as changed. */
void trustscore_tally_mark(Tally *tally, const int64_t *keys, int64_t n) {
    int words = (int)tally->words;
    for (int64_t at = 0; at < n; at++) {
        uint64_t slot = slot_of(tally, keys[at], words);
        Entry held = entry_at(tally, slot, words);
        if (held.key < 0 || held.is_changed) continue;
        held.is_changed = 1;
        set(tally, slot, held, words);
        note_change(tally, slot);
    }
}

/* Writes all keys and counts, [held] each. */
void trustscore_tally_read(const Tally *tally, int64_t *keys, int64_t *counts) {
    int words = (int)tally->words;
    int64_t found = 0;
    for (uint64_t slot = 0; slot < (uint64_t)tally->room && found < tally->held; slot++) {
        Entry held = entry_at(tally, slot, words);
        if (held.key < 0) continue;
        keys[found] = held.key;
        counts[found++] = held.count;
    }
}

/* Writes those that are marked as changed, [changed] each, and takes the marks away. The whole table is looked through only
   where many changed: a tick changes few of what a day holds. */
void trustscore_tally_take(Tally *tally, int64_t *keys, int64_t *counts) {
    int words = (int)tally->words, is_noted = tally->changed <= tally->most;
    int64_t found = 0;
    for (uint64_t at = 0; found < tally->changed && at < (uint64_t)tally->room; at++) {
        if (is_noted && found + AHEAD < tally->changed)
            __builtin_prefetch(&tally->slots[tally->changes[found + AHEAD] * (uint64_t)words], 1);
        uint64_t slot = is_noted ? tally->changes[found] : at;
        Entry held = entry_at(tally, slot, words);
        if (!held.is_changed) continue;
        keys[found] = held.key;
        counts[found++] = held.count;
        held.is_changed = 0;
        set(tally, slot, held, words);
    }
    tally->changed = 0;
}

/* Takes over all that another table holds; there must be room. */
void trustscore_tally_fill(Tally *tally, const Tally *older) {
    int words = (int)tally->words;
    for (uint64_t at = 0; at < (uint64_t)older->room; at++) {
        Entry held = entry_at(older, at, (int)older->words);
        if (held.key < 0) continue;
        uint64_t slot = slot_of(tally, held.key, words);
        set(tally, slot, held, words);
        if (held.is_changed) note_change(tally, slot);
    }
    tally->held = older->held;
}
