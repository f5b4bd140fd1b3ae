"""`make docs`: write the pages that are generated from the code, and the points' tables."""

from host_tools.firmware import ROOT
from host_tools.handbook import (
    first_hardware_page,
    jbd_page,
    limits_page,
    modbus_page,
    native_page,
    panel_page,
    points_page,
    pylontech_page,
)
from host_tools.points import pack, sunspec

PAGES = {
    "docs/first-hardware.md": first_hardware_page.text,
    "docs/jbd.md": jbd_page.text,
    "docs/limits.md": limits_page.text,
    "docs/inputs-and-outputs.md": panel_page.text,
    "docs/points.md": points_page.text,
    "docs/modbus.md": modbus_page.text,
    "docs/native-protocol.md": native_page.text,
    "docs/pylontech.md": pylontech_page.text,
    pack.PATH: pack.text,
    sunspec.PATH: sunspec.text,
}


def main():
    for path, text in PAGES.items():
        (ROOT / path).write_text(text())
        print(path)


if __name__ == "__main__":
    main()
