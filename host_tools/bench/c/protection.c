/* The protection kernel of firmware/lib/vigil/kernels.py in C, for comparison only. */

#include <stdint.h>

#define UNKNOWN 0x1FFFFFFF
#define NOTHING (-(1 << 28))
#define ALWAYS (NOTHING - 1)
#define TICKS 0x3FFFFFFF
#define CHANGED 16
#define ACTIVE 32

struct health {
    int32_t unknown, fresh, silence, fault, charge_trip, discharge_trip, called, spare;
};

struct group {
    int32_t first, highest, lowest, highest_at, lowest_at, unknown, fresh, age;
    int32_t sequence, judged, stamp, read, read_before, longest, end;
};

struct row {
    int32_t scalar, level, elapsed, tripped, trip, release, told;
    int32_t trip_delay, release_delay, actions;
};

static void reduce(char *sample, struct group *group) {
    int32_t *value = (int32_t *)(sample + group->first);
    int32_t *end = (int32_t *)(sample + group->end);
    int32_t unknown = 0;
    while (value != end && *value >= UNKNOWN) {
        unknown++;
        value++;
    }
    int32_t lowest = *value, highest = *value;
    int32_t *lowest_at = value, *highest_at = value;
    if (value == end) {
        group->highest = group->lowest = NOTHING;
    } else {
        for (; value != end; value++) {
            int32_t now = *value;
            if (now < lowest) {
                lowest = now;
                lowest_at = value;
            } else if (now > highest) {
                if (now >= UNKNOWN) {
                    unknown++;
                } else {
                    highest = now;
                    highest_at = value;
                }
            }
        }
        group->highest = highest;
        group->lowest = ~lowest;
    }
    group->highest_at = (char *)highest_at - sample;
    group->lowest_at = (char *)lowest_at - sample;
    group->unknown = unknown;
    int32_t fresh = ((group->read - group->read_before) & TICKS) + 1;
    group->fresh = fresh > group->longest ? group->longest : fresh;
    group->read_before = group->read;
    group->judged = group->sequence;
}

int judge(char *sample, int now_ms, struct row *row) {
    struct health *health = (struct health *)sample;
    health->fresh = ((now_ms - health->called) & TICKS) + 1;
    health->called = now_ms;
    struct group *group = (struct group *)(health + 1);
    for (; group->first; group++) {
        group->age = (now_ms - group->stamp) & TICKS;
        if (group->sequence != group->judged)
            reduce(sample, group);
        else
            group->fresh = 0;
    }

    int32_t result = 0;
    for (; row->scalar; row++) {
        int32_t value = ((int32_t *)sample)[row->scalar];
        if (value <= row->level)
            continue;
        int32_t *told = (int32_t *)(sample + row->told);
        int32_t unknown = told[0], fresh = told[1];
        if (fresh) {
            if (row->tripped) {
                int32_t elapsed = 0;
                if (!unknown && value <= row->release) {
                    elapsed = row->elapsed ? row->elapsed + fresh - 1 : 1;
                    if (elapsed > row->release_delay) {
                        elapsed = 0;
                        row->tripped = 0;
                        row->level = row->trip;
                        result |= CHANGED;
                    }
                }
                row->elapsed = elapsed;
            } else if (value > row->trip) {
                int32_t elapsed = row->elapsed ? row->elapsed + fresh - 1 : 1;
                row->level = ALWAYS;
                if (elapsed > row->trip_delay) {
                    elapsed = 0;
                    row->tripped = 1;
                    result |= CHANGED;
                }
                row->elapsed = elapsed;
            } else if (!unknown) {
                row->elapsed = 0;
                row->level = row->trip;
            }
        }
        if (row->tripped)
            result |= row->actions;
        else if (row->elapsed)
            result |= ACTIVE;
    }
    return result;
}
