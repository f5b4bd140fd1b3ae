"""The catalog of mutations fits the firmware as it is: each is one change that can be made."""

import ast

import pytest

from host_tools.mutants import catalog
from host_tools.mutants.tree import ROOT

MUTATIONS = catalog.mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.name for one in MUTATIONS])
def test_a_mutation_changes_one_place_into_code_that_can_be_read(mutation):
    text = (ROOT / mutation.file).read_text()
    assert text.count(mutation.old) == 1
    assert mutation.new != mutation.old
    # Code that cannot be read would be noticed by every test and prove nothing of any.
    ast.parse(text.replace(mutation.old, mutation.new))


def test_every_test_that_is_asked_exists():
    asked = {test for mutation in MUTATIONS for test in mutation.tests} | set(catalog.THEN)
    assert [test for test in sorted(asked) if not (ROOT / test.split("::")[0]).is_file()] == []
