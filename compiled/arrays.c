/* Groups of equal numbers, and sums and maxima by group. */

#include <stdint.h>
#include <stdlib.h>

static uint64_t mixed(uint64_t key) { /* the finalizer of MurmurHash3: neighbours land far apart */
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdULL;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53ULL;
    return key ^ key >> 33;
}

/* Numbers the distinct values of `codes` in the order in which they come: `group` [n] of each, `values` [distinct] of each number. Returns
   how many, or -1 where there is no memory. */
int64_t trustscore_distinct(const int64_t *codes, int64_t n, int64_t *group, int64_t *values) {
    uint64_t room = 1024;
    int64_t found = 0;
    int32_t *slots = malloc(room * sizeof *slots); /* number of the value, -1: free */
    if (!slots || n > INT32_MAX) return free(slots), -1;
    for (uint64_t slot = 0; slot < room; slot++) slots[slot] = -1;
    for (int64_t at = 0; at < n; at++) {
        if (at && codes[at] == codes[at - 1]) {
            group[at] = group[at - 1];
            continue;
        }
        uint64_t slot = mixed((uint64_t)codes[at]) & (room - 1);
        while (slots[slot] >= 0 && values[slots[slot]] != codes[at]) slot = (slot + 1) & (room - 1);
        if (slots[slot] >= 0) {
            group[at] = slots[slot];
            continue;
        }
        slots[slot] = (int32_t)found;
        group[at] = found;
        values[found++] = codes[at];
        if ((uint64_t)found * 2 <= room) continue;
        free(slots);
        room *= 4;
        if (!(slots = malloc(room * sizeof *slots))) return -1;
        for (slot = 0; slot < room; slot++) slots[slot] = -1;
        for (int64_t number = 0; number < found; number++) {
            slot = mixed((uint64_t)values[number]) & (room - 1);
            while (slots[slot] >= 0) slot = (slot + 1) & (room - 1);
            slots[slot] = (int32_t)number;
        }
    }
    free(slots);
    return found;
}

/* Whether all places are at least 0 and below `limit`. */
static int are_within(const int64_t *places, int64_t n, int64_t limit) {
    uint64_t most = 0;
    for (int64_t at = 0; at < n; at++) most = (uint64_t)places[at] > most ? (uint64_t)places[at] : most;
    return n == 0 || most < (uint64_t)limit;
}

/* Adds, for each of some columns, values[column][taken[i]] to targets[column][place[i]]; `taken` NULL: values[column][i]. Targets have
   `length` places, values `given`. Returns -1, and adds nothing, where a place lies outside. */
int32_t trustscore_add_columns(int64_t *const *targets, const int64_t *const *values, int64_t columns, const int64_t *place,
                               const int64_t *taken, int64_t n, int64_t length, int64_t given) {
    if (!are_within(place, n, length) || (taken ? !are_within(taken, n, given) : n > given)) return -1;
    for (int64_t column = 0; column < columns; column++) {
        int64_t *target = targets[column];
        const int64_t *value = values[column];
        if (taken)
            for (int64_t at = 0; at < n; at++) target[place[at]] += value[taken[at]];
        else
            for (int64_t at = 0; at < n; at++) target[place[at]] += value[at];
    }
    return 0;
}

enum { ADD, RAISE };

/* Adds values[i] to target[group[i]], or raises it to that where it is more; steps are between elements, in int64_t. Returns -1, and
   writes nothing, where a group lies outside of `length`. */
int32_t trustscore_into(int32_t how, int64_t *target, int64_t target_step, int64_t length, const int64_t *group, const int64_t *values,
                        int64_t values_step, int64_t n) {
    if (!are_within(group, n, length)) return -1;
    for (int64_t at = 0; at < n; at++) {
        int64_t *here = &target[group[at] * target_step], value = values[at * values_step];
        if (how == ADD) *here += value;
        else if (value > *here) *here = value;
    }
    return 0;
}
