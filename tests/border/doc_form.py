# SPDX-License-Identifier: Apache-2.0
"""Checks that every function of wsline.h is documented in the same form.

LINES that apply to a whole section may follow its banner; a function must not repeat the section's
lines.

    doc_form.py HEADER
"""

import re
import sys
from pathlib import Path

from c_header import Function, functions, statuses

LINES = ("Threads", "Blocks", "Since")


def complaints(function: Function, known_statuses: set[str]) -> list[str]:
    text = "\n".join(function.doc)
    return [
        *_about_first_sentence(text),
        *_about_parameters(function, text),
        *_about_result(function, text, known_statuses),
        *(f"no line {line}:" for line in LINES if not function.line(line)),
        *(f"repeats its section: {line}" for line in function.doc if line in function.section and line),
        *(["# Safety is for Rust programmers"] if "# Safety" in text else []),
    ]


def _about_first_sentence(text: str) -> list[str]:
    paragraph = " ".join(text.split("\n\n")[0].split("\n"))
    if re.fullmatch(r"[A-Z].*\.", paragraph) and not re.search(r"\. [A-Z]", paragraph):
        return []
    return [f"begins with one sentence in a paragraph of its own, not: {paragraph[:80]!r}"]


def _about_parameters(function: Function, text: str) -> list[str]:
    wanted = [parameter.name for parameter in function.parameters]
    found = re.findall(r"^@param +(\w+) +\S", text, re.M)
    return [] if found == wanted else [f"@param for {found}, parameters are {wanted}"]


def _about_result(function: Function, text: str, known_statuses: set[str]) -> list[str]:
    retvals = re.findall(r"^@retval +(\w+) +\S", text, re.M)
    has_return = bool(re.search(r"^@return +\S", text, re.M))
    if function.returns != "wsline_status":
        wanted = function.returns != "void"
        return [] if has_return == wanted else ["@return exactly when a value is returned"]
    errors = [f"unknown status {name}" for name in retvals if name not in known_statuses]
    if "WSLINE_OK" not in retvals or len(retvals) < 2:
        errors.append("@retval for WSLINE_OK and for each error")
    return errors


def main() -> int:
    header = Path(sys.argv[1])
    known, all_functions = statuses(header), functions(header)
    failed = 0
    for function in all_functions:
        for complaint in complaints(function, known):
            print(f"{function.name}: {complaint}")
            failed += 1
    print(f"{len(all_functions)} functions, {failed} complaints")
    return 1 if failed or not all_functions else 0


if __name__ == "__main__":
    sys.exit(main())
