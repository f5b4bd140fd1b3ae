"""`make docs`: write the pages that are generated from the code."""

from host_tools.firmware import ROOT
from host_tools.handbook import first_hardware_page, limits_page, panel_page

PAGES = {
    "docs/first-hardware.md": first_hardware_page.text,
    "docs/limits.md": limits_page.text,
    "docs/inputs-and-outputs.md": panel_page.text,
}


def main():
    for path, text in PAGES.items():
        (ROOT / path).write_text(text())
        print(path)


if __name__ == "__main__":
    main()
