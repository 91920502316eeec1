"""Words with a letter wrong, as people mistype them."""

from random import Random


def misspelt(word: str, place: int, draw: Random) -> str:
    """`word` with the letter at `place`, not the last one, left out, swapped with the next, replaced or doubled."""
    return draw.choice(
        [
            word[:place] + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
            word[:place] + draw.choice("aeioustrn") + word[place + 1 :],
            word[:place] + word[place] + word[place:],
        ]
    )
