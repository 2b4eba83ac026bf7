/* Numbers sorted with what belongs to each. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

/* Sorts `keys` ascending, taken as numbers without a sign, and `values` with them; equal keys keep their order. Returns -1, and changes nothing,
   where there is no memory. By the last digit first, skipping digits that all keys share. Source: Knuth, The Art of Computer
   Programming, volume 3, 5.2.5, algorithm R. */
int32_t trustscore_sort(int64_t *keys, int64_t *values, int64_t n) {
    int64_t *room = malloc(2 * (size_t)n * sizeof *room);
    uint64_t bits = 0;
    if (!room && n) return -1;
    for (int64_t at = 0; at < n; at++) bits |= (uint64_t)keys[at];
    int64_t *from_keys = keys, *from_values = values, *to_keys = room, *to_values = room + n;
    for (int shift = 0; shift < 64 && bits >> shift; shift += DIGIT) {
        int64_t count[DIGITS] = {0}, before = 0;
        for (int64_t at = 0; at < n; at++) count[(uint64_t)from_keys[at] >> shift & (DIGITS - 1)]++;
        if (count[(uint64_t)from_keys[0] >> shift & (DIGITS - 1)] == n) continue;
        for (int digit = 0; digit < DIGITS; digit++) {
            int64_t here = count[digit];
            count[digit] = before;
            before += here;
        }
        for (int64_t at = 0; at < n; at++) {
            int64_t place = count[(uint64_t)from_keys[at] >> shift & (DIGITS - 1)]++;
            to_keys[place] = from_keys[at];
            to_values[place] = from_values[at];
        }
        int64_t *swap = from_keys;
        from_keys = to_keys, to_keys = swap;
        swap = from_values, from_values = to_values, to_values = swap;
    }
    if (from_keys != keys) {
        memcpy(keys, from_keys, (size_t)n * sizeof *keys);
        memcpy(values, from_values, (size_t)n * sizeof *values);
    }
    free(room);
    return 0;
}
