"""What a VMA says about a page: nothing is mapped there, or with which rights."""

from __future__ import annotations

NO_VMA = 0
"""value of `Mm.vma` where nothing is mapped; otherwise PROT_NONE, READ_ONLY or READ_WRITE"""
