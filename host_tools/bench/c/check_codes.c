/* The check-code kernels of firmware/lib/vigil/kernels.py in C, for comparison only. */

#include <stdint.h>

int crc8(const uint8_t *buffer, const uint8_t *table, int count, int seed) {
    uint8_t crc = seed;
    const uint8_t *end = buffer + count;
    while (buffer != end)
        crc = table[crc ^ *buffer++];
    return crc;
}

int crc8_unpack(uint8_t *buffer, const uint8_t *table, int count, int seed) {
    const uint8_t *source = buffer;
    uint8_t crc = seed;
    while (count--) {
        uint8_t data = *source++;
        if (table[crc ^ data] != *source++)
            return 0;
        *buffer++ = data;
        crc = 0;
    }
    return 1;
}

int pec15(const uint8_t *buffer, const uint16_t *table, int count, int seed) {
    uint32_t pec = seed;
    const uint8_t *end = buffer + count;
    while (buffer != end)
        pec = (pec << 8) ^ table[(pec >> 7 ^ *buffer++) & 0xFF];
    return pec << 1 & 0xFFFE;
}

int pec15_blocks(const uint8_t *buffer, const uint16_t *table, int count, int seed) {
    int whole = 0;
    for (int block = 0; block < count; block++) {
        const uint8_t *data = buffer + 8 * block;
        if (pec15(data, table, 6, seed) == (data[6] << 8 | data[7]))
            whole |= 1 << block;
    }
    return whole;
}

int crc16(const uint8_t *buffer, int total, int at, int end) {
    while (at < end) {
        total ^= buffer[at++];
        for (int bits = 8; bits; bits--)
            total = total & 1 ? total >> 1 ^ 0xA001 : total >> 1;
        if (!total)
            break;
    }
    return at << 16 | total;
}
