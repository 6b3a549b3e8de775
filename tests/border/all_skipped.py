#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that tests/ctest.py fails if no test has run.

  all_skipped.py SOURCE_DIR
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RUNNER = Path(sys.argv.pop(1), "tests/ctest.py")
SKIPPED = """\
add_test(skipped echo "skipped: there is no compiler")
set_tests_properties(skipped PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
"""
DISABLED = "add_test(disabled true)\nset_tests_properties(disabled PROPERTIES DISABLED TRUE)\n"
PASSES = "add_test(passes true)\n"
FAILS = "add_test(fails false)\n"


class AllSkipped(unittest.TestCase):
    def run_tests(self, tests):
        with tempfile.TemporaryDirectory() as build:
            Path(build, "CTestTestfile.cmake").write_text(tests)
            command = [sys.executable, RUNNER, build, "--parallel", "2"]
            done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout

    def test_one_passes(self):
        for tests in (PASSES, PASSES + SKIPPED + DISABLED):
            self.assertEqual(self.run_tests(tests)[0], 0)

    def test_one_fails(self):
        self.assertNotEqual(self.run_tests(FAILS + PASSES)[0], 0)

    def test_all_are_skipped(self):
        status, output = self.run_tests(SKIPPED + DISABLED)
        self.assertEqual(status, 1)
        self.assertTrue(
            output.endswith("\nskipped: there is no compiler\nfailed: no test has run\n"), output
        )

    def test_there_is_none(self):
        self.assertNotEqual(self.run_tests("")[0], 0)


if __name__ == "__main__":
    unittest.main()
