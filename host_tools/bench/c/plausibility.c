/* The kernel of plausibility of firmware/lib/vigil/kernels.py in C, for comparison only. */

#include <stdint.h>

#define UNKNOWN 0x1FFFFFFF
#define FAR (-(1 << 24))
#define TICKS 0x3FFFFFFF

enum { SOME_UNKNOWN = 1, AT_RAIL = 2, JUMPED = 4, SWUNG = 8, STEPPED = 16, ENDS = 32, GAP = 64 };
enum { SUM_OFF = 128, FAST = 256, APART = 512, CELLS = 1024, STACK = 2048, TEMPS = 4096 };

struct group {
    int32_t first[8], sequence, judged, stamp, read, read_before, longest, end;
};

struct sample {
    int32_t head[8];
    struct group cells, temps, current, stack, board;
    int32_t end, health[17];
};

struct cell {
    int32_t before, reference, next;
};

struct state {
    int32_t count, known, sum, least, most, rise, fall, moved, shifted, swing, swing_at, keep;
    int32_t jump_mv, swing_mv, move_mv, low_rail_mv, high_rail_mv, until_keep, keep_every;
    int32_t cells_at, current_at, now_ma, last_ma, before_ma, cells_seen, current_seen, cells_ms;
    int32_t elapsed_ms, moving, followed, sum_at, sum_count, offset_mv, slack_mv;
    int32_t reference_offset_mv, next_offset_mv, stack_at, stack_seen, temps_at, temp_count;
    int32_t temps_seen, temps_ms, rest_ma, rested, rest_scans, move_ma, end_mv, sums[8];
    int32_t cells_since, sum_mv, apart_dk, calm_offset_mv, was_fast;
    struct cell cells[];
};

static int32_t beyond(int32_t value, int32_t limit) {
    return value > limit || -value > limit;
}

static int32_t compare(const int32_t *voltages, struct state *state, int32_t keep) {
    int32_t known = 0, sum = 0, least = UNKNOWN, most = 0, rise = FAR, fall = -FAR;
    int32_t moved = 0, shifted = 0, swing = 0, swing_at = state->count, below = FAR, first = 0;
    for (int32_t at = 0; at < state->count; at++) {
        struct cell *cell = &state->cells[at];
        int32_t value = voltages[at];
        if (keep) {
            if (keep == 1)
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
                } else if (known == 1) {
                    first = shift;
                }
            }
            below = shift;
        } else {
            below = FAR;
        }
    }
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
    int32_t told = known != state->count;
    if (known) {
        if (least <= state->low_rail_mv || most >= state->high_rail_mv)
            told |= AT_RAIL;
        int32_t jump = known * state->jump_mv;
        if (known * rise - moved > jump || moved - known * fall > jump)
            told |= JUMPED;
        if (swing > state->swing_mv)
            told |= SWUNG;
        if (beyond(moved, known * state->move_mv))
            told |= STEPPED;
        if (beyond(known * first - shifted, known * state->end_mv))
            told |= ENDS;
        if (below > FAR && beyond(known * below - shifted, known * state->end_mv))
            told |= ENDS;
    }
    return told;
}

static int32_t look_at_cells(struct sample *sample, struct state *state) {
    state->cells_seen = sample->cells.sequence;
    state->elapsed_ms = (sample->cells.read - state->cells_ms) & TICKS;
    state->cells_ms = sample->cells.read;
    state->before_ma = state->last_ma;
    state->last_ma = state->now_ma;
    state->now_ma = UNKNOWN;
    if (sample->current.sequence != state->current_seen) {
        state->now_ma = ((int32_t *)sample)[state->current_at];
        state->current_seen = sample->current.sequence;
    }
    int32_t due = 0;
    if (--state->until_keep <= 0) {
        state->until_keep = 0;
        if (!state->moving && !state->followed)
            due = state->keep;
    }
    int32_t told = compare((int32_t *)((char *)sample + state->cells_at), state, due);
    if (state->now_ma < UNKNOWN && state->last_ma < UNKNOWN &&
        beyond(state->now_ma - state->last_ma, state->move_ma))
        told |= STEPPED;
    if (due) {
        if (due == 1) {
            state->reference_offset_mv = state->next_offset_mv;
            state->next_offset_mv = state->calm_offset_mv;
        }
        state->keep = told & STEPPED ? 2 : 1;
        if (state->keep == 1)
            state->until_keep = state->keep_every;
    }
    state->moving = told & STEPPED;
    if (state->known)
        sample->health[14] = state->most - state->least;
    state->sums[state->sum_at] = told & SOME_UNKNOWN ? UNKNOWN : state->sum;
    state->sum_at = state->sum_at + 1 == state->sum_count ? 0 : state->sum_at + 1;
    state->cells_since = 1;
    return told | CELLS | (state->elapsed_ms > 1000 ? GAP : 0);
}

static int32_t look_at_stack(struct sample *sample, struct state *state) {
    state->stack_seen = sample->stack.sequence;
    int32_t stack_mv = ((int32_t *)sample)[state->stack_at];
    if (stack_mv >= UNKNOWN || !state->cells_since)
        return 0;
    state->cells_since = 0;
    int32_t least = UNKNOWN, most = 0;
    for (int32_t at = 0; at < state->sum_count; at++) {
        int32_t sum = state->sums[at];
        least = sum < least ? sum : least;
        most = sum > most ? sum : most;
    }
    if (most >= UNKNOWN)
        return 0;
    if (state->sum_mv >= state->slack_mv << 1)
        state->calm_offset_mv = state->offset_mv;
    state->offset_mv = stack_mv - ((least + most) >> 1);
    state->slack_mv = (most - least) >> 1;
    int32_t allowed = state->sum_mv + ((most * 41) >> 13);
    return STACK | (stack_mv > most + allowed || stack_mv < least - allowed ? SUM_OFF : 0);
}

static int32_t look_at_temps(struct sample *sample, struct state *state) {
    state->temps_seen = sample->temps.sequence;
    int32_t told = TEMPS;
    int32_t elapsed = (sample->temps.read - state->temps_ms) & TICKS;
    int32_t keep = elapsed >= 1000;
    int32_t most_dk = 10 + (((elapsed > 60000 ? 60000 : elapsed) * 205) >> 12);
    const int32_t *values = (int32_t *)((char *)sample + state->temps_at);
    int32_t *references = (int32_t *)&state->cells[state->count];
    int32_t any = 0, least = 0, most = 0;
    for (int32_t at = 0; at < state->temp_count; at++) {
        int32_t value = values[at];
        if (value < UNKNOWN) {
            least = !any || value < least ? value : least;
            most = !any || value > most ? value : most;
            any = 1;
            if (references[at] < UNKNOWN && beyond(value - references[at], most_dk))
                told |= FAST;
        }
    }
    if (keep && (state->was_fast || !(told & FAST))) {
        state->temps_ms = sample->temps.read;
        for (int32_t at = 0; at < state->temp_count; at++)
            references[at] = values[at];
    }
    state->was_fast = told & FAST;
    if (any) {
        sample->health[15] = most - least;
        int32_t current_ma = ((int32_t *)sample)[state->current_at];
        if (current_ma >= UNKNOWN || beyond(current_ma, state->rest_ma - 1))
            state->rested = 0;
        else if (state->rested < state->rest_scans)
            state->rested++;
        else if (most - least > state->apart_dk)
            told |= APART;
    }
    return told;
}

int look(struct sample *sample, struct state *state) {
    int32_t told = 0;
    if (sample->cells.sequence != state->cells_seen)
        told |= look_at_cells(sample, state);
    if (sample->stack.sequence != state->stack_seen)
        told |= look_at_stack(sample, state);
    if (sample->temps.sequence != state->temps_seen)
        told |= look_at_temps(sample, state);
    return told;
}
