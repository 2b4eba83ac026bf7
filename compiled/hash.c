/* Sums of products of texts, of which hashes are made that nobody can predict. */

#include <stdint.h>

/* Adds two sums modulo 2**64 to `sums` [n, 2] for each of `n` texts, which stand one behind the other in `data`, from ends[i] up to
   ends[i + 1]: numbers[0] + length * numbers[1] + word * numbers[2 + place] over the words of 32 bits, the last one filled up with zeros.
   `numbers` [2 + words of the longest, 2] has a column for each sum. */
void trustscore_text_sums(const uint8_t *data, const int32_t *ends, int64_t n, const uint64_t (*numbers)[2], uint64_t (*sums)[2]) {
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *text = data + ends[at], *end = data + ends[at + 1];
        const uint64_t(*number)[2] = numbers + 2, length = (uint64_t)(end - text);
        uint64_t one = numbers[0][0] + length * numbers[1][0], other = numbers[0][1] + length * numbers[1][1];
        for (; end - text >= 4; text += 4, number++) {
            uint64_t word = text[0] | (uint64_t)text[1] << 8 | (uint64_t)text[2] << 16 | (uint64_t)text[3] << 24;
            one += word * (*number)[0];
            other += word * (*number)[1];
        }
        if (text < end) {
            uint64_t word = 0;
            for (int shift = 0; text < end; shift += 8) word |= (uint64_t)*text++ << shift;
            one += word * (*number)[0];
            other += word * (*number)[1];
        }
        sums[at][0] += one;
        sums[at][1] += other;
    }
}
