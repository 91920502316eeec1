"""For the tests of the pages of comparisons and changes: an index of forty vendors, one with a history."""

from pathlib import Path

from index.policy_index import PolicyIndex
from tests.test_history import PATH, Archive, index_of

VENDORS = [f"Vendor {number:02}" for number in range(1, 41)]
QUESTIONS = [f"do they sell my address to whoever pays for it, and since when, {number}?" for number in range(1, 25)]
HOSTILE = "<img src=x onerror=\"document.title='taken over'\"><script>document.title = 'taken over'</script>"
FORMULA = "=HYPERLINK(1) we sell your address to whoever pays for it."


def _vendor(number: int) -> str:
    days = f"We keep data number {number} for {number} days and then we delete it."
    return (
        f"# Privacy Policy\n\n{days}\n\n## Sale\n\n{FORMULA}\n\n## Use of cookies\n\nWe set a cookie in your browser.\n"
    )


def _pebblemail(days: str, *, more: str = "") -> str:
    kept = "We never sell your address to anybody at all."
    return f"# Privacy Policy\n\n{kept}\n\n## Storage\n\nWe keep recordings of your voice for {days} days.\n{more}"


def vendors_index(folder: Path) -> PolicyIndex:
    """Forty vendors with a version each, and Pebblemail with four, one of them technical."""
    made = Archive(folder / "vendors-versions")
    files = {f"{name.replace(' ', '_')}__Privacy_Policy.md": _vendor(at) for at, name in enumerate(VENDORS, start=1)}
    made.commit("2020-01-01", "First record of all Privacy Policies", **files)
    made.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{PATH: _pebblemail("ten")})
    made.commit("2021-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: _pebblemail("nine")})
    menu = "\nMenu of this page and all others\n"
    subject = "Apply technical or declaration upgrade on Pebblemail Privacy Policy"
    made.commit("2021-06-01", subject, **{PATH: _pebblemail("nine", more=menu)})
    sold = f"{menu}\n## Sale\n\nWe sell your address to whoever pays & {HOSTILE} for it.\n"
    made.commit(
        "2022-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: _pebblemail("two", more=sold)}
    )
    return index_of(made, folder / "index")
