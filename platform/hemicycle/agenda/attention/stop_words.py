"""Words without a topic. English ones are scikit-learn's; French ones this list of closed word classes.

The French list holds articles, pronouns, prepositions, conjunctions, adverbs of degree, time and negation, numerals up
to ten, and the forms of avoir, être, faire, aller, pouvoir, vouloir, devoir and falloir that are frequent in short
posts, as a grammar lists them. Words that could name an issue (travail, état, droit) are not in it. It is this
package's own, under its licence.
"""

import re
from collections.abc import Iterable
from functools import cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

TOKEN = r"(?u)\b[^\W\d_]\w+\b"  # noqa: S105 - no password
"""A word: a letter and at least one more character. Elided articles (l', d', qu') fall away or are stop words."""

_ARTICLES = (
    "le la les un une des du de au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs"
)
_PRONOUNS = """
    je tu il elle on nous vous ils elles me te se moi toi soi lui eux en ça cela ceci celui celle ceux celles ci là
    qui que quoi dont où lequel laquelle lesquels lesquelles auquel auxquels duquel desquels quel quelle quels quelles
    chacun chacune aucun aucune quelqu quelque quelques certains certaines plusieurs tout toute tous toutes tel telle
    tels telles même mêmes autre autres rien personne qu jusqu lorsqu puisqu quelconque autrui celui-ci
"""
_LINKS = """
    à dans par pour sur sous avec sans entre vers chez contre depuis pendant avant après devant derrière dès jusque
    malgré parmi selon sauf envers hors outre voici voilà afin lors via
    et ou mais donc or ni car si comme quand lorsque puisque parce tandis quoique alors ainsi aussi cependant pourtant
    toutefois néanmoins sinon soit
"""
_ADVERBS = """
    ne pas plus moins très trop peu assez beaucoup bien mal mieux encore déjà toujours jamais souvent parfois ici
    hier demain aujourd hui maintenant bientôt tard tôt puis ensuite enfin surtout vraiment seulement presque environ
    autant tant tellement plutôt ailleurs partout non oui point guère combien comment pourquoi notamment également
"""
_VERBS = """
    ai as a avons avez ont avais avait avions aviez avaient aurai auras aura aurons aurez auront aurais aurait aurions
    auriez auraient aie aies ait ayons ayez aient ayant eu eue eus eues avoir
    suis es est sommes êtes sont étais était étions étiez étaient serai seras sera serons serez seront serais serait
    serions seriez seraient sois soyons soyez soient étant été être fut furent fût
    fais fait faits faite faites faisons font faisait faisaient fera feront ferait fasse faire faisant
    vais vas va allons allez vont allait allaient ira iront irait aille aller
    peux peut pouvons pouvez peuvent pouvait pouvaient pourra pourront pourrait pourraient puisse pouvoir
    veux veut voulons voulez veulent voulait voulaient voudra voudrait veuille vouloir
    dois doit devons devez doivent devait devaient devra devront devrait devraient devoir faut fallait faudra faudrait
"""
_NUMERALS = "deux trois quatre cinq six sept huit neuf dix premier première"
_POSTS = "rt http https www com amp cc via"

FRENCH = frozenset(f"{_ARTICLES} {_PRONOUNS} {_LINKS} {_ADVERBS} {_VERBS} {_NUMERALS}".split())
"""French words without a topic, in lower case."""
POSTS = frozenset(_POSTS.split())
"""What remains of addresses and of the conventions of posts."""
_LISTS = {"fr": FRENCH, "en": frozenset(ENGLISH_STOP_WORDS)}


@cache
def stop_words(languages: tuple[str, ...], further: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return stop words as the tokeniser cuts them, sorted.

    Args:
        languages: ``fr`` or ``en``, any number.
        further: more words.
    """
    words: Iterable[str] = frozenset().union(POSTS, further, *(_LISTS[language] for language in languages))
    return tuple(sorted({part for word in words for part in re.findall(TOKEN, word.lower())}))
