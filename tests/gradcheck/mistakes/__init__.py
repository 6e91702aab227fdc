"""All planted mistakes: in the article's operations, in the layers beside them, in operations of all kinds."""

from tests.gradcheck.mistakes.article import ARTICLE
from tests.gradcheck.mistakes.layers import LAYERS
from tests.gradcheck.mistakes.various import VARIOUS

MISTAKES = [*ARTICLE, *LAYERS, *VARIOUS]
