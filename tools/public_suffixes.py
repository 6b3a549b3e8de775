# SPDX-License-Identifier: Apache-2.0
"""Updates the list used by src/protocol/http/public_suffix.rs.

    public_suffixes.py PUBLIC_SUFFIX_LIST

PUBLIC_SUFFIX_LIST is https://publicsuffix.org/list/public_suffix_list.dat. The script
writes its rules with names in A-labels, one per line, sorted by bytes.
"""

import sys
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "src/protocol/http/public_suffixes.txt"

HEAD = """\
// SPDX-License-Identifier: MPL-2.0
// The rules of the Public Suffix List, https://publicsuffix.org/list/public_suffix_list.dat, under
// the Mozilla Public License, v. 2.0, https://mozilla.org/MPL/2.0/. Written by
// tools/public_suffixes.py, which leaves the comments out and gives names in A-labels.

"""


def rules(text: str) -> set[str]:
    """Rules end at the first blank; `//` starts a comment."""
    lines = (line.split() for line in text.splitlines())
    return {a_labels(words[0]) for words in lines if words and not words[0].startswith("//")}


def a_labels(rule: str) -> str:
    mark = "!" if rule.startswith("!") else ""
    return mark + rule.removeprefix(mark).lower().encode("idna").decode("ascii")


def main() -> None:
    found = rules(Path(sys.argv[1]).read_text(encoding="utf-8"))
    OUTPUT.write_text(HEAD + "".join(f"{rule}\n" for rule in sorted(found)))
    print(f"{len(found)} rules")


if __name__ == "__main__":
    main()
