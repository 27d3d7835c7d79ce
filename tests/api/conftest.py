"""What the tests of the API share."""

import pytest

from tests.statements import noted


@pytest.fixture
def statements(app):
    """Every statement sent from now on by requests."""
    with noted(app) as sent:
        yield sent
