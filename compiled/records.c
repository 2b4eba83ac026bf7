/* The records of a batch of Kafka's message format 2: where each one's value stands.

   Source: Apache Kafka, documentation, implementation, message format. */

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* A number of 7 bits a byte, zigzag; NULL where it does not end. */
static const uint8_t *varint(const uint8_t *at, const uint8_t *end, int64_t *value) {
    uint64_t raw = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
        uint8_t byte = *at++;
        raw |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
            return at;
        }
    }
    return NULL;
}

/* Bytes with their length before them; a length of -1 (none) gives no start. */
static const uint8_t *bytes(const uint8_t *at, const uint8_t *end, const uint8_t **start, int64_t *length) {
    if (!(at = varint(at, end, length)) || *length < -1 || *length > end - at) return NULL;
    *start = *length < 0 ? NULL : at;
    return *length < 0 ? at : at + *length;
}

/* The records in `data`, uncompressed and without the batch's header. `append_ms` is the time of all where the broker's counts, or -1.

   By record: offset, time, place and length of its value (-1: none), place of its key's length, and whether a header says that it is of
   the type `wanted`. Returns 0, or -1 where the records are not `records` ones that fill the data. */
int32_t trustscore_records(const uint8_t *data, int64_t size, int64_t records, int64_t base_offset, int64_t first_ms, int64_t append_ms,
                           const char *wanted, int64_t *offset, int64_t *time_ms, const uint8_t **start, int32_t *length, const uint8_t **key,
                           uint8_t *is_wanted) {
    static const char NAME[] = "content-type";
    const uint8_t *at = data, *end = data + size, *text, *name;
    int64_t wanted_length = (int64_t)strlen(wanted), given, name_length, headers;
    for (int64_t record = 0; record < records; record++) {
        if (!(at = varint(at, end, &given)) || given < 1 || given > end - at) return -1;
        const uint8_t *stop = at + given;
        if (*at++ >= 0x80) return -1; /* attributes, of which none is in use; aiokafka takes them for a number of 7 bits a byte */
        if (!(at = varint(at, stop, &given))) return -1;
        time_ms[record] = append_ms >= 0 ? append_ms : first_ms + given;
        if (!(at = varint(at, stop, &given))) return -1;
        offset[record] = base_offset + given;
        key[record] = at;
        if (!(at = bytes(at, stop, &text, &given))) return -1;
        if (!(at = bytes(at, stop, &text, &given)) || given > INT32_MAX) return -1;
        start[record] = text;
        length[record] = (int32_t)given;
        is_wanted[record] = 0;
        if (!(at = varint(at, stop, &headers)) || headers < 0) return -1;
        while (headers--) {
            if (!(at = bytes(at, stop, &name, &name_length)) || !name) return -1;
            if (!(at = bytes(at, stop, &text, &given))) return -1;
            if (name_length == (int64_t)sizeof NAME - 1 && !strncasecmp((const char *)name, NAME, sizeof NAME - 1) && given == wanted_length &&
                !memcmp(text, wanted, strlen(wanted)))
                is_wanted[record] = 1;
        }
        if (at != stop) return -1;
    }
    return at == end ? 0 : -1;
}
