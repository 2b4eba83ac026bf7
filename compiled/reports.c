/* JSON reports to columns. Takes what is written as agents write it; what it does not take, streams/json_wire.py reads.

   Nothing is taken that json_wire would refuse, and nothing is read that lies outside of a message: every loop is bounded by `end`. */

#define _GNU_SOURCE /* strtod_l */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

enum { TEXT, NUMBER, WHOLE, TRUTH, OTHER };
enum { MOST_FIELDS = 32, LONGEST_NUMBER = 64 };

/* As _Field of streams/json_columns.py. */
typedef struct {
    const char *name;
    int32_t name_length;
    int32_t kind;
    int32_t longest; /* of a text, bytes */
    int32_t is_required;
    double least, most;
    const char *choices; /* each closed by a line feed; NULL: any text */
} Field;

/* As _Columns of streams/json_columns.py: [fields][room], by field and report. */
typedef struct {
    const uint8_t **start; /* of a text */
    int32_t *length; /* of a text; -1: not stated */
    double *number;  /* nan: not stated */
    uint8_t *is_used; /* [fields] whether any report states it: the lines of other fields are not written */
    int64_t room;
} Columns;

static locale_t plain;

__attribute__((constructor)) static void begin(void) { plain = newlocale(LC_ALL_MASK, "C", NULL); }

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint8_t *past_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

/* The closing quote of a text that begins at `at`; NULL where it holds an escape, a control character or more than ASCII. */
static const uint8_t *closing(const uint8_t *at, const uint8_t *end) {
    for (; at < end; at++) {
        if (*at == '"') return at;
        if (*at < 0x20 || *at >= 0x80 || *at == '\\') return NULL;
    }
    return NULL;
}

static int is_digit(const uint8_t *at, const uint8_t *end) { return at < end && *at >= '0' && *at <= '9'; }

/* A number by the grammar of JSON, rounded to the nearest double; NULL where there is none. */
static const uint8_t *number(const uint8_t *at, const uint8_t *end, double *value, int *is_whole) {
    const uint8_t *begin = at;
    uint64_t digits = 0;
    int taken = 0, exponent = 0, is_negative = at < end && *at == '-';
    at += is_negative;
    if (!is_digit(at, end) || (*at == '0' && is_digit(at + 1, end))) return NULL;
    *is_whole = 1;
    for (; is_digit(at, end); at++) {
        digits = digits * 10 + (*at - '0'); /* wraps around where `taken` says that it does not count */
        taken += digits != 0;
    }
    if (at < end && *at == '.') {
        *is_whole = 0;
        if (!is_digit(++at, end)) return NULL;
        for (; is_digit(at, end); at++, exponent--) {
            digits = digits * 10 + (*at - '0');
            taken += digits != 0;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        int power = 0, is_down = 0, places = 0;
        *is_whole = 0;
        at++;
        if (at < end && (*at == '+' || *at == '-')) is_down = *at++ == '-';
        for (; is_digit(at, end); at++, places++) power = places < 4 ? power * 10 + (*at - '0') : power;
        if (places < 1 || places > 4) return NULL;
        exponent += is_down ? -power : power;
    }
    /* Both exact as doubles, so that one division or product rounds right (Clinger, How to read floating point numbers accurately, 1990). */
    if (FLT_EVAL_METHOD == 0 && taken <= 19 && digits <= (1ULL << 53) && exponent >= -22 && exponent <= 22) {
        double exact = (double)digits;
        exact = exponent < 0 ? exact / POWERS[-exponent] : exact * POWERS[exponent];
        *value = is_negative ? -exact : exact;
        return at;
    }
    char text[LONGEST_NUMBER + 1];
    if (at - begin > LONGEST_NUMBER || !plain) return NULL;
    memcpy(text, begin, (size_t)(at - begin));
    text[at - begin] = 0;
    *value = strtod_l(text, NULL, plain);
    return isfinite(*value) ? at : NULL;
}

static int is_one_of(const char *choices, const uint8_t *text, ptrdiff_t length) {
    while (*choices) {
        const char *stop = strchr(choices, '\n');
        if (stop - choices == length && !memcmp(choices, text, (size_t)length)) return 1;
        choices = stop + 1;
    }
    return 0;
}

static const uint8_t *literal(const uint8_t *at, const uint8_t *end, const char *word, ptrdiff_t length) {
    return end - at >= length && !memcmp(at, word, (size_t)length) ? at + length : NULL;
}

/* The value of a field, put in its line; NULL where it is not taken. */
static const uint8_t *value(const uint8_t *at, const uint8_t *end, const Field *field, int64_t place,
                            Columns *columns) {
    if (at >= end) return NULL;
    if (*at == 'n') return field->is_required ? NULL : literal(at, end, "null", 4);
    if (field->kind == TEXT) {
        if (*at != '"') return NULL;
        const uint8_t *text = at + 1, *stop = closing(text, end);
        if (!stop || stop == text || stop - text > field->longest) return NULL;
        if (field->choices && !is_one_of(field->choices, text, stop - text)) return NULL;
        columns->start[place] = text;
        columns->length[place] = (int32_t)(stop - text);
        return stop + 1;
    }
    if (field->kind == NUMBER || field->kind == WHOLE) {
        int is_whole;
        double given;
        if (!(at = number(at, end, &given, &is_whole))) return NULL;
        if (!(given >= field->least && given <= field->most) || (field->kind == WHOLE && !is_whole)) return NULL;
        columns->number[place] = given;
        return at;
    }
    if (field->kind == TRUTH) {
        columns->number[place] = *at == 't';
        return *at == 't' ? literal(at, end, "true", 4) : literal(at, end, "false", 5);
    }
    return NULL;
}

/* The first report that states a field makes its line: those before did not state it. */
static void begin_line(Columns *columns, const Field *field, int number, int64_t row) {
    int64_t first = number * columns->room;
    columns->is_used[number] = 1;
    for (int64_t place = first; place <= first + row; place++) {
        if (field->kind == TEXT) columns->length[place] = -1;
        else columns->number[place] = NAN;
    }
}

static int named(const Field *fields, int count, const uint8_t *name, int64_t length) {
    for (int at = 0; at < count; at++)
        if (fields[at].name_length == length && !memcmp(fields[at].name, name, (size_t)length)) return at;
    return -1;
}

/* One report into row `row`; whether it was taken. `order` is the fields in the order of the report before. */
static int report(const uint8_t *at, const uint8_t *end, const Field *fields, int count, int *order, int64_t row,
                  Columns *columns) {
    uint32_t stated = 0;
    for (int field = 0; field < count; field++) {
        if (!columns->is_used[field]) continue;
        if (fields[field].kind == TEXT) columns->length[field * columns->room + row] = -1;
        else columns->number[field * columns->room + row] = NAN;
    }
    at = past_space(at, end);
    if (at >= end || *at++ != '{') return 0;
    for (int member = 0;; member++) {
        at = past_space(at, end);
        if (at >= end || *at++ != '"') return 0; /* an empty object states too little */
        const uint8_t *name = at;
        if (!(at = closing(at, end))) return 0;
        int64_t length = at++ - name;
        int field = member < count ? order[member] : -1;
        if (field < 0 || fields[field].name_length != length || memcmp(fields[field].name, name, (size_t)length)) {
            field = named(fields, count, name, length);
            if (field < 0) return 0;
            if (member < count) order[member] = field;
        }
        if (stated >> field & 1) return 0; /* of two, which one counts? */
        stated |= (uint32_t)1 << field;
        if (!columns->is_used[field]) begin_line(columns, &fields[field], field, row);
        at = past_space(at, end);
        if (at >= end || *at++ != ':') return 0;
        at = value(past_space(at, end), end, &fields[field], field * columns->room + row, columns);
        if (!at) return 0;
        at = past_space(at, end);
        if (at >= end) return 0;
        if (*at == '}') break;
        if (*at++ != ',') return 0;
    }
    for (int field = 0; field < count; field++)
        if (fields[field].is_required && !(stated >> field & 1)) return 0;
    return past_space(at + 1, end) == end;
}

/* Reports at start[i] of length[i] bytes (-1: none) into rows of `columns`, one after the other; returns how many were taken, and
   which in `is_taken`. */
int64_t trustscore_reports(const uint8_t *const *start, const int32_t *length, int64_t reports, const Field *fields,
                           int32_t count, Columns *columns, uint8_t *is_taken) {
    int order[MOST_FIELDS];
    int64_t row = 0;
    if (count > MOST_FIELDS) return -1;
    for (int at = 0; at < count; at++) order[at] = -1;
    for (int64_t at = 0; at < reports; at++) {
        is_taken[at] = length[at] > 0 && report(start[at], start[at] + length[at], fields, count, order, row, columns);
        row += is_taken[at];
    }
    return row;
}

/* The texts of one line put together, with the offset of each as Arrow has them, `offsets` [rows + 1]; bit by bit which are stated. Of
   texts that are not stated there are as many as is returned. */
int64_t trustscore_texts(const uint8_t *const *start, const int32_t *length, int64_t rows, int32_t *offsets, uint8_t *texts,
                         uint8_t *is_stated) {
    int64_t missing = 0;
    int32_t size = 0;
    memset(is_stated, 0, (size_t)(rows + 7) / 8);
    for (int64_t row = 0; row < rows; row++) {
        offsets[row] = size;
        if (length[row] < 0) {
            missing++;
            continue;
        }
        is_stated[row / 8] = (uint8_t)(is_stated[row / 8] | 1 << row % 8);
        memcpy(texts + size, start[row], (size_t)length[row]);
        size += length[row];
    }
    offsets[rows] = size;
    return missing;
}
