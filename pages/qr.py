"""Draws what a phone's camera reads. (二维码)"""

import segno


def qr_code(text: str) -> str:
    """Return a QR code as a picture in an address. It computes: call it off the loop."""
    return segno.make(text, error="m").svg_data_uri(border=4, dark="#000", light="#fff")
