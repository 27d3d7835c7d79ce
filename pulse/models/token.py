"""What is known of a token, live or former; its text is that of `pulse.tokens`, and stored nowhere."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pulse.db import NEVER_REUSED, Base, BigId, UTCDateTime

if TYPE_CHECKING:
    from pulse.models.api_key import ApiKey


class Reason(StrEnum):
    """Why a token was retired."""

    ROTATED = "rotated"
    DELETED = "deleted"
    REVOKED = "revoked"


class Token(Base):
    """What is known of one token: all but the token. A key has at most one live one."""

    __tablename__ = "tokens"
    __table_args__ = (
        Index(
            "uq_tokens_live",
            "key_id",
            unique=True,
            postgresql_where=text("retired_at IS NULL"),
            sqlite_where=text("retired_at IS NULL"),
        ),
        Index("ix_tokens_key_id_id", "key_id", "id"),
        Index("ix_tokens_last_eight", "last_eight"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    last_eight: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    first_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str | None]

    key: Mapped["ApiKey"] = relationship(back_populates="tokens")
