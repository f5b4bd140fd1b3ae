"""`make docs`: write the pages that are generated from the code."""

from host_tools.firmware import ROOT
from host_tools.handbook import limits_page, panel_page

PAGES = {
    "docs/limits.md": limits_page.text,
    "docs/inputs-and-outputs.md": panel_page.text,
}


def main():
    for path, text in PAGES.items():
        (ROOT / path).write_text(text())
        print(path)


if __name__ == "__main__":
    main()
