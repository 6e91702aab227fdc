"""The bank of labelled mistakes: an exam for what names mistakes, in functions that are not the article's."""

from hashlib import sha256

from tests.gradcheck.diagnosis.bank_algebra import ALGEBRA
from tests.gradcheck.diagnosis.bank_attention import ATTENTIONS
from tests.gradcheck.diagnosis.bank_convolutions import CONVOLUTIONS
from tests.gradcheck.diagnosis.bank_elementwise import ELEMENTWISE
from tests.gradcheck.diagnosis.bank_losses import LOSSES
from tests.gradcheck.diagnosis.bank_norms import NORMS
from tests.gradcheck.diagnosis.bank_recurrent import RECURRENT
from tests.gradcheck.diagnosis.labelled import Labelled

BANK: list[Labelled] = [*NORMS, *ATTENTIONS, *RECURRENT, *LOSSES, *CONVOLUTIONS, *ELEMENTWISE, *ALGEBRA]


def half(name: str) -> bool:
    """A coin tossed with the name, the same in every run: which half of the bank a mistake belongs to."""
    return sha256(name.encode()).digest()[0] % 2 == 0
