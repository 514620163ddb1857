"""Adds up JUnit reports: one line, `N passed, N failed`. Exits 1 when a test failed or a report has none."""
import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for path in sys.argv[1:]:
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
if skipped:
    print(f"{skipped} skipped, each with its reason above")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
