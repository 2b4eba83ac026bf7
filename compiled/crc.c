/* CRC-32C, by the processor's own instruction. */

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2"))) static int64_t crc32c(const uint8_t *data, int64_t size) {
    uint64_t crc = 0xffffffff, eight;
    for (; size >= 8; size -= 8, data += 8) {
        memcpy(&eight, data, 8);
        crc = __builtin_ia32_crc32di(crc, eight);
    }
    for (; size > 0; size--) crc = __builtin_ia32_crc32qi((uint32_t)crc, *data++);
    return (int64_t)(~crc & 0xffffffff);
}
#endif

/* The checksum of `data`, or -1 where this processor, or whoever compiled this, has no instruction for it. Source: RFC 3720, 12.1. */
int64_t trustscore_crc32c(const uint8_t *data, int64_t size) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c(data, size);
#endif
    (void)data, (void)size;
    return -1;
}
