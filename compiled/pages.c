/* Counts in pages of two widths, added to at many places. */

#include <stdint.h>

enum { AHEAD = 12 }; /* Places that are fetched while others are added to: the pages are more than the caches hold. */

/* Adds amounts[i] to narrow[place[i]], or to wide[-place[i]] where the place is negative. `left` [n] are those i, ascending, for which a
   narrow count would leave 0 to 255, and nothing is added. Returns how many. */
int64_t trustscore_pages_add(uint8_t *narrow, int32_t *wide, const int64_t *place, const int64_t *amounts, int64_t n, int64_t *left) {
    int64_t found = 0;
    for (int64_t at = 0; at < n; at++) {
        if (at + AHEAD < n && place[at + AHEAD] >= 0) __builtin_prefetch(&narrow[place[at + AHEAD]], 1);
        if (place[at] < 0) {
            wide[-place[at]] += (int32_t)amounts[at];
            continue;
        }
        int64_t sum = narrow[place[at]] + amounts[at];
        if (sum < 0 || sum > UINT8_MAX) left[found++] = at;
        else narrow[place[at]] = (uint8_t)sum;
    }
    return found;
}
