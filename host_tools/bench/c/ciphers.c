/* SHA-256 and AES, a block each: what the C behind hashlib and cryptolib costs on a Cortex-M0+.
 * Byte by byte; the libraries of a board, with larger tables, are no slower. */

#include <stdint.h>

static uint32_t turned(uint32_t word, int bits) {
    return word >> bits | word << (32 - bits);
}

int sha256_block(uint32_t *state, const uint8_t *block, const uint32_t *constants) {
    uint32_t words[64], s[8];
    for (int at = 0; at < 16; at++, block += 4)
        words[at] = (uint32_t)block[0] << 24 | block[1] << 16 | block[2] << 8 | block[3];
    for (int at = 16; at < 64; at++) {
        uint32_t early = words[at - 15], late = words[at - 2];
        words[at] = words[at - 16] + words[at - 7]
                    + (turned(early, 7) ^ turned(early, 18) ^ early >> 3)
                    + (turned(late, 17) ^ turned(late, 19) ^ late >> 10);
    }
    for (int at = 0; at < 8; at++)
        s[at] = state[at];
    for (int at = 0; at < 64; at++) {
        uint32_t first = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25))
                         + ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[at] + words[at];
        uint32_t second = (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22))
                          + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int to = 7; to; to--)
            s[to] = s[to - 1];
        s[4] += first;
        s[0] = first + second;
    }
    for (int at = 0; at < 8; at++)
        state[at] += s[at];
    return 0;
}

int aes_block(uint8_t *block, const uint8_t *keys, const uint8_t *box) {
    uint8_t moved[16];
    for (int at = 0; at < 16; at++)
        block[at] ^= keys[at];
    for (int round = 1; round <= 10; round++) {
        keys += 16;
        for (int at = 0; at < 16; at++)
            moved[at] = box[block[(at + 4 * (at & 3)) & 15]];
        for (int at = 0; at < 16; at += 4) {
            uint8_t *four = moved + at, total = four[0] ^ four[1] ^ four[2] ^ four[3];
            uint8_t first = four[0];
            for (int row = 0; row < 4 && round < 10; row++) {
                uint8_t pair = four[row] ^ (row < 3 ? four[row + 1] : first);
                four[row] ^= total ^ (uint8_t)(pair << 1) ^ (pair & 0x80 ? 0x1B : 0);
            }
        }
        for (int at = 0; at < 16; at++)
            block[at] = moved[at] ^ keys[at];
    }
    return 0;
}
