"""The last result of the long campaign, written into docs/campaign.md between two marks."""

from host_tools.campaign import tally

BEGIN = "<!-- last result: written by make campaign -->\n"
END = "<!-- end of last result -->\n"


def write(path, result):
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    lines = "\n".join(tally.report(result))
    path.write_text(f"{before}{BEGIN}\n```\n{lines}\n```\n\n{END}{after}")
