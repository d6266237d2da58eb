"""The addresses and ASNs of a fabric."""

from __future__ import annotations

from hedgehog.airflow.web.models.common import Model


class AddressUser(Model):
    """Who has an address or ASN."""

    value: str
    object: str
    """`Switch/default/leaf-1`; the control VIP belongs to `Fabricator/fab/default`."""
    field: str
    """`spec.asn`."""


class AddressRange(Model):
    """A range from which addresses or ASNs are assigned."""

    name: str
    """`management`, `dummy`, `protocol`, `vtep`, `links` or `leaf-asn`."""
    span: str
    """First and last value that may be assigned; empty: none may."""
    size: int
    used: int
    """Values of the span that somebody has."""
    free: int
    next_free: str
    """What is assigned next; empty: nothing is free."""
    uses: list[AddressUser]
    """By value; also values outside of the span."""
