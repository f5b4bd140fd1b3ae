/* The plausibility kernel of firmware/lib/vigil/kernels.py in C, for comparison only. */

#include <stdint.h>

#define UNKNOWN 0x1FFFFFFF
#define FAR (-(1 << 24))

struct cell {
    int32_t before, reference, next;
};

struct state {
    int32_t count, known, sum, least, most, rise, fall, moved, shifted, swing, swing_at, keep;
    int32_t jump_mv, swing_mv, move_mv, low_rail_mv, high_rail_mv;
    struct cell cells[];
};

int look_at_cells(const int32_t *voltages, struct state *state) {
    int32_t known = 0, sum = 0, least = UNKNOWN, most = 0, rise = FAR, fall = -FAR;
    int32_t moved = 0, shifted = 0, swing = 0, swing_at = state->count, below = FAR;
    for (int32_t at = 0; at < state->count; at++) {
        struct cell *cell = &state->cells[at];
        int32_t value = voltages[at];
        if (state->keep) {
            if (state->keep == 1)
                cell->reference = cell->next;
            cell->next = value;
        }
        if (value < UNKNOWN) {
            known++;
            sum += value;
            least = value < least ? value : least;
            most = value > most ? value : most;
            int32_t move = value - cell->before;
            if (move < FAR)
                move = 0;
            cell->before = value;
            moved += move;
            rise = move > rise ? move : rise;
            fall = move < fall ? move : fall;
            int32_t shift = value - cell->reference;
            if (shift > FAR) {
                shifted += shift;
                if (below > FAR) {
                    int32_t apart = below > shift ? below - shift : shift - below;
                    if (apart > swing) {
                        swing = apart;
                        swing_at = at;
                    }
                }
            }
            below = shift;
        } else {
            below = FAR;
        }
    }
    state->keep = 0;
    state->known = known;
    state->sum = sum;
    state->least = least;
    state->most = most;
    state->rise = rise;
    state->fall = fall;
    state->moved = moved;
    state->shifted = shifted;
    state->swing = swing;
    state->swing_at = swing_at;
    int told = known != state->count;
    if (known) {
        if (least <= state->low_rail_mv || most >= state->high_rail_mv)
            told |= 2;
        if (known * rise - moved > known * state->jump_mv ||
            moved - known * fall > known * state->jump_mv)
            told |= 4;
        if (swing > state->swing_mv)
            told |= 8;
        if (moved > known * state->move_mv || -moved > known * state->move_mv)
            told |= 16;
    }
    return told;
}
