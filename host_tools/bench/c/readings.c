/* The kernels that unpack readings, of firmware/lib/vigil/kernels.py, in C, for comparison only. */

#include <stdint.h>

#define UNKNOWN 0x1FFFFFFF

int unpack_words(int32_t *target, const uint8_t *data, const uint8_t *places, int count) {
    const uint8_t *end = places + count;
    for (; places != end; places++)
        *target++ = (int16_t)(data[*places] | data[*places + 1] << 8);
    return 0;
}

int scatter_tenths(int32_t *target, const uint8_t *data, const uint8_t *places, int count) {
    const uint8_t *end = places + 2 * count;
    for (; places != end; places += 2) {
        int at = places[1];
        int half = ((data[at] | data[at + 1] << 8) + 5) >> 1;
        target[places[0]] = half * 52429 >> 18;
    }
    return 0;
}

int differ(const int32_t *some, const int32_t *others, int count, int by) {
    const int32_t *end = some + count;
    while (some != end) {
        int32_t apart = *some++ - *others++;
        if (apart > by || apart < -by)
            return 1;
    }
    return 0;
}

int publish(int32_t *target, const int32_t *words, int count, int zero, int lowest, int highest) {
    const int32_t *end = words + count;
    while (words != end) {
        int32_t word = *words++ - zero;
        *target++ = word < lowest || word > highest ? UNKNOWN : word;
    }
    return 0;
}

int refresh(int32_t *record, int now_ms, int answered_ms, int period_ms) {
    int32_t waited_ms = (now_ms - answered_ms) & 0x3FFFFFFF;
    if (waited_ms > period_ms)
        waited_ms = period_ms;
    record[10] = (now_ms - waited_ms) & 0x3FFFFFFF;
    record[11] = now_ms;
    int32_t sequence = record[8] + 1;
    if (sequence == 1)
        record[12] = now_ms;
    record[8] = sequence > 0x3FFFFFFF ? 1 : sequence;
    return 0;
}

int correct(int32_t *words, const int32_t *cells, int32_t *state) {
    if (words[state[0]] != state[1]) {
        state[1] = words[state[0]];
        int32_t raw = state[5] = words[state[2]];
        if (raw != 0x1FFFFFFF) {
            raw -= state[3];
            words[state[2]] = raw + (((raw >> 4) * state[4]) >> 10);
        }
    }
    if (words[state[6]] != state[7]) {
        state[7] = words[state[6]];
        int32_t *values = words + state[8];
        for (int cell = 0; cell < state[9]; cell++)
            if (values[cell] != 0x1FFFFFFF)
                values[cell] += cells[cell];
    }
    return 0;
}
