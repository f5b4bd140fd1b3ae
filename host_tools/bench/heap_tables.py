"""`python -m host_tools.bench.heap_tables`: measures every row of the pages' tables of heap.

Writes them between the marks of docs/deploying.md and docs/bluetooth.md; takes ten minutes.
"""

from host_tools.bench import heap
from host_tools.build import image
from host_tools.firmware import load

(knows,) = load("knows")
PARTS = tuple(part[0] for part in knows.PARTS)
ROMFS = " in ROMFS"
# Where each board's heap is looked at.
PLACES = {
    "pico_bq76952": ("a Pico", "a Pico W"),
    "pico_bq76940": ("a Pico", "a Pico W"),
    "pico_isl94202": ("a Pico", "a Pico W"),
    "pico_ltc6813_contactors": ("a Pico", "a Pico W"),
    "libresolar_bms_c1": ("an ESP32-C3 with Bluetooth",),
    "libresolar_bms_c1 in ROMFS": ("an ESP32-C3 with Bluetooth",),
    "esp32_bq76952": ("an ESP32", "an ESP32 with Bluetooth"),
    "esp32_bq76952 in ROMFS": ("an ESP32", "an ESP32 with Bluetooth"),
}
_KNOWING = list(PLACES)[:4] + ["libresolar_bms_c1 in ROMFS"]
_LINKS = {
    "`jbd`: 03, 04, 05": "jbd",
    "`jbd_parameters`: everything to read": "jbd_parameters",
    "`jbd_writing`, with points and keys": "jbd_writing",
    "`pylontech`, with points and keys": "pylontech",
    "`modbus` with SunSpec and the native protocol, points and keys": "modbus",
}
_RADIO = (
    ("libresolar_bms_c1", ("jbd", "bthome")),
    ("libresolar_bms_c1 in ROMFS", ("jbd", "bthome")),
    ("libresolar_bms_c1 in ROMFS", ("jbd_writing", "native", "bthome_sealed", "pairing")),
    ("pico_bq76952", ()),
    ("pico_bq76952", ("jbd_parameters", "bthome")),
    ("pico_bq76952", ("jbd_writing", "native", "bthome")),
)
_measured = {}


def kept(kind, **choices):
    """Bytes that a board keeps, as it is or with other constants."""
    key = (kind, repr(sorted(choices.items())))
    if key not in _measured:
        board = kind.removesuffix(ROMFS)
        choices.setdefault("KNOWS", image.constant(_file(board), "KNOWS"))
        parts, switches_on = heap.measure(board, kind != board, **choices)
        if not switches_on:
            raise RuntimeError(f"{kind}: the switches are not on after the start")
        _measured[key] = sum(parts.values())
        print(kind, choices, f"{_measured[key]:,}", flush=True)
    return _measured[key]


def free(kind, place, **choices):
    board = kind.removesuffix(ROMFS)
    processor = image.constant(_file(board), "PROCESSOR")
    return heap.free_after_start(processor, kept(kind, **choices))[place]


def _file(board):
    return image.ROOT / "boards" / board / "board.py"


def _kb(size):
    return f"{size // 1024} KB"


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def boards_table():
    rows = []
    for kind, places in PLACES.items():
        board = kind.removesuffix(ROMFS)
        known = ", ".join(image.constant(_file(board), "KNOWS")) or "nothing"
        left = "; ".join(f"{_kb(free(kind, place))} on {place}" for place in places)
        name = f"`{board}`{ROMFS if kind != board else ''}"
        rows.append([name, known, _kb(kept(kind)), left])
    return _table(["board", "its `KNOWS`", "kept by the firmware", "free"], rows)


def parts_table():
    rows = []
    for count in range(len(PARTS) + 1):
        chosen = PARTS[:count]
        row = [f"and `{PARTS[count - 1]}`" if count > 1 else f"`{chosen[0]}`" if count else "`()`"]
        for kind in _KNOWING:
            size = _kb(free(kind, PLACES[kind][0], KNOWS=chosen))
            as_it_is = image.constant(_file(kind.removesuffix(ROMFS)), "KNOWS") == chosen
            row.append(f"**{size}**" if as_it_is else size)
        rows.append(row)
    heads = [kind.replace("libresolar_bms_c1", "`libresolar_bms_c1`") for kind in _KNOWING]
    return _table(["`KNOWS`", *[h if "`" in h else f"`{h}`" for h in heads]], rows)


def links_table():
    rows = [
        [
            name,
            *[
                _kb(free("pico_bq76952", place, RS485_PROTOCOL=link))
                for place in PLACES["pico_bq76952"]
            ],
        ]
        for name, link in _LINKS.items()
    ]
    return _table(["protocol", "free on a Pico", "on a Pico W"], rows)


def radio_table():
    rows = []
    for kind, parts in _RADIO:
        board = kind.removesuffix(ROMFS)
        place = PLACES[kind][-1]
        told = "(" + ", ".join(f'"{part}"' for part in parts) + ")"
        name = f"`{board}`{ROMFS if kind != board else ''}, `{told}`"
        used = kept(kind, BLUETOOTH=parts)
        rows.append([name, _kb(used), _kb(free(kind, place, BLUETOOTH=parts)), place])
    return _table(["board, `BLUETOOTH`", "kept by the firmware", "free", "on"], rows)


TABLES = {
    "docs/deploying.md": {"boards": boards_table, "parts": parts_table, "links": links_table},
    "docs/bluetooth.md": {"radio": radio_table},
}


def marks(name):
    return f"<!-- heap {name}: begin -->\n", f"<!-- heap {name}: end -->\n"


def main():
    for page, tables in TABLES.items():
        path = image.ROOT / page
        for name, make in tables.items():
            begin, end = marks(name)
            table = make()
            print(table)
            before, _, rest = path.read_text("utf-8").partition(begin)
            path.write_text(f"{before}{begin}{table}{end}{rest.partition(end)[2]}", "utf-8")


if __name__ == "__main__":
    main()
